package pipeline

import (
	"context"
	"errors"

	"touchstream/pipeline/schema"
)

// ErrDamaged marks the error of a sink, or of a snapshot, whose kept files are
// not what they were: an older snapshot may still be good.
var ErrDamaged = errors.New("damaged")

// ErrFenced marks the error of a journal that another process has taken over.
var ErrFenced = errors.New("another process has taken over")

// Opening is what a sink starts from.
type Opening struct {
	Tables []*schema.Table
	// Generation is the second in which the state began: rows of a later one
	// win. Run tells the numbers of its blocks from those given out before a
	// part of the journal was lost.
	Generation, Run uint32
	// Dir is a folder of the sink's own for what must outlive the process; empty
	// when no state is kept.
	Dir string
	// State is what State answered for the snapshot that the run goes on from;
	// nil for a new state.
	State []byte
	// Report is told how delivery in the background goes: an error, marked by
	// Retryable, that holds it up, nil when it goes on, and any other error for
	// good.
	Report func(error)
}

// Cut ends a commit in the rows of a sink.
type Cut struct {
	// Number is the commit's, from 1 and rising.
	Number int64
	// Clock is the journaled wall clock in ms, the same in a replay.
	Clock int64
	// All asks that everything leaves: at the end of a run.
	All bool
	// Replay says that the commit is being replayed, with the Decision that Cut
	// answered then.
	Replay   bool
	Decision []byte
}

// ExactSink is a sink that takes part in commits. Write, Cut and State are
// called from one goroutine, the others from any.
//
// Steps come by Write; a Cut ends the steps of one commit. Nothing of a step
// may leave before the Release of a commit that holds it. After a crash the
// sink is opened with the State of a snapshot, the commits behind that are
// replayed (the same Writes, the same Cuts with their Decisions), and Release
// is called once, for the last of them; what had left before must not leave
// again, or must be the same where that does no harm.
type ExactSink interface {
	// Resume connects and creates what is missing. An error marked by
	// ErrDamaged lets the engine try an older snapshot.
	Resume(ctx context.Context, o *Opening) error
	// Write takes a step's rows, lent for the call. An error marked by Retryable
	// means that nothing was taken: the engine holds and calls again. It must not
	// wait for a Release.
	Write(ctx context.Context, d *Delivery) error
	// Cut decides which of the rows taken leave with the commit, and answers
	// with the decision in bytes of its own, which goes into the journal; they
	// may say as well what has been delivered so far. In a replay it does what
	// the decision says.
	Cut(ctx context.Context, c *Cut) (decision []byte, err error)
	// State is what the sink holds right after a Cut, for a snapshot; what it
	// refers to in Dir is durable when it returns.
	State(ctx context.Context) ([]byte, error)
	// Release says that the commits up to number are durable. It may only begin
	// to deliver. One marked by Retryable is called again.
	Release(ctx context.Context, number int64) error
	// Drain waits until all that was released is delivered.
	Drain(ctx context.Context) error
	// Waiting is the number of rows taken and not yet delivered.
	Waiting() int64
	Close(ctx context.Context) error
}

// A Renumberer is a sink whose numbers must not be given out twice. It is told
// another run when the end of the journal was lost, between the last replayed
// commit and the first new row.
type Renumberer interface {
	Renumber(run uint32)
}

// A Journal makes commits durable and gives them back after a restart.
type Journal interface {
	// Open waits until this process is the one that may write; it calls standby
	// when it has to wait for another one.
	Open(ctx context.Context, standby func()) error
	// Read calls f with the entries from number first on, in order, each lent for
	// the call. An entry
	// that is torn or damaged ends them: damage says which and why. Entries that
	// were trimmed are left out: the first one given may have a higher number.
	Read(ctx context.Context, first int64, f func(number int64, entry []byte) error) (damage, err error)
	// Commit makes an entry durable, with all that goes with it. One marked by
	// Retryable is called again with the same entry; one marked by ErrFenced
	// ends the process.
	Commit(ctx context.Context, number int64, entry []byte) error
	// Generation is the lowest generation that a state may have, 0 before the
	// first reset: snapshots of lower ones do not count.
	Generation() (uint32, error)
	// Trim says that entries below number are not needed any more.
	Trim(ctx context.Context, below int64) error
	Close() error
}

// A Contested is a Journal that may be lost to another process at any time; Lost
// is closed then.
type Contested interface{ Lost() <-chan struct{} }

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

// A LagKeeper is a Source that tells others how far it was read, for tools that
// show the lag. What it is told changes nothing else.
type LagKeeper interface {
	// Committed is told the position of each partition after a commit. It does
	// not wait.
	Committed(positions []Position)
}
