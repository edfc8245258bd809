package clickhouse

import (
	"context"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// Open starts without state, for an engine without commits.
func (s *Sink) Open(ctx context.Context, tables []*schema.Table) error {
	return s.Resume(ctx, &pipeline.Opening{Tables: tables, Generation: s.cfg.Generation, Run: s.run})
}

// Flush sends everything. It gives up at the first attempt that fails; the
// attempts go on in the background.
func (s *Sink) Flush(ctx context.Context) error {
	s.commit++
	if _, err := s.Cut(ctx, &pipeline.Cut{Number: s.commit, All: true}); err != nil {
		return err
	}
	if err := s.Release(ctx, s.commit); err != nil {
		return err
	}
	return s.queue.wait(ctx, func() (bool, error) { return s.queue.isDrained(), s.queue.held() })
}
