package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"touchstream/pipeline/flat"
	"touchstream/pipeline/killpoint"
)

// snapshotsKept is how many snapshots there are: the newest one and one that is
// proven.
const snapshotsKept = 2

// snapshotter writes snapshots in the background, one at a time.
type snapshotter struct {
	cfg    *Config
	status *Status
	last   time.Time // when the newest one was begun
	step   int64     // of the newest one
	busy   bool      // one is under way; the loop's alone
	done   chan error
	newest int64 // commit of the newest, 0: none
	frozen atomic.Pointer[frozenState]
}

func newSnapshotter(cfg *Config, status *Status, newest int64, st *inputState) *snapshotter {
	s := &snapshotter{cfg: cfg, status: status, newest: newest, last: time.Now(), done: make(chan error, 1)}
	if st != nil {
		s.step = st.step
	}
	return s
}

// due reports whether a snapshot should be taken behind the next commit.
func (s *snapshotter) due(st *inputState) bool {
	return s.cfg.Durable() && !s.busy && st != nil && st.step != s.step && time.Since(s.last) >= time.Duration(s.cfg.SnapshotEvery)*time.Millisecond
}

// begin says that one is under way and gives its budget.
func (s *snapshotter) begin(st *inputState) *flat.Budget {
	s.busy, s.last, s.step = true, time.Now(), st.step
	return s.budget()
}

func (s *snapshotter) budget() *flat.Budget { return flat.NewBudget(s.cfg.SnapshotCopies) }

// ended takes the answer of the one that was under way.
func (s *snapshotter) ended(err error) {
	s.busy = false
	if err != nil {
		s.cfg.Log.Warn("no snapshot could be written; the one before counts", "why", err.Error())
	}
}

// wait waits for the one under way.
func (s *snapshotter) wait() {
	if s.busy {
		s.ended(<-s.done)
	}
}

// close gives up the one under way.
func (s *snapshotter) close() {
	if s == nil || !s.busy {
		return
	}
	if z := s.frozen.Load(); z != nil {
		z.drop()
	}
	s.ended(<-s.done)
}

// launch writes the snapshot behind a commit in the background, unless the
// commit has failed.
func (s *snapshotter) launch(x *cut, failed error) {
	if failed != nil {
		x.snapshot.drop()
		s.done <- failed
		return
	}
	go func() {
		defer func() {
			if r := recover(); r != nil {
				s.done <- internalFault(r, s.cfg.Log)
			}
		}()
		s.done <- s.write(x, false)
	}()
}

// write writes the snapshot of a cut and makes it the newest. clean says that
// no commit follows.
func (s *snapshotter) write(x *cut, clean bool) (err error) {
	from := time.Now()
	z := x.snapshot
	s.frozen.Store(z)
	defer z.drop()
	h := head{version: s.cfg.Version, plan: s.cfg.Plan, generation: x.entry.generation, run: x.entry.run,
		number: x.Number, clock: x.Clock, clean: clean, input: *x.state, counters: x.counters, sinks: x.states}
	z.head = h.append(nil)
	w, err := s.cfg.snapshots().Create(s.cfg.SnapshotDir, h.generation, h.number)
	if err != nil {
		return err
	}
	killpoint.Pass(killpoint.SnapshotBefore)
	err = z.save(func(name string) io.Writer { return w.Section(name) })
	if err == nil {
		err = w.Finish()
	}
	if err == nil {
		err = s.confirm()
	}
	if err == nil {
		killpoint.Pass(killpoint.SnapshotAfter)
		killpoint.Pass(killpoint.RenameBefore)
		err = w.Publish()
		killpoint.Pass(killpoint.RenameAfter)
	}
	if err != nil {
		return errors.Join(err, w.Abort())
	}
	older := s.newest
	s.newest = x.Number
	s.status.SnapshotMicros.Store(time.Since(from).Microseconds())
	s.status.SnapshotAt.Store(time.Now().UnixMilli())
	if err := s.cfg.snapshots().Prune(s.cfg.SnapshotDir, snapshotsKept); err != nil {
		return fmt.Errorf("snapshot of commit %d is written, but: %w", x.Number, err)
	}
	// The entry of the older one's commit stays: that it is there shows that
	// nothing was lost.
	ctx, cancel := context.WithTimeout(context.Background(), trimWithin)
	defer cancel()
	if err := s.cfg.Journal.Trim(ctx, older); err != nil && older > 0 {
		s.cfg.Log.Warn("the journal could not be trimmed", "below", older, "why", err.Error())
	}
	return nil
}

// confirm makes sure that no other process has taken over: snapshots are its
// affair then.
func (s *snapshotter) confirm() error {
	j, ok := s.cfg.Journal.(Contested)
	if !ok {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), trimWithin)
	defer cancel()
	return j.Confirm(ctx)
}

// trimWithin bounds the trimming of the journal, which can wait for the next
// snapshot.
const trimWithin = 10 * time.Second
