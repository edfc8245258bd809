package clickhouse

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// Sink writes rows to ClickHouse.
type Sink struct {
	cfg     Config
	run     uint32 // tells this run's blocks from others'
	conn    driver.Conn
	client  *ch.Client // nil: to be dialled
	blocks  *blocks
	waiting atomic.Int64
}

// New makes a sink; nothing is dialled before Open.
func New(cfg Config) *Sink { return &Sink{cfg: cfg, run: rand.Uint32()} }

// Open makes the tables and views that are missing and compares the others.
func (s *Sink) Open(ctx context.Context, tables []*schema.Table) error {
	if s.conn == nil {
		conn, err := connect(&s.cfg)
		if err != nil {
			return err
		}
		s.conn = conn
	}
	if err := CheckTTL(s.cfg.TTLMs, tables); err != nil {
		return err
	}
	c := creator{&s.cfg, s.conn, tables}
	if err := c.run(ctx); err != nil {
		return err
	}
	s.blocks = newBlocks(s.cfg.Block, s.cfg.Generation, s.run)
	return nil
}

// Probe tries whether one of the servers answers and lets the user in.
func (s *Sink) Probe(ctx context.Context) error { return Ping(ctx, s.cfg) }

// Write gathers the rows after it has sent the blocks that are closed.
func (s *Sink) Write(ctx context.Context, d *pipeline.Delivery) error {
	if err := s.send(ctx); err != nil {
		return err
	}
	for _, r := range d.Rows {
		s.blocks.add(r)
		s.waiting.Add(int64(r.N))
	}
	return nil
}

// Flush sends everything.
func (s *Sink) Flush(ctx context.Context) error {
	s.blocks.closeAll()
	return s.send(ctx)
}

// send delivers the closed blocks in their order.
func (s *Sink) send(ctx context.Context) error {
	for o := s.blocks.next(); o != nil; o = s.blocks.next() {
		if err := s.deliver(ctx, o); err != nil {
			return err
		}
		s.waiting.Add(-int64(o.rows))
		s.blocks.delivered()
	}
	return nil
}

// Waiting is the number of rows gathered and not yet in ClickHouse.
func (s *Sink) Waiting() int64 { return s.waiting.Load() }

// Close closes the connections. Rows that still wait are not sent.
func (s *Sink) Close(context.Context) error {
	var errs []error
	if s.client != nil {
		errs = append(errs, s.client.Close())
		s.client = nil
	}
	if s.conn != nil {
		errs = append(errs, s.conn.Close())
		s.conn = nil
	}
	return errors.Join(errs...)
}
