package sinktest

import (
	"context"
	"sync/atomic"

	"touchstream/pipeline"
)

// commits are those that EndCommit has ended, of all sinks.
var commits atomic.Int64

// EndCommit ends a commit of all that a live sink has taken, and releases it.
func EndCommit(ctx context.Context, s pipeline.Sink) error {
	number := commits.Add(1)
	if _, err := s.Cut(ctx, &pipeline.Cut{Number: number, All: true}); err != nil {
		return err
	}
	return s.Release(ctx, number)
}

// Deliver ends a commit of all that a live sink has taken, and waits until it is
// delivered.
func Deliver(ctx context.Context, s pipeline.Sink) error {
	if err := EndCommit(ctx, s); err != nil {
		return err
	}
	return s.Drain(ctx)
}
