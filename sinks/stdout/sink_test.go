package stdout

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
	"touchstream/sinks/sinktest"
)

func table(name string) *schema.Table {
	return &schema.Table{Name: name, Columns: []schema.Column{{Name: "id", Type: schema.Text}}}
}

func rows(t *schema.Table, id string) *schema.Rows {
	r := schema.NewRows(t)
	r.Begin()
	r.String(id)
	r.End()
	return r
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLines(t *testing.T) {
	a, b := table("a"), table("b")
	f := func(want string, tables ...*schema.Table) {
		t.Helper()
		var out bytes.Buffer
		s := New(Config{})
		s.out = &out
		d := &pipeline.Delivery{}
		for _, x := range tables {
			d.Rows = append(d.Rows, rows(x, x.Name+"1"))
		}
		must(t, s.Open(t.Context(), &pipeline.Opening{Tables: tables}))
		must(t, s.Write(t.Context(), d))
		_, err := s.Cut(t.Context(), &pipeline.Cut{Number: 1})
		must(t, err)
		must(t, s.Write(t.Context(), d))
		if out.Len() > 0 || s.Waiting() != int64(2*len(tables)) {
			t.Errorf("before the release: %q, %d rows wait", out.String(), s.Waiting())
		}
		must(t, s.Release(t.Context(), 1))
		must(t, s.Drain(t.Context()))
		must(t, s.Close(t.Context()))
		if got := out.String(); got != want || s.Waiting() != int64(len(tables)) {
			t.Errorf("got %q, %d rows wait; want %q", got, s.Waiting(), want)
		}
	}
	f(`{"id":"a1"}`+"\n", a)
	f(`{"table":"a","id":"a1"}`+"\n"+`{"table":"b","id":"b1"}`+"\n", a, b)
}

// TestCommitByCommit: the lines of a commit are printed before the next one.
func TestCommitByCommit(t *testing.T) {
	var out bytes.Buffer
	a := table("a")
	s := New(Config{})
	s.out = &out
	must(t, s.Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{a}}))
	for _, id := range []string{"1", "2"} {
		must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: []*schema.Rows{rows(a, id)}}))
		must(t, sinktest.Deliver(t.Context(), s))
	}
	if got, want := out.String(), `{"id":"1"}`+"\n"+`{"id":"2"}`+"\n"; got != want || s.Waiting() != 0 {
		t.Errorf("got %q, %d rows wait; want %q", got, s.Waiting(), want)
	}
}

// shortWriter takes a few bytes and is full then, as long as there is a limit.
type shortWriter struct {
	bytes.Buffer
	limit int
	full  error
}

func (w *shortWriter) Write(p []byte) (int, error) {
	if w.full == nil || len(p) <= w.limit {
		return w.Buffer.Write(p)
	}
	n, _ := w.Buffer.Write(p[:w.limit])
	return n, w.full
}

func TestFullDiskHolds(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	_, noRoom := full.Write([]byte("x"))
	must(t, full.Close())
	a := table("a")
	out := &shortWriter{limit: 3, full: noRoom}
	s := New(Config{})
	s.out = out
	must(t, s.Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{a}}))
	must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: []*schema.Rows{rows(a, "x")}}))
	_, err = s.Cut(t.Context(), &pipeline.Cut{Number: 1})
	must(t, err)
	if err := s.Release(t.Context(), 1); !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "make room") || s.Waiting() != 1 {
		t.Fatalf("got %v, %d rows wait", err, s.Waiting())
	}
	out.full = nil
	if err := s.Release(t.Context(), 1); err != nil || out.String() != `{"id":"x"}`+"\n" {
		t.Errorf("got %v, %q", err, out.String())
	}
}

// TestCrashes: every line is printed, in order, and twice only those of commits
// that were not released when another one was cut.
func TestCrashes(t *testing.T) {
	a := table("a")
	for seed := range 300 {
		d := rand.New(rand.NewPCG(uint64(seed), 2))
		var commits []sinktest.Commit
		for c := range 1 + d.IntN(12) {
			var steps []*pipeline.Delivery
			for k := range d.IntN(3) {
				steps = append(steps, &pipeline.Delivery{Rows: []*schema.Rows{rows(a, fmt.Sprintf("%d.%d", c, k))}})
			}
			commits = append(commits, sinktest.Commit{Steps: steps})
		}
		var out bytes.Buffer
		m := &sinktest.Machine{
			New:    func() pipeline.Sink { s := New(Config{}); s.out = &out; return s },
			Tables: []*schema.Table{a}, Commits: commits, Opening: pipeline.Opening{Dir: t.TempDir()},
			Snapshot: func(int64) bool { return d.IntN(3) == 0 },
		}
		crashes := d.IntN(6)
		m.Crash = func() bool { return crashes > 0 && d.IntN(8) == 0 }
		again := 0
		for !m.Run(t) {
			if crashes--; m.Durable() > 0 {
				again += len(commits[m.Durable()-1].Steps)
			}
			if d.IntN(4) == 0 {
				m.Forget()
			}
		}
		var want strings.Builder
		for c := range commits {
			for k := range commits[c].Steps {
				fmt.Fprintf(&want, "{\"id\":\"%d.%d\"}\n", c, k)
			}
		}
		if got := firsts(out.String()); got != want.String() {
			t.Fatalf("seed %d: got %q want %q", seed, got, want.String())
		}
		if n := strings.Count(out.String(), "\n") - strings.Count(want.String(), "\n"); n > again {
			t.Fatalf("seed %d: %d lines were printed again, at most %d should be: %q", seed, n, again, out.String())
		}
	}
}

// firsts gives each line where it comes first.
func firsts(text string) string {
	var b strings.Builder
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		if !seen[line] {
			seen[line] = true
			b.WriteString(line)
		}
	}
	return b.String()
}

func TestDamage(t *testing.T) {
	state := appendState(nil, 3, []commit{{number: 4, rows: 1, lines: []byte("x\n")}})
	printed, commits, err := parseState(state)
	if err != nil || printed != 3 || len(commits) != 1 || commits[0].number != 4 || string(commits[0].lines) != "x\n" {
		t.Errorf("got %d, %v, %v", printed, commits, err)
	}
	s := New(Config{})
	for _, bad := range [][]byte{{}, {stateVersion}, {7, 0}, state[:3], state[:5], state[:len(state)-1]} {
		if err := s.Open(t.Context(), &pipeline.Opening{State: bad}); !errors.Is(err, pipeline.ErrDamaged) {
			t.Errorf("%v: got %v", bad, err)
		}
	}
	if _, err := s.Cut(t.Context(), &pipeline.Cut{Number: 1, Replay: true}); err == nil {
		t.Error("a decision of nothing was taken")
	}
}
