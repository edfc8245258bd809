package pipeline

import (
	"context"
	"errors"
)

// ErrFenced marks the error of a journal that another process has taken over.
var ErrFenced = errors.New("another process has taken over")

// A Journal makes commits durable and gives them back after a restart.
type Journal interface {
	// Open waits until this process is the one that may write; it calls standby
	// when it has to wait for another one.
	Open(ctx context.Context, standby func()) error
	// Read calls f with the entries from number first on, in order, each lent for
	// the call. An entry that is torn or damaged ends them: damage says which and
	// why. Entries that were trimmed are left out: the first one given may have a
	// higher number.
	Read(ctx context.Context, first int64, f func(number int64, entry []byte) error) (damage, err error)
	// Commit makes an entry durable, with all that goes with it. After an error
	// marked by Retryable it is called again with the same entry; one marked by
	// ErrFenced ends the process.
	Commit(ctx context.Context, number int64, entry []byte) error
	// Generation is the lowest generation that a state may have, 0 before the
	// first reset: snapshots of lower ones do not count.
	Generation() (uint32, error)
	// Trim says that entries below number are not needed any more.
	Trim(ctx context.Context, below int64) error
	Close() error
}

// An Ender is a Journal that can say where it ends.
type Ender interface {
	// End is the place where the journal ended when it was read, and its newest
	// entry, 0 if it has none.
	End() (place string, number int64)
}

// A Contested is a Journal that another process may take over at any time.
type Contested interface {
	// Lost is closed when that has happened.
	Lost() <-chan struct{}
	// Confirm asks whether it has not; the error is marked by ErrFenced if it
	// has.
	Confirm(ctx context.Context) error
}
