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

const (
	retryWaitMin = 100 * time.Millisecond
	retryWaitMax = 3 * time.Second
	// closeWithin bounds the closing of one sink.
	closeWithin = 5 * time.Second
	// deliveryQueue bounds the steps that wait for a sink.
	deliveryQueue = 4
)

// parcel is a step's rows on their way to all sinks; the last one to take
// them gives them back.
type parcel struct {
	step  int64
	rows  map[*schema.Table]*schema.Rows
	users atomic.Int32
}

// sinkRunner feeds one sink from its queue and holds while it is away.
type sinkRunner struct {
	cfg    SinkConfig
	status *Status
	queue  chan *parcel
	done   func(*parcel)
	every  time.Duration

	opened      bool
	queued      atomic.Int64 // rows in the queue
	retries     atomic.Int64
	flushMicros atomic.Int64
	err         error
}

func newSinkRunner(cfg SinkConfig, status *Status, every time.Duration, done func(*parcel)) *sinkRunner {
	return &sinkRunner{cfg: cfg, status: status, queue: make(chan *parcel, deliveryQueue), done: done, every: every}
}

func (r *sinkRunner) waiting() int64 { return r.queued.Load() + r.cfg.Sink.Waiting() }

func (r *sinkRunner) rowsOf(p *parcel) (d Delivery, n int64) {
	d.Step = p.step
	for _, t := range r.cfg.Tables {
		d.Rows = append(d.Rows, p.rows[t])
		n += int64(p.rows[t].N)
	}
	return d, n
}

// run delivers until the queue is closed, then flushes. The context's end
// breaks off waiting for a sink that is away.
func (r *sinkRunner) run(ctx context.Context) error {
	flush := time.NewTicker(r.every)
	defer flush.Stop()
	dirty := false
	for {
		select {
		case p, ok := <-r.queue:
			if !ok {
				return r.insist(ctx, "flush", r.flush)
			}
			d, n := r.rowsOf(p)
			if n > 0 {
				if err := r.insist(ctx, "write", func(ctx context.Context) error { return r.cfg.Sink.Write(ctx, &d) }); err != nil {
					return err
				}
				dirty = true
			}
			r.queued.Add(-n)
			r.done(p)
		case <-flush.C:
			if !dirty {
				continue
			}
			if err := r.insist(ctx, "flush", r.flush); err != nil {
				return err
			}
			dirty = false
		}
	}
}

func (r *sinkRunner) flush(ctx context.Context) error {
	from := time.Now()
	err := r.cfg.Sink.Flush(ctx)
	r.flushMicros.Store(time.Since(from).Microseconds())
	return err
}

// insist calls f until it succeeds or fails for good.
func (r *sinkRunner) insist(ctx context.Context, what string, f func(context.Context) error) error {
	hold := r.status.holder("sinks." + r.cfg.Name)
	for wait := retryWaitMin; ; wait = min(2*wait, retryWaitMax) {
		err := f(ctx)
		if err == nil {
			hold.release()
			return nil
		}
		if ctx.Err() != nil {
			return &undelivered{sink: r.cfg.Name, rows: r.waiting(), err: err}
		}
		if !IsRetryable(err) {
			return fmt.Errorf("sinks.%s: %s: %w", r.cfg.Name, what, err)
		}
		hold.because(err)
		r.retries.Add(1)
		select {
		case <-ctx.Done():
			return &undelivered{sink: r.cfg.Name, rows: r.waiting(), err: err}
		case <-time.After(wait):
		}
	}
}

// undelivered says what a stop left behind.
type undelivered struct {
	sink string
	rows int64
	err  error
}

func (u *undelivered) Error() string {
	return fmt.Sprintf("sinks.%s: stopped with %d rows not delivered: %v", u.sink, u.rows, u.err)
}

func (u *undelivered) Unwrap() error { return u.err }

// delivery feeds all sinks.
type delivery struct {
	runners []*sinkRunner
	tables  []*schema.Table // all that any sink takes
	pool    chan *parcel
	failed  chan struct{}
	once    sync.Once
	wg      sync.WaitGroup
	cancel  context.CancelFunc
}

func newDelivery(cfg *Config, status *Status) *delivery {
	d := &delivery{pool: make(chan *parcel, deliveryQueue+2), failed: make(chan struct{})}
	seen := map[*schema.Table]bool{}
	for _, s := range cfg.Sinks {
		d.runners = append(d.runners, newSinkRunner(s, status, time.Duration(cfg.FlushEvery)*time.Millisecond, d.give))
		for _, t := range s.Tables {
			if !seen[t] {
				seen[t] = true
				d.tables = append(d.tables, t)
			}
		}
	}
	status.mu.Lock()
	status.sinks = d.runners
	status.mu.Unlock()
	return d
}

// open opens the sinks, waiting for those that are away for now.
func (d *delivery) open(ctx context.Context) error {
	for _, r := range d.runners {
		err := r.insist(ctx, "open", func(ctx context.Context) error { return r.cfg.Sink.Open(ctx, r.cfg.Tables) })
		if err != nil {
			return err
		}
		r.opened = true
	}
	return nil
}

func (d *delivery) start() {
	var ctx context.Context
	ctx, d.cancel = context.WithCancel(context.Background())
	for _, r := range d.runners {
		d.wg.Go(func() {
			defer func() {
				if x := recover(); x != nil {
					r.err = internalFault(x, r.status.log)
				}
				if r.err != nil {
					d.once.Do(func() { close(d.failed) })
				}
			}()
			r.err = r.run(ctx)
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
		select {
		case r.queue <- p:
		case <-d.failed:
			return errNotSent
		case <-deadline:
			return errNotSent
		}
	}
	return nil
}

// finish closes the queues and waits until the sinks have delivered, at most
// until the deadline channel fires; it closes the sinks.
func (d *delivery) finish(deadline <-chan struct{}) error {
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
	defer d.cancel()
	return d.close()
}

// close closes the sinks that are open and returns what went wrong with each.
func (d *delivery) close() error {
	var errs []error
	for _, r := range d.runners {
		err := r.err
		if r.opened {
			ctx, cancel := context.WithTimeout(context.Background(), closeWithin)
			if closeErr := r.cfg.Sink.Close(ctx); err == nil && closeErr != nil {
				err = fmt.Errorf("sinks.%s: %w", r.cfg.Name, closeErr)
			}
			cancel()
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}
