package stdout

import (
	"context"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// Open begins a new state that is not kept.
func (s *Sink) Open(ctx context.Context, tables []*schema.Table) error {
	return s.Resume(ctx, &pipeline.Opening{Tables: tables})
}

// Flush ends a commit and prints all lines.
func (s *Sink) Flush(ctx context.Context) error {
	if _, err := s.Cut(ctx, &pipeline.Cut{Number: s.number + 1, All: true}); err != nil {
		return err
	}
	return s.Release(ctx, s.number)
}
