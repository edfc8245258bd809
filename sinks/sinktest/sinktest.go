// Package sinktest drives a sink through commits as the engine does, with a
// journal and snapshots in memory, and lets it crash between any two calls.
package sinktest

import (
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// Commit is what one commit writes.
type Commit struct {
	// Clock is the wall clock in ms.
	Clock int64
	Steps []*pipeline.Delivery
	// All asks for everything at its Cut.
	All bool
}

// Machine is a state and the commits that lead it on. What it holds outlives
// crashes of the sink.
type Machine struct {
	New     func() pipeline.Sink
	Tables  []*schema.Table
	Commits []Commit
	// Opening is what the sink starts from, but for tables and state.
	Opening pipeline.Opening
	// Snapshot says whether a snapshot is taken after the commit with a number,
	// from 1, and Hold whether its Release waits for that of the next one. Both
	// may be nil.
	Snapshot, Hold func(number int64) bool
	// Crash is asked between any two calls. It may be nil.
	Crash func() bool

	journal   [][]byte
	snapshots []snapshot
	released  int64
}

type snapshot struct {
	number int64
	state  []byte
}

// Released is the last commit that the sink was told to release.
func (m *Machine) Released() int64 { return m.released }

// Durable is the last commit in the journal.
func (m *Machine) Durable() int64 { return int64(len(m.journal)) }

// Newest is the state of the newest snapshot, nil if there is none.
func (m *Machine) Newest() []byte {
	if len(m.snapshots) == 0 {
		return nil
	}
	return m.snapshots[len(m.snapshots)-1].state
}

// Forget drops the newest snapshot, as if it were damaged.
func (m *Machine) Forget() { m.snapshots = m.snapshots[:max(0, len(m.snapshots)-1)] }

// Run recovers and goes on to the last commit, or until it crashes; done says
// which. The sink is closed in either case.
func (m *Machine) Run(t testing.TB) (done bool) {
	t.Helper()
	r := run{m: m, t: t, sink: m.New()}
	defer func() { r.must(r.sink.Close(t.Context())) }()
	from := r.recover()
	if r.crashed {
		return false
	}
	for n := from; n < int64(len(m.Commits)) && !r.crashed; n++ {
		r.commit(n)
	}
	return !r.crashed
}

type run struct {
	m       *Machine
	t       testing.TB
	sink    pipeline.Sink
	crashed bool
}

func (r *run) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// crash reports whether the process ends here.
func (r *run) crash() bool {
	r.crashed = r.crashed || r.m.Crash != nil && r.m.Crash()
	return r.crashed
}

// recover replays the journal behind the newest snapshot and gives the number
// of commits that are done.
func (r *run) recover() int64 {
	m := r.m
	o, from := m.Opening, int64(0)
	o.Tables, o.State = m.Tables, nil
	if n := len(m.snapshots); n > 0 {
		from, o.State = m.snapshots[n-1].number, m.snapshots[n-1].state
	}
	r.must(r.sink.Open(r.t.Context(), &o))
	last := int64(len(m.journal))
	for n := from; n < last && !r.crashed; n++ {
		if r.write(n); r.crash() {
			return 0
		}
		_, err := r.sink.Cut(r.t.Context(), &pipeline.Cut{Number: n + 1, Clock: m.Commits[n].Clock, All: m.Commits[n].All, Replay: true, Decision: m.journal[n]})
		r.must(err)
	}
	if last > 0 && !r.crash() {
		r.release(last)
	}
	return last
}

func (r *run) write(n int64) {
	for _, d := range r.m.Commits[n].Steps {
		if r.crash() {
			return
		}
		r.must(r.sink.Write(r.t.Context(), d))
	}
}

func (r *run) release(number int64) {
	r.must(r.sink.Release(r.t.Context(), number))
	r.m.released = number
	if int(number) == len(r.m.Commits) {
		r.must(r.sink.Drain(r.t.Context()))
	}
}

// commit runs commit n from the write to the release.
func (r *run) commit(n int64) {
	m := r.m
	if r.write(n); r.crash() {
		return
	}
	number := n + 1
	decision, err := r.sink.Cut(r.t.Context(), &pipeline.Cut{Number: number, Clock: m.Commits[n].Clock, All: m.Commits[n].All})
	r.must(err)
	var state []byte
	isTaken := m.Snapshot != nil && m.Snapshot(number)
	if isTaken {
		state, err = r.sink.State(r.t.Context())
		r.must(err)
	}
	if r.crash() {
		return
	}
	m.journal = append(m.journal, decision)
	if r.crash() {
		return
	}
	if isTaken {
		m.snapshots = append(m.snapshots, snapshot{number, state})
	}
	if r.crash() || m.Hold != nil && int(number) < len(m.Commits) && m.Hold(number) {
		return
	}
	r.release(number)
}
