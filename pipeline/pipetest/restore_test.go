package pipetest

import (
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

var counted = &schema.Table{Name: "counted", Columns: []schema.Column{{Name: "rows", Type: schema.Int}}}

// counter writes how many rows it has seen. Its State leaves that out when it
// is forgetful.
type counter struct{ isForgetful bool }

func (c counter) Name() string                 { return "counter" }
func (c counter) Takes(*event.Batch, int) bool { return true }
func (c counter) NewShard(int) pipeline.Shard  { return &counterShard{isForgetful: c.isForgetful} }
func (c counter) Spec() pipeline.Spec {
	return pipeline.Spec{Key: pipeline.ByProfile, Tables: []*schema.Table{counted}}
}
func (s *counterShard) Advance(t *pipeline.Turn) {}
func (s *counterShard) Entries() int             { return 0 }
func (s *counterShard) Bytes() int               { return 0 }

type counterShard struct {
	isForgetful bool
	rows        int64
}

func (s *counterShard) Fold(t *pipeline.Turn, rows []event.Row) {
	s.rows += int64(len(rows))
	out := t.Out(0)
	out.Begin()
	out.Int(s.rows)
	out.End()
}

func (s *counterShard) State(p *flat.Parts) {
	if !s.isForgetful {
		flat.Var(p, &s.rows)
	}
}

// witnessed is a test of which only the faults count.
type witnessed struct {
	testing.TB
	faults []string
}

func (w *witnessed) Helper()                   { w.TB.Helper() }
func (w *witnessed) Errorf(f string, _ ...any) { w.faults = append(w.faults, f) }
func (w *witnessed) Fatalf(f string, _ ...any) { w.faults = append(w.faults, f) }

// TestRestore shows what becomes of state that a snapshot leaves out.
func TestRestore(t *testing.T) {
	l, err := Parse(strings.Repeat("10:00 page profile=ann\n", 8))
	if err != nil {
		t.Fatal(err)
	}
	f := func(isForgetful bool, restore int64, want bool) {
		t.Helper()
		w := &witnessed{TB: t}
		Run(w, counter{isForgetful}, l, Options{Step: 1, Restore: restore})
		if got := len(w.faults) > 0; got != want {
			t.Errorf("forgetful %t, restored after %d: faults %q", isForgetful, restore, w.faults)
		}
	}
	f(false, 0, false)
	f(false, 3, false)
	f(true, 0, true)
	f(true, 3, true)
	f(true, Never, false)
}

func TestWhole(t *testing.T) {
	f := func(isForgetful bool, others map[string]string, want int) {
		t.Helper()
		w := &witnessed{TB: t}
		Whole(w, &counterShard{isForgetful: isForgetful}, others)
		if len(w.faults) != want {
			t.Errorf("forgetful %t, %v: faults %q", isForgetful, others, w.faults)
		}
	}
	reason := map[string]string{"isForgetful": "configuration"}
	f(false, reason, 0)
	f(true, reason, 1)
	f(false, nil, 1)
	f(false, map[string]string{"isForgetful": ""}, 1)
	f(false, map[string]string{"isForgetful": "configuration", "gone": "configuration"}, 1)
}
