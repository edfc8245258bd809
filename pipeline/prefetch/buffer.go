package prefetch

import (
	"context"
	"errors"
	"slices"
	"sync"

	"touchstream/pipeline/event"
)

const (
	// RecordBytesMax is the length from which on a record is cut.
	RecordBytesMax = 64 << 20
	// bufferBytes bounds what is queued, over all partitions; each has an
	// equal share within the bounds below, exceeded by one fetch at most.
	bufferBytes   = 64 << 20
	shareBytesMin = 256 << 10
	shareBytesMax = 16 << 20
	// BlockRecordsMax is the number of records that a block is full with.
	BlockRecordsMax = 2048
	// BlockBytesMax is the size of values that a block is full with.
	BlockBytesMax = 1 << 20
	// chunkBytes bounds the bytes of a chunk of more than one record.
	chunkBytes = 4 << 20
	// recordBytes is what a record takes besides its value.
	recordBytes = 32
)

// State tells how a partition stands after a Read.
type State uint8

// The states: records may be waiting, a fetch found the end, or no record will
// ever come.
const (
	HasMore State = iota
	CaughtUp
	Ended
)

// ErrClosed is what Read returns after Close.
var ErrClosed = errors.New("the source is closed")

// Buffer holds partitions. Fetchers may guard state of their own by its lock.
type Buffer struct {
	sync.Mutex
	changed *sync.Cond
	ready   chan struct{}
	parts   []*Partition
	spare   spares
	closed  bool
	err     error
}

// New makes an empty buffer.
func New() *Buffer {
	b := &Buffer{ready: make(chan struct{}, 1)}
	b.changed = sync.NewCond(&b.Mutex)
	return b
}

// NewBlock gives an empty block with room for so many bytes and records. It may
// be called without the lock.
func (b *Buffer) NewBlock(bytes, records int) *Block {
	x := b.spare.take()
	x.Data, x.Recs, x.read = slices.Grow(x.Data[:0], bytes), slices.Grow(x.Recs[:0], records), 0
	return x
}

// spares keeps the memory of blocks that were handed over. A pool would lose it
// with each garbage collection.
type spares struct {
	mu    sync.Mutex
	list  []*Block
	bytes int
}

// take gives the block that came last, or a new one.
func (s *spares) take() *Block {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.list) == 0 {
		return &Block{}
	}
	b := s.list[len(s.list)-1]
	s.list = s.list[:len(s.list)-1]
	s.bytes -= cap(b.Data)
	return b
}

// give keeps a block, unless there are as many bytes as the buffer may have.
func (s *spares) give(b *Block) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes+cap(b.Data) <= bufferBytes {
		s.list = append(s.list, b)
		s.bytes += cap(b.Data)
	}
}

// Add adds a partition that is read from an offset to an end, or NoEnd. The
// lock must be held.
func (b *Buffer) Add(topic string, number int32, at, end int64) *Partition {
	p := &Partition{Topic: topic, Number: number, buffer: b, fetchAt: at, readAt: at, end: end, readable: end}
	b.parts = append(b.parts, p)
	b.news()
	return p
}

// Wait waits until something has changed: there is room, or Changed or Close
// was called. The lock must be held.
func (b *Buffer) Wait() { b.changed.Wait() }

// Changed wakes all who wait. The lock must be held.
func (b *Buffer) Changed() { b.changed.Broadcast() }

// Closed reports whether Close was called. The lock must be held.
func (b *Buffer) Closed() bool { return b.closed }

// news wakes who reads.
func (b *Buffer) news() {
	b.changed.Broadcast()
	select {
	case b.ready <- struct{}{}:
	default:
	}
}

// Break ends all reading with an error, once what is queued was read.
func (b *Buffer) Break(err error) {
	b.Lock()
	defer b.Unlock()
	if b.err == nil {
		b.err = err
	}
	b.news()
}

// Close ends waiting.
func (b *Buffer) Close() {
	b.Lock()
	defer b.Unlock()
	b.closed = true
	b.news()
}

// Len is the number of partitions.
func (b *Buffer) Len() int {
	b.Lock()
	defer b.Unlock()
	return len(b.parts)
}

// Origins names the partitions, in their order.
func (b *Buffer) Origins() []event.Origin {
	b.Lock()
	defer b.Unlock()
	out := make([]event.Origin, len(b.parts))
	for i, p := range b.parts {
		out[i].Topic, out[i].Partition = p.Topic, p.Number
	}
	return out
}

// Ready signals that a Read without wait may bring records.
func (b *Buffer) Ready() <-chan struct{} { return b.ready }

// Lag is the number of offsets between what was handed over and the ends, -1
// before anything is known.
func (b *Buffer) Lag() int64 {
	b.Lock()
	defer b.Unlock()
	lag, known := int64(0), false
	for _, p := range b.parts {
		if p.readable >= 0 {
			lag, known = lag+p.lag(), true
		}
	}
	if !known {
		return -1
	}
	return lag
}

// share is how many bytes a partition may have queued.
func (b *Buffer) share() int {
	return min(max(bufferBytes/max(1, len(b.parts)), shareBytesMin), shareBytesMax)
}

// Read resets c and hands over up to limit records of partition i, with their
// topic and partition. c gets the memory of a whole block and gives its own for
// it, so nobody may use memory that c had before; only what does not come in
// whole blocks is copied. With wait it blocks until there is one, the end, an
// error or the context's end.
func (b *Buffer) Read(ctx context.Context, i, limit int, wait bool, c *event.Chunk) (State, error) {
	c.Reset()
	b.Lock()
	defer b.Unlock()
	p := b.parts[i]
	if wait {
		defer context.AfterFunc(ctx, func() {
			b.Lock()
			defer b.Unlock()
			b.changed.Broadcast()
		})()
	}
	for p.offered() == 0 && !p.Complete() {
		switch err := b.fault(p); {
		case err != nil:
			return HasMore, err
		case !wait:
			return p.state(), nil
		case ctx.Err() != nil:
			return HasMore, ctx.Err()
		}
		b.changed.Wait()
	}
	c.Origin.Topic, c.Origin.Partition = p.Topic, p.Number
	wasWanted := p.Wanted()
	for left := min(limit, p.offered()); left > 0; {
		n := p.take(left, c)
		if left -= n; n == 0 || left < p.first() {
			break // the next block comes whole with the next Read
		}
	}
	if !wasWanted && p.Wanted() {
		b.changed.Broadcast()
	}
	return p.state(), nil
}

// fault is why a partition brings nothing.
func (b *Buffer) fault(p *Partition) error {
	switch {
	case b.closed:
		return ErrClosed
	case b.err != nil:
		return b.err
	}
	return p.err
}
