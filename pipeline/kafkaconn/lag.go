package kafkaconn

import (
	"context"
	"sync"
	"time"
)

const (
	// commitMax bounds one request, lastCommitMax what a stop does for the last
	// positions.
	commitMax     = 8 * time.Second
	lastCommitMax = time.Second
)

// Lag commits positions P to a consumer group without members, for tools that
// show the lag. Errors are of no account: the next positions come soon.
type Lag[P any] struct {
	isWanted bool

	mu     sync.Mutex
	newest []P // nil: committed
	news   chan struct{}
}

// NewLag makes a Lag for a group; without one it does nothing.
func NewLag[P any](group string) *Lag[P] {
	return &Lag[P]{isWanted: group != "", news: make(chan struct{}, 1)}
}

// IsWanted reports whether there is a group.
func (l *Lag[P]) IsWanted() bool { return l.isWanted }

// Committed is told the position of each partition after a commit. It does not
// wait; of positions that come faster than brokers answer the newest count.
func (l *Lag[P]) Committed(positions []P) {
	if !l.isWanted {
		return
	}
	l.mu.Lock()
	l.newest = append(l.newest[:0:0], positions...)
	l.mu.Unlock()
	select {
	case l.news <- struct{}{}:
	default:
	}
}

// Run lets commit commit what comes until the context's end, and then the last.
func (l *Lag[P]) Run(ctx context.Context, commit func(ctx context.Context, positions []P) error) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-l.news:
			l.commit(ctx, commitMax, commit)
		}
	}
	l.commit(context.WithoutCancel(ctx), lastCommitMax, commit)
}

func (l *Lag[P]) commit(ctx context.Context, most time.Duration, commit func(context.Context, []P) error) {
	l.mu.Lock()
	positions := l.newest
	l.newest = nil
	l.mu.Unlock()
	if len(positions) == 0 {
		return
	}
	within, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := commit(within, positions); err != nil && ctx.Err() != nil {
		// Broken off by a stop, which tries once more.
		l.mu.Lock()
		if l.newest == nil {
			l.newest = positions
		}
		l.mu.Unlock()
	}
}
