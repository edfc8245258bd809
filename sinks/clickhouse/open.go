package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
	"touchstream/pipeline/schema"
)

// Open makes the tables and views that are missing, compares the others, and
// goes on from the state. It may be called again after an error.
func (s *Sink) Open(ctx context.Context, o *pipeline.Opening) error {
	if err := s.prepare(ctx, o.Tables); err != nil {
		return err
	}
	if err := s.restore(o); err != nil {
		return err
	}
	s.sender.queue, s.sender.spool, s.sender.report = s.queue, s.spool, o.Report
	if s.sender.report == nil {
		s.sender.report = func(error) {}
	}
	if o.Dir != "" {
		if err := s.findFiles(ctx); err != nil {
			return err
		}
	}
	s.sender.start()
	return nil
}

// prepare connects and makes what is missing.
func (s *Sink) prepare(ctx context.Context, tables []*schema.Table) error {
	if s.sender != nil {
		s.sender.stop(ctx)
	}
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
	c := creator{cfg: &s.cfg, conn: s.conn, tables: tables}
	if err := c.run(ctx); err != nil {
		return err
	}
	s.sender = &sender{cfg: s.cfg, conn: s.conn, tables: tables, replicated: c.replicated, defaults: c.defaults}
	return nil
}

// restore makes the sink what it was when State was called.
func (s *Sink) restore(o *pipeline.Opening) error {
	k, err := decodeState(o.State, o.Tables)
	if errors.Is(err, errMalformed) {
		return fmt.Errorf("%w: state of ClickHouse's sink: %w", pipeline.ErrDamaged, err)
	} else if err != nil {
		return err
	}
	if o.Dir == "" && len(k.parcels) > 0 {
		return fmt.Errorf("the state has %d blocks in files, and no folder to read them from", len(k.parcels))
	}
	s.blocks = newBlocks(s.cfg.Block, o.Generation, o.Run)
	s.blocks.number, s.blocks.open = k.number, k.open
	s.pace, s.fresh = k.pace, nil
	s.waiting.Store(0)
	for _, b := range k.open {
		s.blocks.bytes += b.bytes
		s.waiting.Add(int64(b.rows))
	}
	s.queue = newQueue(k.number, s.blocks.spare, &s.waiting)
	s.queue.parcels = k.parcels
	for _, p := range k.parcels {
		s.waiting.Add(int64(p.rows))
	}
	s.spool = newSpool(o.Dir, s.cfg.SpoolMaxBytes)
	return nil
}

// findFiles looks for the files of the blocks that wait. One without a good
// file must be in ClickHouse. Files of other blocks are removed.
func (s *Sink) findFiles(ctx context.Context) error {
	if err := disk.MakeDir(s.spool.dir); err != nil {
		return err
	}
	waits := map[uint64]bool{}
	for _, p := range slices.Clone(s.queue.parcels) {
		there, err := s.find(ctx, p)
		if err != nil {
			return err
		}
		if !there {
			s.queue.settled(p)
		}
		waits[p.number] = there
	}
	return s.spool.tidy(waits)
}

// find reports whether a block waits in its file; else it is delivered.
func (s *Sink) find(ctx context.Context, p *parcel) (there bool, err error) {
	if s.spool.isDelivered(p.number) {
		return false, nil
	}
	_, fault := s.spool.read(p.number, s.sender.tables)
	if fault == nil {
		return true, nil
	}
	done, err := s.sender.settle(ctx, p)
	switch {
	case err != nil:
		return false, explain(&s.cfg, err)
	case !done:
		return false, fmt.Errorf("block %x with %d rows of table %s is not in ClickHouse, and its file is not good: %w", p.number, p.rows, p.table.Name, fault)
	}
	return false, nil
}
