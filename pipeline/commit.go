package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"touchstream/pipeline/killpoint"
)

const (
	// entryBytesMax is about the size of a journal entry at which a commit ends
	// early; below the largest message of a Kafka topic by default.
	entryBytesMax = 512 << 10
	// commitStepsMax is the number of full steps at which a commit ends early,
	// commitBytesMax that of the bytes of its records.
	commitStepsMax = 8
	commitBytesMax = stepBytesMax
)

// waitingPrefix begins the names of the counts of rows that wait for a sink.
const waitingPrefix = "waiting."

// cut is the end of a commit on its way through the sinks' queues.
type cut struct {
	Cut
	replayed *entry // the entry that is replayed, nil when live
	entry    *entry
	state    *inputState
	snapshot *frozenState // taken behind the commit, nil for most
	counters []namedCount

	mu      sync.Mutex
	left    int // sinks that have not answered
	states  []decision
	decided chan struct{}
}

// answer takes what a sink decided, and its state if the cut asks for it.
func (c *cut) answer(sink string, bytes, state []byte, waiting int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.entry.decisions = append(c.entry.decisions, decision{sink, slices.Clone(bytes)})
	if c.snapshot != nil {
		c.states = append(c.states, decision{sink, state})
		c.counters = append(c.counters, namedCount{waitingPrefix + sink, waiting})
	}
	if c.left--; c.left == 0 {
		close(c.decided)
	}
}

// committer gathers steps into commits and makes them durable, one after
// another: each wakes the sinks, writes the journal and lets the rows go.
type committer struct {
	cfg      *Config
	status   *Status
	delivery *delivery
	lineage  *lineage

	number  int64 // of the last cut
	open    *entry
	bytes   int   // of the open entry, about
	records int   // of the open commit
	read    int64 // bytes of its records
	state   *inputState
	cutAt   time.Time // of the last cut
	drain   bool      // what follows is no part of the state
	// toldPlan: an entry of this process holds its settings; of commits alone.
	toldPlan bool

	flying chan error // the commit under way answers here; nil: none is
}

func newCommitter(cfg *Config, status *Status, d *delivery, line *lineage, number int64) *committer {
	return &committer{cfg: cfg, status: status, delivery: d, lineage: line, number: number, open: &entry{}, cutAt: time.Now()}
}

// add takes a folded step.
func (c *committer) add(s *step) {
	c.records += s.records
	c.read += s.bytes
	if s.state != nil {
		c.state = s.state
	}
	if c.cfg.Durable() && !s.replay {
		c.open.steps = append(c.open.steps, s.record)
		c.bytes += s.record.size()
	}
	if !s.replay {
		c.status.setUncommitted(true)
	}
}

// size is about what the record takes in the entry.
func (s *stepRecord) size() int {
	return 128 + 12*len(s.ranges) + 64*(len(s.origins)+len(s.found)) + 4*len(s.idle) + 40*len(s.digest.tables) + 8*len(s.digest.shards)
}

// dirty reports whether there is something to commit.
func (c *committer) dirty() bool {
	if c.records > 0 || len(c.open.steps) > 0 {
		return true
	}
	return slices.ContainsFunc(c.delivery.runners, func(r *sinkRunner) bool { return r.waiting() > 0 })
}

// full reports whether the commit must not grow any more.
func (c *committer) full() bool {
	return c.bytes >= entryBytesMax || c.records >= commitStepsMax*c.cfg.MaxRecords || c.read >= commitBytesMax
}

// wait is how long the commit may gather more; 0: it is due.
func (c *committer) wait() time.Duration {
	if c.full() {
		return 0
	}
	return max(0, time.Until(c.cutAt.Add(time.Duration(c.cfg.CommitEvery)*time.Millisecond)))
}

// cut ends the open commit and begins to make it durable. The one before must
// have ended.
func (c *committer) cut(x *cut, deadline <-chan struct{}) error {
	c.number++
	if x.replayed != nil {
		c.number = x.replayed.number
	}
	x.Number, x.left, x.decided = c.number, len(c.delivery.runners), make(chan struct{})
	if x.replayed == nil {
		x.Clock = c.cfg.Clock()
	} else {
		x.Clock, x.All, x.Replay = x.replayed.clock, x.replayed.all, true
	}
	x.entry, x.state = c.open, c.state
	if x.snapshot != nil {
		x.counters = c.status.saveCounts()
	}
	c.open, c.bytes, c.records, c.read, c.cutAt = &entry{}, 0, 0, 0, time.Now()
	if x.left == 0 {
		close(x.decided)
	}
	for _, r := range c.delivery.runners {
		if err := c.delivery.post(r, mail{cut: x}, deadline); err != nil {
			return err
		}
	}
	return nil
}

// launch makes a commit durable in the background; the answer comes by flying.
func (c *committer) launch(ctx context.Context, x *cut, s *snapshotter) {
	c.flying = make(chan error, 1)
	flying := c.flying
	go func() {
		err := func() (err error) {
			defer func() {
				if r := recover(); r != nil {
					err = internalFault(r, c.cfg.Log)
				}
			}()
			return c.commit(ctx, x)
		}()
		if x.snapshot != nil {
			s.launch(x, err)
		}
		flying <- err
	}()
}

// commit waits for the sinks' decisions, writes the journal and releases.
func (c *committer) commit(ctx context.Context, x *cut) error {
	select {
	case <-x.decided:
	case <-c.delivery.failed:
		return errNotSent
	case <-ctx.Done():
		return errNotSent
	}
	if c.cfg.Durable() {
		if err := c.journal(ctx, x); err != nil {
			return err
		}
	}
	if err := c.release(ctx, x.Number); err != nil {
		return err
	}
	if x.state != nil {
		c.tellLag(x.state)
	}
	return nil
}

// journal writes the commit's entry, waiting while the journal is away.
func (c *committer) journal(ctx context.Context, x *cut) error {
	e := x.entry
	e.number, e.clock, e.all, e.drain = x.Number, x.Clock, x.All, c.drain
	c.lineage.stamp(e)
	if !c.toldPlan {
		e.settings = c.cfg.Plan
	}
	slices.SortFunc(e.decisions, func(a, b decision) int { return c.order(a.sink) - c.order(b.sink) })
	bytes := e.append(nil)
	hold, held := c.status.holder("journal"), false
	for wait := retryWaitMin; ; wait = min(2*wait, retryWaitMax) {
		killpoint.Pass(killpoint.JournalBefore)
		err := c.cfg.Journal.Commit(ctx, x.Number, bytes)
		killpoint.Pass(killpoint.JournalAfter)
		switch {
		case err == nil:
			if held {
				hold.release()
			}
			c.toldPlan = true
			return nil
		case errors.Is(err, ErrFenced):
			return err
		case ctx.Err() != nil:
			return fmt.Errorf("stopped before commit %d was durable; the next start goes on from the one before: %w", x.Number, err)
		case !IsRetryable(err):
			return fmt.Errorf("journal: %w", err)
		}
		held = true
		hold.because(err)
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
	}
}

func (c *committer) order(sink string) int {
	return slices.IndexFunc(c.delivery.runners, func(r *sinkRunner) bool { return r.cfg.Name == sink })
}

// release lets the rows of the commits up to number go.
func (c *committer) release(ctx context.Context, number int64) error {
	for _, r := range c.delivery.runners {
		if err := r.insist(ctx, "release", func(ctx context.Context) error { return r.cfg.Sink.Release(ctx, number) }); err != nil {
			r.fail(err)
			return errNotSent
		}
	}
	return nil
}

// tellLag lets the sources tell others how far they were read.
func (c *committer) tellLag(st *inputState) {
	for i := range c.cfg.Sources {
		k, ok := c.cfg.Sources[i].Source.(LagKeeper)
		if !ok {
			continue
		}
		positions := make([]Position, 0, len(st.sources[i].parts))
		for _, p := range st.sources[i].parts {
			positions = append(positions, p.at)
		}
		k.Committed(positions)
	}
}
