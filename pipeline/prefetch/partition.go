package prefetch

import (
	"touchstream/pipeline/event"
)

// Block is what one fetch brought for a partition: records in order, whose
// places are in Data. It belongs to the buffer once it is put.
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
func (p *Partition) Put(b *Block, next, readable int64) {
	was, failed := p.caughtUp, p.err != nil
	p.err, p.fetchAt, p.readable = nil, next, readable
	if p.end != NoEnd {
		p.fetchAt, p.readable = min(next, p.end), p.end
	}
	p.caughtUp = next >= readable
	if len(b.Recs) > 0 {
		p.queue = append(p.queue, b)
		p.queuedRecs += len(b.Recs)
		p.queuedBytes += len(b.Data) + len(b.Recs)*recordBytes
	}
	if len(b.Recs) > 0 || p.caughtUp != was || failed || p.Complete() {
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

// take moves up to n records of the first block into c.
func (p *Partition) take(n int, c *event.Chunk) int {
	b := p.queue[0]
	recs := b.Recs[b.read:]
	from, until := recs[0].Off, 0
	for until < min(n, len(recs)) {
		r := recs[until]
		if len(c.Recs)+until > 0 && len(c.Data)+int(r.Off+r.Len-from) > chunkBytes {
			break
		}
		until++
	}
	if until == 0 {
		return 0
	}
	last := recs[until-1]
	shift := uint32(len(c.Data)) - from
	c.Data = append(c.Data, b.Data[from:last.Off+last.Len]...)
	for _, r := range recs[:until] {
		r.Off += shift
		c.Recs = append(c.Recs, r)
	}
	b.read += until
	p.queuedRecs -= until
	p.queuedBytes -= int(last.Off+last.Len-from) + until*recordBytes
	p.readAt = last.Offset + 1
	if b.read == len(b.Recs) {
		p.queue[0] = nil
		p.queue = p.queue[1:]
		p.buffer.blocks.Put(b)
	}
	return until
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
