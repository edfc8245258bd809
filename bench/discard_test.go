package bench

import (
	"context"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// discard is a sink that takes everything and keeps nothing.
type discard struct{}

// Open has nothing to open.
func (discard) Open(context.Context, []*schema.Table) error { return nil }

// Write drops the rows.
func (discard) Write(context.Context, *pipeline.Delivery) error { return nil }

// Flush has nothing to flush.
func (discard) Flush(context.Context) error { return nil }

// Waiting is always 0.
func (discard) Waiting() int64 { return 0 }

// Close has nothing to close.
func (discard) Close(context.Context) error { return nil }
