package bench

import (
	"runtime"
	"sync/atomic"
	"time"

	"touchstream/operators/identity"
	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// stopwatch adds up the CPU time that threads spend in one part of a pipeline,
// and the rows that the part is given.
type stopwatch struct{ cpu, rows atomic.Int64 }

// around measures one call.
func (w *stopwatch) around(rows int, call func()) {
	runtime.LockOSThread()
	from := threadCPU()
	call()
	w.cpu.Add(int64(threadCPU() - from))
	runtime.UnlockOSThread()
	w.rows.Add(int64(rows))
}

// read gives both and begins anew.
func (w *stopwatch) read() (cpu time.Duration, rows int64) {
	return time.Duration(w.cpu.Swap(0)), w.rows.Swap(0)
}

// timedOperator is an operator whose shards are measured while the engine runs
// them: folding and advancing, not what the engine does around it.
type timedOperator struct {
	pipeline.Operator
	watch *stopwatch
}

// NewShard makes a shard that is measured.
func (o timedOperator) NewShard(shard int) pipeline.Shard {
	s := timedShard{o.Operator.NewShard(shard), o.watch}
	if _, ok := s.Shard.(pipeline.Merger); ok {
		return timedMerger{s}
	}
	return s
}

type timedShard struct {
	pipeline.Shard
	watch *stopwatch
}

// Fold measures the fold.
func (s timedShard) Fold(t *pipeline.Turn, rows []event.Row) {
	s.watch.around(len(rows), func() { s.Shard.Fold(t, rows) })
}

// Advance measures timers and the rows that they write.
func (s timedShard) Advance(t *pipeline.Turn) { s.watch.around(0, func() { s.Shard.Advance(t) }) }

// timedMerger is the shard of an operator by profile.
type timedMerger struct{ timedShard }

// Merge measures the merge of two profiles.
func (s timedMerger) Merge(t *pipeline.Turn, from pipeline.Shard, old, current event.Hash) {
	s.watch.around(0, func() { s.Shard.(pipeline.Merger).Merge(t, from.(timedMerger).Shard, old, current) })
}

// timedResolver is identity, measured.
type timedResolver struct {
	*identity.Resolver
	watch *stopwatch
}

// Resolve measures the search for profiles.
func (r timedResolver) Resolve(t *pipeline.Turn, b *event.Batch, rows []uint32, merges []pipeline.Merge) []pipeline.Merge {
	r.watch.around(len(rows), func() { merges = r.Resolver.Resolve(t, b, rows, merges) })
	return merges
}

// Advance measures how old entries are let go.
func (r timedResolver) Advance(t *pipeline.Turn) {
	r.watch.around(0, func() { r.Resolver.Advance(t) })
}
