package bench

import (
	"context"

	"touchstream/pipeline"
)

// discard is a sink that takes everything and keeps nothing.
type discard struct{}

// Open has nothing to open.
func (discard) Open(context.Context, *pipeline.Opening) error { return nil }

// TakesPacked spares the unpacking of what is dropped.
func (discard) TakesPacked() {}

// Write drops the rows.
func (discard) Write(context.Context, *pipeline.Delivery) error { return nil }

// Cut has nothing to decide.
func (discard) Cut(context.Context, *pipeline.Cut) ([]byte, error) { return nil, nil }

// State is empty.
func (discard) State(context.Context) ([]byte, error) { return nil, nil }

// Release has nothing to deliver.
func (discard) Release(context.Context, int64) error { return nil }

// Drain has nothing to wait for.
func (discard) Drain(context.Context) error { return nil }

// Waiting is always 0.
func (discard) Waiting() int64 { return 0 }

// Close has nothing to close.
func (discard) Close(context.Context) error { return nil }
