package pipeline

import (
	"context"
	"errors"

	"touchstream/pipeline/schema"
)

// Delivery is what one step leaves for a sink: the rows of the sink's tables,
// in the order of the tables given to Open; tables without rows have N 0.
type Delivery struct {
	Step int64
	Rows []*schema.Rows
}

// A Sink takes rows. It is used by one goroutine.
type Sink interface {
	// Open connects and creates what is missing for the tables.
	Open(ctx context.Context, tables []*schema.Table) error
	// Write takes a step's rows, lent for the call; it may keep a copy until
	// Flush. An error marked by Retryable means that the sink is away and that
	// nothing of the call was taken: the engine holds and calls again with the
	// same delivery. Any other error stops the pipeline.
	Write(ctx context.Context, d *Delivery) error
	// Flush makes everything taken so far visible to readers; same errors.
	Flush(ctx context.Context) error
	// Waiting is the number of rows taken and not yet delivered. It may be
	// called from any goroutine.
	Waiting() int64
	Close(ctx context.Context) error
}

type retryable struct{ err error }

func (r *retryable) Error() string { return r.err.Error() }
func (r *retryable) Unwrap() error { return r.err }

// Retryable marks an error of a sink or source that is away for now. The
// message is a sentence that says what to do.
func Retryable(err error) error { return &retryable{err} }

// IsRetryable reports whether the error was marked by Retryable.
func IsRetryable(err error) bool {
	var r *retryable
	return errors.As(err, &r)
}

// A Prober is a Source or Sink that can be tried without changing anything.
type Prober interface {
	// Probe connects and returns what stands in the way, as a sentence.
	Probe(ctx context.Context) error
}
