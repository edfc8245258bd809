package pipeline

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"touchstream/pipeline/schema"
)

// sinkRunner feeds one sink from its queue and holds while it is away.
type sinkRunner struct {
	cfg    SinkConfig
	status *Status
	queue  chan mail
	owner  *delivery
	hold   *hold

	// plain are packed rows, unpacked for a sink that does not take them as they
	// are.
	plain       map[*schema.Table]*schema.Rows
	takesPacked bool

	opened    bool
	queued    atomic.Int64 // rows in the queue
	retries   atomic.Int64
	cutMicros atomic.Int64

	mu  sync.Mutex
	err error // for good
}

func newSinkRunner(cfg SinkConfig, status *Status, owner *delivery) *sinkRunner {
	r := &sinkRunner{cfg: cfg, status: status, queue: make(chan mail, deliveryQueue), owner: owner, hold: status.holder("sinks." + cfg.Name), plain: map[*schema.Table]*schema.Rows{}}
	_, r.takesPacked = cfg.Sink.(PackedTaker)
	return r
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

// run takes what the queue brings until it is closed. The context's end breaks
// off waiting for a sink that is away.
func (r *sinkRunner) run(ctx context.Context) error {
	for m := range r.queue {
		var err error
		if m.cut != nil {
			err = r.cut(ctx, m.cut)
		} else {
			err = r.write(ctx, m.parcel)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *sinkRunner) write(ctx context.Context, p *parcel) error {
	d, n := r.rowsOf(p)
	if n > 0 {
		r.unpack(&d)
		if err := r.insist(ctx, "write", func(ctx context.Context) error { return r.cfg.Sink.Write(ctx, &d) }); err != nil {
			return err
		}
	}
	r.queued.Add(-n)
	r.owner.give(p)
	return nil
}

func (r *sinkRunner) unpack(d *Delivery) {
	for i, rows := range d.Rows {
		if !rows.Packed || r.takesPacked {
			continue
		}
		plain := r.plain[rows.Table]
		if plain == nil {
			plain = schema.NewRows(rows.Table)
			r.plain[rows.Table] = plain
		}
		plain.Reset()
		plain.AppendPacked(rows)
		d.Rows[i] = plain
	}
}

// cut ends a commit in the sink and leaves its answer there.
func (r *sinkRunner) cut(ctx context.Context, c *cut) error {
	from := time.Now()
	mine := c.Cut
	if c.replayed != nil {
		mine.Decision = c.replayed.decisionOf(r.cfg.Name)
	}
	var bytes, state []byte
	err := r.insist(ctx, "commit", func(ctx context.Context) (err error) {
		bytes, err = r.cfg.Sink.Cut(ctx, &mine)
		return err
	})
	if err == nil && c.snapshot != nil {
		err = r.insist(ctx, "snapshot", func(ctx context.Context) (err error) {
			state, err = r.cfg.Sink.State(ctx)
			return err
		})
	}
	if err != nil {
		return err
	}
	r.cutMicros.Store(time.Since(from).Microseconds())
	c.answer(r.cfg.Name, bytes, state, r.cfg.Sink.Waiting())
	return nil
}

// insist calls f until it succeeds or fails for good.
func (r *sinkRunner) insist(ctx context.Context, what string, f func(context.Context) error) error {
	held := false
	for wait := retryWaitMin; ; wait = min(2*wait, retryWaitMax) {
		err := f(ctx)
		if err == nil {
			if held {
				r.hold.release()
			}
			return nil
		}
		if ctx.Err() != nil {
			return &undelivered{sink: r.cfg.Name, rows: r.waiting(), err: err}
		}
		if !IsRetryable(err) {
			return fmt.Errorf("sinks.%s: %s: %w", r.cfg.Name, what, err)
		}
		held = true
		r.hold.because(err)
		r.retries.Add(1)
		select {
		case <-ctx.Done():
			return &undelivered{sink: r.cfg.Name, rows: r.waiting(), err: err}
		case <-time.After(wait):
		}
	}
}

// report takes word of the delivery in the background.
func (r *sinkRunner) report(err error) {
	switch {
	case err == nil:
		r.hold.release()
	case IsRetryable(err):
		r.hold.because(err)
		r.retries.Add(1)
	default:
		r.fail(fmt.Errorf("sinks.%s: %w", r.cfg.Name, err))
	}
}

// fail notes the first error for good and lets everybody know.
func (r *sinkRunner) fail(err error) {
	r.mu.Lock()
	if r.err == nil {
		r.err = err
	}
	r.mu.Unlock()
	r.owner.once.Do(func() { close(r.owner.failed) })
}

func (r *sinkRunner) fault() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
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
