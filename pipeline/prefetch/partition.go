package prefetch

import (
	"slices"

	"touchstream/pipeline/event"
)

// Block is records of a partition in order. Their places in Data follow one
// another and fill it. It belongs to the buffer once it is put.
type Block struct {
	Recs []event.Rec
	Data []byte

	read int // records that were handed over
}

// Add appends a record; of a value longer than RecordBytesMax the beginning.
// size is the value's whole length.
func (b *Block) Add(value []byte, size int, offset, timestamp int64) {
	r := event.Rec{Off: uint32(len(b.Data)), Offset: offset, Timestamp: timestamp}
	if size > RecordBytesMax {
		r.Size = int64(size)
		value = value[:min(len(value), RecordBytesMax)]
	}
	r.Len = uint32(len(value))
	b.Data = append(b.Data, value...)
	b.Recs = append(b.Recs, r)
}

// Full reports that records are to go into another block: this one is as much
// as a reader takes at a time, and is handed over without being copied.
func (b *Block) Full() bool {
	return len(b.Recs) >= BlockRecordsMax || len(b.Data) >= BlockBytesMax
}

// left are the records that are still to be handed over, and the bytes that
// they lie in from the place of the first one.
func (b *Block) left() (recs []event.Rec, data []byte) {
	recs = b.Recs[b.read:]
	return recs, b.Data[recs[0].Off:]
}

// fitting is how many of up to n records go into a chunk that has so many
// records and bytes, and how many bytes they have.
func (b *Block) fitting(n, records, bytes int) (int, int) {
	recs, _ := b.left()
	for n = min(n, len(recs)); n > 0; n-- {
		size := int(recs[n-1].Off + recs[n-1].Len - recs[0].Off)
		if records+n == 1 || bytes+size <= chunkBytes {
			return n, size
		}
	}
	return 0, 0
}

// swap gives the block's memory to an empty chunk and takes the chunk's.
func (b *Block) swap(c *event.Chunk) {
	recs, data := b.left()
	shift(recs, -recs[0].Off)
	b.Data, c.Data = c.Data, data
	b.Recs, c.Recs = c.Recs, recs
	b.read = 0
}

// copyTo appends the next n records, of so many bytes, to a chunk.
func (b *Block) copyTo(c *event.Chunk, n, size int) {
	recs, data := b.left()
	at, by := len(c.Recs), uint32(len(c.Data))-recs[0].Off
	c.Data, c.Recs = append(c.Data, data[:size]...), append(c.Recs, recs[:n]...)
	shift(c.Recs[at:], by)
	b.read += n
}

// cut moves the records behind the next n, of so many bytes, to an empty block.
func (b *Block) cut(tail *Block, n, size int) {
	recs, data := b.left()
	tail.Data, tail.Recs = append(tail.Data, data[size:]...), append(tail.Recs, recs[n:]...)
	shift(tail.Recs, -recs[n].Off)
	b.Data, b.Recs = b.Data[:int(recs[0].Off)+size], b.Recs[:b.read+n]
}

// shift moves the places of records; by wraps around.
func shift(recs []event.Rec, by uint32) {
	if by == 0 {
		return
	}
	for i := range recs {
		recs[i].Off += by
	}
}

// NoEnd is the end of a partition in a run without bounds.
const NoEnd = -1

// Partition is one partition. Its methods want the buffer's lock held.
type Partition struct {
	Topic  string
	Number int32

	buffer   *Buffer
	fetchAt  int64 // the offset that is fetched next
	readAt   int64 // the offset that is handed over next
	end      int64 // where a bounded run ends, or NoEnd
	readable int64 // the end as of the last fetch, -1 before it

	queue       []*Block
	queuedRecs  int
	queuedBytes int

	caughtUp bool
	err      error
}

// Next is the offset that is to be fetched next.
func (p *Partition) Next() int64 { return p.fetchAt }

// End is where a bounded run ends, or NoEnd.
func (p *Partition) End() int64 { return p.end }

// Err is why the partition brings nothing, nil if it does.
func (p *Partition) Err() error { return p.err }

// Wanted reports whether more is to be fetched now. A single record never
// fills the share: a bounded run needs the next one to hand it over.
func (p *Partition) Wanted() bool {
	return !p.Complete() && (p.queuedBytes < p.buffer.share() || p.queuedRecs < 2)
}

// Complete reports that everything up to the end of a bounded run was fetched.
func (p *Partition) Complete() bool { return p.end != NoEnd && p.fetchAt >= p.end }

// Put queues what a fetch brought and clears the error. next is the offset
// behind it, readable the offset at which the partition now ends.
func (p *Partition) Put(next, readable int64, blocks ...*Block) {
	was, failed := p.caughtUp, p.err != nil
	p.err, p.fetchAt, p.readable = nil, next, readable
	if p.end != NoEnd {
		p.fetchAt, p.readable = min(next, p.end), p.end
	}
	p.caughtUp = next >= readable
	before := p.queuedRecs
	for _, b := range blocks {
		if len(b.Recs) > 0 {
			p.queue = append(p.queue, b)
			p.queuedRecs += len(b.Recs)
			p.queuedBytes += len(b.Data) + len(b.Recs)*recordBytes
		}
	}
	if p.queuedRecs > before || p.caughtUp != was || failed || p.Complete() {
		p.buffer.news()
	}
}

// Fail notes why the partition brings nothing; what is queued is read first.
func (p *Partition) Fail(err error) {
	p.caughtUp, p.err = false, err
	p.buffer.news()
}

// Doubt forgets that the partition's end was found.
func (p *Partition) Doubt() { p.caughtUp = false }

// Move lets fetching go on from another offset.
func (p *Partition) Move(at int64) {
	p.fetchAt = at
	if p.queuedRecs == 0 {
		p.readAt = at
	}
}

// offered is the number of records that may be handed over.
func (p *Partition) offered() int {
	if p.end != NoEnd && !p.Complete() {
		return max(0, p.queuedRecs-1)
	}
	return p.queuedRecs
}

// first is the number of records of the first block.
func (p *Partition) first() int {
	if len(p.queue) == 0 {
		return 0
	}
	recs, _ := p.queue[0].left()
	return len(recs)
}

// take moves up to n records of the first block into c. Of a block that it
// takes a part of, the smaller part is copied.
func (p *Partition) take(n int, c *event.Chunk) int {
	b := p.queue[0]
	n, size := b.fitting(n, len(c.Recs), len(c.Data))
	if n == 0 {
		return 0
	}
	recs, _ := b.left()
	rest := len(recs) - n
	p.queuedRecs -= n
	p.queuedBytes -= size + n*recordBytes
	p.readAt = recs[n-1].Offset + 1
	if len(c.Recs) > 0 || rest > n {
		if b.copyTo(c, n, size); rest > 0 {
			return n
		}
	} else {
		if rest > 0 {
			tail := p.buffer.NewBlock(0, rest)
			b.cut(tail, n, size)
			p.queue = slices.Insert(p.queue, 1, tail)
		}
		b.swap(c)
	}
	p.queue[0] = nil
	p.queue = p.queue[1:]
	if cap(b.Data) > 0 { // a new chunk had no memory to give
		p.buffer.spare.give(b)
	}
	return n
}

func (p *Partition) state() State {
	switch {
	case p.queuedRecs > 0:
		return HasMore
	case p.Complete():
		return Ended
	case p.caughtUp:
		return CaughtUp
	}
	return HasMore
}

// lag counts offsets; those without a record count as read once nothing is
// queued before them.
func (p *Partition) lag() int64 {
	at := p.readAt
	if p.queuedRecs == 0 {
		at = p.fetchAt
	}
	return max(0, p.readable-at)
}
