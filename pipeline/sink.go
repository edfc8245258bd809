package pipeline

import (
	"context"
	"errors"

	"touchstream/pipeline/schema"
)

// Delivery is what one step leaves for a sink: the rows of the sink's tables,
// in the order of the tables given to Open; tables without rows have N 0.
type Delivery struct {
	Step int64
	Rows []*schema.Rows
}

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
	// Joins says that the state is older than the sink: what is in the sink's
	// place was not written by it.
	Joins bool
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

// A Sink delivers rows, each commit as a whole. Write, Cut and State are called
// from one goroutine, the others from any.
//
// Steps come by Write; a Cut ends the steps of one commit. Nothing of a step
// may leave before the Release of a commit that holds it. After a crash the
// sink is opened with the State of a snapshot, the commits behind that are
// replayed (the same Writes, the same Cuts with their Decisions), and Release
// is called once, for the last of them; what had left before must not leave
// again, or must be the same where that does no harm.
type Sink interface {
	// Open connects, creates what is missing and goes on from the state. An error
	// marked by ErrDamaged lets the engine try an older snapshot.
	Open(ctx context.Context, o *Opening) error
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
	// to deliver. After an error marked by Retryable it is called again.
	Release(ctx context.Context, number int64) error
	// Drain waits until all that was released is delivered.
	Drain(ctx context.Context) error
	// Waiting is the number of rows taken and not yet delivered.
	Waiting() int64
	Close(ctx context.Context) error
}

// A PackedTaker is a sink whose Write takes rows that are packed as they come.
// Others get them unpacked.
type PackedTaker interface {
	TakesPacked()
}

// A Renumberer is a sink whose numbers must not be given out twice. It is told
// another run when the end of the journal was lost, between the last replayed
// commit and the first new row.
type Renumberer interface {
	Renumber(run uint32)
}

// ErrDamaged marks the error of a sink, or of a snapshot, whose kept files are
// not what they were: an older snapshot may still be good.
var ErrDamaged = errors.New("damaged")

type retryable struct{ err error }

func (r *retryable) Error() string { return r.err.Error() }
func (r *retryable) Unwrap() error { return r.err }

// Retryable marks an error of a sink or source that is away for now. The
// message is a sentence that says what to do.
func Retryable(err error) error { return &retryable{err} }

// IsRetryable reports whether the error was marked by Retryable.
func IsRetryable(err error) bool {
	var r *retryable
	return errors.As(err, &r)
}

// A Prober is a Source or Sink that can be tried without changing anything.
type Prober interface {
	// Probe connects and returns what stands in the way, as a sentence.
	Probe(ctx context.Context) error
}
