package bench

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/sources/generator"
)

// indexed is a source of one partition whose record i is a function of i, so
// that a pipeline can go on from any position. It gives what it was allowed to
// and then is caught up.
type indexed struct {
	record func(i int64) (value []byte, timestamp int64)
	end    atomic.Int64
	next   int64
	ready  chan struct{}
}

func newIndexed(record func(i int64) (value []byte, timestamp int64)) *indexed {
	return &indexed{record: record, ready: make(chan struct{}, 1)}
}

// allow lets the source give the records below end.
func (s *indexed) allow(end int64) {
	s.end.Store(end)
	select {
	case s.ready <- struct{}{}:
	default:
	}
}

// Open has nothing to open.
func (s *indexed) Open(context.Context, bool) error { return nil }

// Resume goes on at a position.
func (s *indexed) Resume(positions []pipeline.Position) {
	if len(positions) > 0 {
		s.next = positions[0].Offset
	}
}

// Positions tells where the partition began.
func (s *indexed) Positions() []pipeline.Position {
	return []pipeline.Position{{Topic: "memory", Offset: s.next}}
}

// Partitions is always 1.
func (s *indexed) Partitions() int { return 1 }

// Read copies the next records; it waits only when it is asked to.
func (s *indexed) Read(ctx context.Context, _, limit int, wait bool, c *event.Chunk) (pipeline.ReadState, error) {
	c.Reset()
	c.Origin.Topic = "memory"
	for wait && s.next >= s.end.Load() {
		select {
		case <-ctx.Done():
			return pipeline.HasMore, ctx.Err()
		case <-s.ready:
		}
	}
	end := min(s.end.Load(), s.next+int64(min(limit, chunkRecords)))
	for ; s.next < end; s.next++ {
		value, timestamp := s.record(s.next)
		c.Add(value, s.next, timestamp)
	}
	if s.next < s.end.Load() {
		return pipeline.HasMore, nil
	}
	return pipeline.CaughtUp, nil
}

// Ready signals new records.
func (s *indexed) Ready() <-chan struct{} { return s.ready }

// Lag is the number of records that are allowed and not read.
func (s *indexed) Lag() int64 { return s.end.Load() - s.next }

// Close has nothing to close.
func (s *indexed) Close() error { return nil }

// slab are the first records of a workload, made once.
type slab struct {
	data  []byte
	ends  []int
	times []int64
}

func newSlab(tb testing.TB, workload string, records int) *slab {
	tb.Helper()
	stream := newStream(tb, workload)
	s := &slab{ends: make([]int, 1, records+1)}
	var r generator.Record
	for range records {
		if !stream.Next(&r) {
			tb.Fatal("the workload ended")
		}
		s.data = append(s.data, r.Value...)
		s.ends, s.times = append(s.ends, len(s.data)), append(s.times, r.ArrivalMS)
	}
	return s
}

func (s *slab) record(i int64) ([]byte, int64) {
	return s.data[s.ends[i]:s.ends[i+1]], s.times[i]
}

// awaitTrue polls until f holds.
func awaitTrue(tb testing.TB, within time.Duration, what string, f func() bool) {
	tb.Helper()
	deadline := time.Now().Add(within)
	for !f() {
		if time.Now().After(deadline) {
			tb.Fatalf("%s did not come within %s", what, within)
		}
		time.Sleep(time.Millisecond)
	}
}
