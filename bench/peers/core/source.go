package core

import (
	"context"
	"iter"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

const (
	chunkRecords = 2048 // the engine's bound of a chunk
	chunksAhead  = 4
)

// source hands over records as they come out of a sequence, one partition.
type source struct {
	records iter.Seq[[]byte]
	full    chan *event.Chunk // closed: all records were handed over
	empty   chan *event.Chunk
	stop    context.CancelFunc
	ready   chan struct{}
}

func newSource(records iter.Seq[[]byte]) *source {
	s := &source{records: records, full: make(chan *event.Chunk), empty: make(chan *event.Chunk, chunksAhead), ready: make(chan struct{})}
	for range chunksAhead {
		s.empty <- &event.Chunk{}
	}
	return s
}

// Open begins to read ahead.
func (s *source) Open(ctx context.Context, _ bool) error {
	ctx, s.stop = context.WithCancel(ctx)
	go s.fill(ctx)
	return nil
}

func (s *source) fill(ctx context.Context) {
	defer close(s.full)
	var c *event.Chunk
	offset := int64(0)
	give := func() bool {
		select {
		case s.full <- c:
			c = nil
			return true
		case <-ctx.Done():
			return false
		}
	}
	for record := range s.records {
		if c == nil {
			select {
			case c = <-s.empty:
				c.Reset()
				c.Origin.Topic = "records"
			case <-ctx.Done():
				return
			}
		}
		c.Add(record, offset, event.Absent)
		offset++
		if len(c.Recs) == chunkRecords && !give() {
			return
		}
	}
	if c != nil {
		give()
	}
}

// Partitions is always 1.
func (s *source) Partitions() int { return 1 }

// Read swaps the chunk for the next full one.
func (s *source) Read(ctx context.Context, _, _ int, _ bool, c *event.Chunk) (pipeline.ReadState, error) {
	c.Reset()
	select {
	case next, ok := <-s.full:
		if !ok {
			return pipeline.Ended, nil
		}
		*c, *next = *next, *c
		s.empty <- next
		return pipeline.HasMore, nil
	case <-ctx.Done():
		return pipeline.HasMore, ctx.Err()
	}
}

// Ready never signals: the engine waits in Read.
func (s *source) Ready() <-chan struct{} { return s.ready }

// Lag is not known.
func (s *source) Lag() int64 { return -1 }

// Close ends the reading ahead.
func (s *source) Close() error {
	if s.stop != nil {
		s.stop()
	}
	return nil
}
