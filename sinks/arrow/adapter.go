package arrow

import (
	"context"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// Open begins a new state that is not kept.
func (s *Sink) Open(ctx context.Context, tables []*schema.Table) error {
	if err := s.Resume(ctx, &pipeline.Opening{Tables: tables}); err != nil {
		return err
	}
	s.closesAll = true
	return nil
}

// Flush has nothing to do: nobody can read the files before Close.
func (s *Sink) Flush(context.Context) error { return nil }

// finish completes the files.
func (s *Sink) finish(ctx context.Context) error {
	if _, err := s.Cut(ctx, &pipeline.Cut{Number: 1, All: true}); err != nil {
		return err
	}
	return s.Release(ctx, 1)
}
