package pipeline

import (
	"context"

	"touchstream/pipeline/event"
)

// ReadState tells how a partition stands after a Read.
type ReadState uint8

const (
	// HasMore says that records may be waiting.
	HasMore ReadState = iota
	// CaughtUp says that a successful fetch found the partition's end.
	CaughtUp
	// Ended says that no record will ever come; the partition leaves the watermark.
	Ended
)

// Position is where reading goes on: the offset of the next record.
type Position struct {
	Topic     string
	Partition int32
	Offset    int64
}

// A Lister is a Source that knows, once it is open, where its records will come
// from. Rows of one instant without message ids are ordered by it; those of
// other sources by when their first records come.
type Lister interface {
	Origins() []event.Origin
}

// A Source hands over raw records of its partitions. It is used by one
// goroutine; it may fetch ahead in others, within its own bound.
type Source interface {
	// Open connects and finds the partitions. With bounded set the source
	// ends: files at their last byte, Kafka at the end offsets of this moment.
	Open(ctx context.Context, bounded bool) error
	// Partitions is the number of partitions known so far. It grows while the
	// pipeline runs and never shrinks; partition i stays the same one.
	Partitions() int
	// Read resets c and fills it with up to max records of partition p, all of
	// one origin, in log order, and sets c.Origin (Topic, Partition), Header and
	// At. It may give c memory of its own and keep what c had. With wait set it
	// blocks until there is a record, the end, an error or the context's end;
	// otherwise it returns what is there. A chunk with records comes with any
	// state; the state speaks of what follows it.
	Read(ctx context.Context, p, max int, wait bool, c *event.Chunk) (ReadState, error)
	// Ready signals that a Read without wait may bring records. One signal may
	// stand for many records.
	Ready() <-chan struct{}
	// Lag is the number of records known to wait behind what was read, -1 unknown.
	Lag() int64
	Close() error
}

// A Resumer is a Source that can go on where it was. A partition's position is
// the offset behind the last record that Read gave.
type Resumer interface {
	Source
	// Resume, before Open, makes partition i go on at positions[i]: its records
	// with smaller offsets are left out. Partitions that are found beyond these
	// have the numbers behind them and are read from their first record.
	Resume(positions []Position)
	// Positions tells, after Open, where each partition known so far began.
	Positions() []Position
}

// A Marker is a Resumer that can tell the log that it has read from another one
// that lies in its place.
type Marker interface {
	Resumer
	// Mark, after a Read, is kept with the positions: bytes of the source's own,
	// nil if there is nothing to tell.
	Mark() []byte
	// Expect, between Resume and Open, gives the mark that was kept. If another
	// log lies there now, Open or a Read says so with both values.
	Expect(mark []byte)
}

// A LagKeeper is a Source that tells others how far it was read, for tools that
// show the lag. What it is told changes nothing else.
type LagKeeper interface {
	// Committed is told the position of each partition after a commit. It does
	// not wait.
	Committed(positions []Position)
}
