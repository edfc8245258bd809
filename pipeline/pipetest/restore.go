package pipetest

import (
	"bytes"
	"fmt"
	"hash/fnv"
	"io"
	"math/rand/v2"
	"testing"

	"touchstream/pipeline/flat"
)

// Never is the step after which nothing is restored.
const Never = -1

// restores is the number of restores of a run that says nothing of them.
const restores = 3

// stateful is a shard or a resolver.
type stateful interface{ State(p *flat.Parts) }

// snapshots are the states of a run after some of its steps.
type snapshots struct {
	at    map[int64]bool
	saved map[int64][][]byte // by step, of each state
	open  *saving
}

// saving is a snapshot that is being written.
type saving struct {
	step   int64
	frozen []*flat.Frozen
	out    []bytes.Buffer
	begin  chan struct{}
	done   chan error
}

// newSnapshots chooses the steps of a run of so many: the given one, or with 0
// some by the log.
func newSnapshots(l *Log, step, steps int64) *snapshots {
	s := &snapshots{at: map[int64]bool{}, saved: map[int64][][]byte{}}
	if step > 0 {
		s.at[step] = true
		return s
	}
	h := fnv.New64a()
	for _, e := range l.entries {
		fmt.Fprint(h, e.at, e.name)
	}
	r := rand.New(rand.NewPCG(h.Sum64(), uint64(steps)))
	for range restores {
		s.at[1+r.Int64N(max(1, steps-1))] = true
	}
	return s
}

// take freezes the states after a step, if it is one of those chosen, and has
// them saved in another goroutine while the run goes on, with room for the copy
// of one page: the run waits for the other goroutine. Every second snapshot has
// all the room and is saved when the run is about to take the next one, or over.
func (s *snapshots) take(tb testing.TB, step int64, states []stateful) {
	tb.Helper()
	if !s.at[step] {
		return
	}
	s.finish(tb)
	w := &saving{step: step, out: make([]bytes.Buffer, len(states)), begin: make(chan struct{}), done: make(chan error, 1)}
	isAtOnce := len(s.saved)%2 == 0
	budget := flat.NewBudget(0)
	if isAtOnce {
		close(w.begin)
	} else {
		budget = nil
	}
	for _, state := range states {
		w.frozen = append(w.frozen, partsOf(state).Freeze(budget))
	}
	s.open = w
	go func() {
		<-w.begin
		for i, f := range w.frozen {
			if err := f.Save(&w.out[i]); err != nil {
				w.done <- fmt.Errorf("state %d: %w", i, err)
				return
			}
		}
		w.done <- nil
	}()
}

// finish waits for the snapshot that is being saved.
func (s *snapshots) finish(tb testing.TB) {
	tb.Helper()
	w := s.open
	if w == nil {
		return
	}
	s.open = nil
	if len(s.saved)%2 != 0 {
		close(w.begin)
	}
	if err := <-w.done; err != nil {
		tb.Fatalf("saving the state after step %d: %v", w.step, err)
	}
	for i, f := range w.frozen {
		f.Drop()
		s.saved[w.step] = append(s.saved[w.step], w.out[i].Bytes())
	}
}

// load gives a fresh state what was saved of state i after a step. What it then
// saves must be the same.
func (s *snapshots) load(tb testing.TB, step int64, i int, fresh stateful) {
	tb.Helper()
	saved := s.saved[step][i]
	in := bytes.NewReader(saved)
	if err := partsOf(fresh).Load(in); err != nil {
		tb.Fatalf("loading the state after step %d: %v", step, err)
	}
	if rest, _ := io.Copy(io.Discard, in); rest > 0 {
		tb.Fatalf("the state after step %d: %d of %d bytes were not read", step, rest, len(saved))
	}
	var again bytes.Buffer
	f := partsOf(fresh).Freeze(flat.NewBudget(1 << 30))
	defer f.Drop()
	if err := f.Save(&again); err != nil || !bytes.Equal(again.Bytes(), saved) {
		tb.Fatalf("the state after step %d is another one after it was loaded: %d bytes, then %d (%v)", step, len(saved), again.Len(), err)
	}
}

func partsOf(s stateful) *flat.Parts {
	p := &flat.Parts{}
	s.State(p)
	return p
}
