package bench

import (
	"context"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/sources/generator"
)

// memory is a source whose records lie in memory in chunks that are lent to
// the engine, so that reading costs nothing. While warm it makes records as
// they are asked for.
type memory struct {
	stream generator.Stream
	rec    generator.Record
	warm   int // records left to be made on demand
	offset int64

	laps   chan []event.Chunk // closed: the source ends
	chunks []event.Chunk      // of the lap under way
	ready  chan struct{}
}

func newMemory(s generator.Stream, warm int) *memory {
	return &memory{stream: s, warm: warm, laps: make(chan []event.Chunk), ready: make(chan struct{})}
}

// fill makes the records of a lap anew in its chunks. The engine must have
// folded all that it was given before.
func (m *memory) fill(lap []event.Chunk) {
	for i := range lap {
		lap[i].Reset()
		m.make(&lap[i], chunkRecords)
	}
}

func (m *memory) make(c *event.Chunk, records int) {
	c.Origin.Topic = "memory"
	for range records {
		if !m.stream.Next(&m.rec) {
			return
		}
		c.Add(m.rec.Value, m.offset, m.rec.ArrivalMS)
		m.offset++
	}
}

// Open has nothing to open.
func (m *memory) Open(context.Context, bool) error { return nil }

// Partitions is always 1.
func (m *memory) Partitions() int { return 1 }

// Read swaps the chunk for the next one of the lap; without one it waits for a lap.
func (m *memory) Read(ctx context.Context, _, limit int, _ bool, c *event.Chunk) (pipeline.ReadState, error) {
	c.Reset()
	for {
		switch {
		case m.warm > 0:
			n := min(limit, m.warm, chunkRecords)
			m.warm -= n
			m.make(c, n)
			return pipeline.HasMore, nil
		case len(m.chunks) > 0:
			*c, m.chunks[0] = m.chunks[0], *c
			m.chunks = m.chunks[1:]
			return pipeline.HasMore, nil
		}
		select {
		case <-ctx.Done():
			return pipeline.HasMore, ctx.Err()
		case lap, ok := <-m.laps:
			if !ok {
				return pipeline.Ended, nil
			}
			m.chunks = lap
		}
	}
}

// Ready never signals: the engine waits in Read.
func (m *memory) Ready() <-chan struct{} { return m.ready }

// Lag is not known.
func (m *memory) Lag() int64 { return -1 }

// Close has nothing to close.
func (m *memory) Close() error { return nil }
