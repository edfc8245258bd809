package pipeline

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"touchstream/pipeline/schema"
)

// retryWaitMin and retryWaitMax are the waits between two attempts; tests of
// many attempts make them shorter.
var (
	retryWaitMin = 100 * time.Millisecond
	retryWaitMax = 3 * time.Second
)

const (
	// closeWithin bounds the closing of one sink.
	closeWithin = 5 * time.Second
	// deliveryQueue bounds the steps that wait for a sink.
	deliveryQueue = 4
)

// parcel is a step's rows on their way to all sinks; the last one to take
// them gives them back.
type parcel struct {
	step   int64
	rows   map[*schema.Table]*schema.Rows
	digest stepDigest
	users  atomic.Int32
}

// mail is what a sink's queue holds: a step's rows or the end of a commit.
type mail struct {
	parcel *parcel
	cut    *cut
}

// delivery feeds all sinks.
type delivery struct {
	runners []*sinkRunner
	tables  []*schema.Table // all that any sink takes
	pool    chan *parcel
	failed  chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
	ctx     context.Context // of the runners; its end breaks off their waiting
	cancel  context.CancelFunc
}

func newDelivery(cfg *Config, status *Status) *delivery {
	d := &delivery{pool: make(chan *parcel, deliveryQueue+2), failed: make(chan struct{})}
	seen := map[*schema.Table]bool{}
	for _, s := range cfg.Sinks {
		d.runners = append(d.runners, newSinkRunner(s, status, d))
		for _, t := range s.Tables {
			if !seen[t] {
				seen[t] = true
				d.tables = append(d.tables, t)
			}
		}
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	status.mu.Lock()
	status.sinks = d.runners
	status.mu.Unlock()
	return d
}

// open opens the sinks, waiting for those that are away for now.
func (d *delivery) open(ctx context.Context, opening func(sink string) Opening) error {
	for _, r := range d.runners {
		o := opening(r.cfg.Name)
		o.Tables, o.Report = r.cfg.Tables, r.report
		if err := r.insist(ctx, "open", func(ctx context.Context) error { return r.cfg.Sink.Open(ctx, &o) }); err != nil {
			return err
		}
		r.opened = true
	}
	return nil
}

func (d *delivery) start() {
	for _, r := range d.runners {
		d.wg.Go(func() {
			defer func() {
				if x := recover(); x != nil {
					r.fail(internalFault(x, r.status.log))
				}
			}()
			if err := r.run(d.ctx); err != nil {
				r.fail(err)
			}
		})
	}
}

func (d *delivery) take(step int64) *parcel {
	select {
	case p := <-d.pool:
		p.step = step
		for _, r := range p.rows {
			r.Reset()
		}
		return p
	default:
	}
	p := &parcel{step: step, rows: map[*schema.Table]*schema.Rows{}}
	for _, t := range d.tables {
		p.rows[t] = schema.NewRows(t)
	}
	return p
}

func (d *delivery) give(p *parcel) {
	if p.users.Add(-1) > 0 {
		return
	}
	select {
	case d.pool <- p:
	default:
	}
}

// errNotSent: a sink failed or did not take its rows before the deadline; the
// sink's own error says more.
var errNotSent = errors.New("rows not sent")

// send queues the parcel for every sink; it blocks while a queue is full.
func (d *delivery) send(p *parcel, deadline <-chan struct{}) error {
	p.users.Store(int32(len(d.runners)) + 1)
	defer d.give(p)
	for _, r := range d.runners {
		_, n := r.rowsOf(p)
		r.queued.Add(n)
		if err := d.post(r, mail{parcel: p}, deadline); err != nil {
			return err
		}
	}
	return nil
}

// post puts mail into a sink's queue.
func (d *delivery) post(r *sinkRunner, m mail, deadline <-chan struct{}) error {
	select {
	case r.queue <- m:
		return nil
	case <-d.failed:
		return errNotSent
	case <-deadline:
		return errNotSent
	}
}

// drain waits until all that was released is delivered.
func (d *delivery) drain(ctx context.Context) error {
	errs := make([]error, len(d.runners))
	var wg sync.WaitGroup
	for i, r := range d.runners {
		wg.Go(func() {
			errs[i] = r.insist(ctx, "drain", r.cfg.Sink.Drain)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// finish ends the queues and waits until the sinks have taken what is in them,
// at most until the deadline channel fires.
func (d *delivery) finish(deadline <-chan struct{}) {
	for _, r := range d.runners {
		close(r.queue)
	}
	finished := make(chan struct{})
	go func() { d.wg.Wait(); close(finished) }()
	select {
	case <-finished:
	case <-deadline:
		d.cancel()
		<-finished
	}
}

// close closes the sinks that were opened and returns what went wrong with each.
// The context's end breaks off waiting for what cannot be broken off otherwise.
func (d *delivery) close(ctx context.Context) error {
	d.cancel()
	var errs []error
	for _, r := range d.runners {
		if r.opened {
			ctx, cancel := context.WithTimeout(ctx, closeWithin)
			if err := r.cfg.Sink.Close(ctx); err != nil {
				r.fail(fmt.Errorf("sinks.%s: %w", r.cfg.Name, err))
			}
			cancel()
		}
		errs = append(errs, r.fault())
	}
	return errors.Join(errs...)
}
