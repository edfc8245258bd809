package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"touchstream/pipeline"
)

// lastCommitMax bounds what Close does for the last positions.
const lastCommitMax = time.Second

// lag commits positions to a consumer group without members, for tools that
// show the lag. Errors are of no account: the next positions come soon.
type lag struct {
	group string

	mu     sync.Mutex
	newest []pipeline.Position // nil: committed
	news   chan struct{}
}

// Committed is told the position of each partition after a commit. It does not
// wait; of positions that come faster than brokers answer the newest count.
func (s *Source) Committed(positions []pipeline.Position) {
	if s.lag.group == "" {
		return
	}
	s.lag.mu.Lock()
	s.lag.newest = append(s.lag.newest[:0:0], positions...)
	s.lag.mu.Unlock()
	select {
	case s.lag.news <- struct{}{}:
	default:
	}
}

// run commits what comes until the context's end, and then the last.
func (l *lag) run(ctx context.Context, admin *kadm.Client) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-l.news:
			l.commit(ctx, admin, answerMax)
		}
	}
	l.commit(context.WithoutCancel(ctx), admin, lastCommitMax)
}

func (l *lag) commit(ctx context.Context, admin *kadm.Client, most time.Duration) {
	l.mu.Lock()
	positions := l.newest
	l.newest = nil
	l.mu.Unlock()
	if len(positions) == 0 {
		return
	}
	offsets := kadm.Offsets{}
	for _, p := range positions {
		offsets.AddOffset(p.Topic, p.Partition, p.Offset, -1)
	}
	within, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	if err := admin.CommitAllOffsets(within, l.group, offsets); err != nil && ctx.Err() != nil {
		// Broken off by Close, which tries once more.
		l.mu.Lock()
		if l.newest == nil {
			l.newest = positions
		}
		l.mu.Unlock()
	}
}
