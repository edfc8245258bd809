package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"touchstream/pipeline"
)

// Sink writes rows to ClickHouse.
type Sink struct {
	cfg     Config
	conn    driver.Conn
	blocks  *blocks
	pace    *pace
	fresh   []partition // of the blocks closed since the last Cut
	queue   *queue
	spool   *spool
	sender  *sender
	waiting atomic.Int64
}

var (
	_ pipeline.Sink        = (*Sink)(nil)
	_ pipeline.Renumberer  = (*Sink)(nil)
	_ pipeline.PackedTaker = (*Sink)(nil)
)

// New makes a sink; nothing is dialled before Open.
func New(cfg Config) *Sink { return &Sink{cfg: cfg} }

// Probe tries whether one of the servers answers and lets the user in.
func (s *Sink) Probe(ctx context.Context) error { return Ping(ctx, s.cfg) }

// TakesPacked marks the sink as one that does.
func (s *Sink) TakesPacked() {}

// Write gathers the rows. It waits while the memory for closed blocks and the
// spool are full and the server takes rows, and answers with an error marked by
// Retryable while it does not.
func (s *Sink) Write(ctx context.Context, d *pipeline.Delivery) error {
	if err := s.room(ctx); err != nil {
		return err
	}
	for _, r := range d.Rows {
		s.blocks.add(r)
		s.waiting.Add(int64(r.N))
	}
	s.enqueue()
	return nil
}

// enqueue hands the closed blocks over.
func (s *Sink) enqueue() {
	closed := s.blocks.takeClosed()
	for _, o := range closed {
		s.fresh = append(s.fresh, o.partition())
	}
	s.queue.add(closed)
}

// room makes room for rows, or waits for it. Blocks that are not released yet
// do not count: they cannot leave.
func (s *Sink) room(ctx context.Context) error {
	for {
		full := s.relieve()
		if full == nil && s.spool.dir != "" {
			return s.queue.failure()
		}
		if full != nil && !pipeline.IsRetryable(full) {
			return full
		}
		before := s.spool.bytes.Load()
		err := s.queue.wait(ctx, func() (bool, error) {
			if s.queue.released() <= s.cfg.Block.closedMax() {
				return true, nil
			}
			if held := s.queue.held(); held != nil {
				return false, pipeline.Retryable(errors.Join(held, full))
			}
			return s.spool.dir != "" && s.spool.bytes.Load() != before, nil
		})
		if err != nil || s.queue.isRoomy(s.cfg.Block.closedMax()) {
			return err
		}
	}
}

// relieve spools closed blocks that are too much for the memory.
func (s *Sink) relieve() error {
	if s.spool.dir == "" {
		return nil
	}
	return s.spool.relieve(s.queue, s.cfg.Block.closedMax())
}

// Cut closes the open blocks whose time has come, all of them if asked to, or
// those of the decision in a replay.
func (s *Sink) Cut(_ context.Context, c *pipeline.Cut) ([]byte, error) {
	if err := s.queue.failure(); err != nil {
		return nil, err
	}
	d, err := s.decide(c)
	if err != nil {
		return nil, err
	}
	s.blocks.closeMarked(d.closed)
	s.enqueue()
	s.pace.note(s.fresh, c.Clock)
	s.fresh = s.fresh[:0]
	s.queue.cut(c.Number, c.Replay)
	if !c.Replay {
		return d.append(nil), nil
	}
	for _, p := range s.queue.drop(&d) {
		if p.filed {
			s.spool.remove(p)
		}
	}
	return c.Decision, nil
}

func (s *Sink) decide(c *pipeline.Cut) (d decision, err error) {
	open := s.blocks.open
	if c.Replay {
		if d, err = decodeDecision(c.Decision, len(open)); err != nil {
			return d, fmt.Errorf("ClickHouse's part of commit %d in the journal: %w", c.Number, err)
		}
		return d, nil
	}
	s.queue.release(0) // what the state held, if nothing had to be replayed
	d.mark, d.beyond = s.queue.delivered()
	if c.All {
		d.closed = all(len(open))
	} else {
		d.closed = s.pace.due(open, c.Clock, s.queue.strain())
	}
	return d, nil
}

// Release lets the blocks of the commits up to number leave.
func (s *Sink) Release(_ context.Context, number int64) error {
	s.queue.release(number)
	return s.queue.failure()
}

// Drain waits until all that was released is delivered.
func (s *Sink) Drain(ctx context.Context) error {
	return s.queue.wait(ctx, func() (bool, error) { return s.queue.isDrained(), nil })
}

// Renumber gives the blocks that close from now on the numbers of another run.
func (s *Sink) Renumber(run uint32) { s.blocks.renumber(run) }

// Waiting is the number of rows gathered and not yet in ClickHouse.
func (s *Sink) Waiting() int64 { return s.waiting.Load() }

// Close stops delivery and closes the connections. What waits is for the next
// start, if there is a state.
func (s *Sink) Close(ctx context.Context) error {
	if s.sender != nil {
		s.sender.stop(ctx)
		s.sender = nil
	}
	if s.conn == nil {
		return nil
	}
	err := s.conn.Close()
	s.conn = nil
	return err
}
