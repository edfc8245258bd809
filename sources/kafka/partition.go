package kafka

import (
	"touchstream/pipeline/event"
)

// topicPartition names a partition.
type topicPartition struct {
	topic  string
	number int32
}

// block is what one fetch brought for a partition. Offsets and lengths of its
// records refer to its data.
type block struct {
	recs []event.Rec
	data []byte
}

// partition is the state of one partition, guarded by the source's mutex.
type partition struct {
	topicPartition
	leader int32

	fetchAt  int64 // the offset that is fetched next
	readAt   int64 // the offset that is handed over next
	end      int64 // where a bounded run ends, else -1
	readable int64 // the end as of the last fetch, -1 before it

	queue       []*block
	queuedRecs  int
	queuedBytes int

	inFlight bool // a request that includes it is under way
	fresh    bool // nothing was fetched yet, from a start that is no position
	lost     bool // its start must be listed anew
	caughtUp bool
	badReads int
	err      error
}

// room reports whether more may be fetched. One record must not fill the
// queue: a bounded run hands it over only when the next one is known.
func (p *partition) room(limit int) bool {
	return p.queuedBytes < limit || p.queuedRecs < 2
}

// complete: everything up to the end of a bounded run is queued.
func (p *partition) complete() bool { return p.end >= 0 && p.fetchAt >= p.end }

// offered is the number of records that may be handed over. In a bounded run
// that is all but the last one until it is known whether it is the last of
// all, so that Ended always comes with it, whatever the fetches were.
func (p *partition) offered() int {
	if p.end >= 0 && !p.complete() {
		return max(0, p.queuedRecs-1)
	}
	return p.queuedRecs
}

// take moves up to n records into c, a block at most.
func (p *partition) take(n int, c *event.Chunk) (taken int) {
	b := p.queue[0]
	from, until := uint32(0), 0
	from = b.recs[0].Off
	for until < len(b.recs) && until < n && (until == 0 || len(c.Data)+int(b.recs[until].Off+b.recs[until].Len-from) <= chunkBytes) {
		until++
	}
	last := b.recs[until-1]
	shift := uint32(len(c.Data)) - from
	c.Data = append(c.Data, b.data[from:last.Off+last.Len]...)
	for _, r := range b.recs[:until] {
		r.Off += shift
		c.Recs = append(c.Recs, r)
	}
	b.recs = b.recs[until:]
	p.queuedRecs -= until
	p.queuedBytes -= int(last.Off+last.Len-from) + until*recordBytes
	p.readAt = last.Offset + 1
	if len(b.recs) == 0 {
		p.queue[0] = nil
		p.queue = p.queue[1:]
	}
	return until
}

// put queues a block.
func (p *partition) put(b *block) {
	if len(b.recs) == 0 {
		return
	}
	p.queue = append(p.queue, b)
	p.queuedRecs += len(b.recs)
	p.queuedBytes += len(b.data) + len(b.recs)*recordBytes
}

// recordBytes is what a record takes besides its value.
const recordBytes = 32
