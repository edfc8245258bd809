package pipeline

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"
)

// refusingJournal refuses a commit for good and counts the commits that follow.
type refusingJournal struct {
	*simJournal
	refuse  int64
	behind  int
	refused bool
}

func (j *refusingJournal) Commit(ctx context.Context, number int64, entry []byte) error {
	if j.refused {
		j.behind++
	}
	if number == j.refuse {
		j.refused = true
		return errors.New("the entry is too large")
	}
	return j.simJournal.Commit(ctx, number, entry)
}

func TestNothingIsCommittedBehindACommitThatFailed(t *testing.T) {
	w := steadyWorld(t)
	for refuse := range int64(4) {
		j := &refusingJournal{refuse: int64(len(w.journal)) + refuse + 1}
		err := w.run(true, func(c *Config) {
			j.simJournal = c.Journal.(*simJournal)
			c.Journal, c.MaxRecords = j, 3
		})
		if err == nil || !strings.Contains(err.Error(), "too large") {
			t.Fatal(err)
		}
		if j.behind > 0 {
			t.Errorf("%d commits follow the one that failed", j.behind)
		}
	}
	if err := w.run(true, nil); err != nil {
		t.Fatal(err)
	}
	w.sameRows()
}

func TestAnotherVersionGoesOnBehindAStopWithoutNews(t *testing.T) {
	w := steadyWorld(t)
	running := func(p *Pipeline) bool { s, _ := p.Status().State(); return s == Running }
	drained := func(p *Pipeline) bool { return running(p) && p.Status().Drained() }
	for i, step := range []struct {
		version string
		until   func(*Pipeline) bool
	}{{"1", running}, {"2", drained}, {"2", running}, {"3", drained}, {"4", running}, {"5", running}} {
		if err := w.runUntil(step.until, func(c *Config) { c.Version = step.version }); err != nil {
			t.Fatalf("run %d: %v", i, err)
		}
	}
}

// TestEachDrainHasAGeneration: what a bounded run closes behind the state that
// it keeps comes again from the next one, and that one's rows must win.
func TestEachDrainHasAGeneration(t *testing.T) {
	f := func(runs uint64, between func(w *world)) {
		t.Helper()
		w := steadyWorld(t)
		for run := range runs {
			var sink *simSink
			err := w.run(true, func(c *Config) {
				sink = c.Sinks[0].Sink.(*simSink)
				c.SnapshotEvery = 3_600_000
			})
			if err != nil || uint64(sink.generation) != run {
				t.Errorf("run %d has generation %d: %v", run, sink.generation, err)
			}
			between(w)
		}
		w.sameRows()
	}
	f(4, func(*world) {})
	// All of the journal is there as long as there was one snapshot.
	f(2, func(w *world) {
		if err := os.RemoveAll(w.dir); err != nil {
			t.Fatal(err)
		}
	})
}

func TestEveryReplayedEntryIsOfThisVersion(t *testing.T) {
	p := New(Config{Version: "1"})
	r := &recovery{entries: []*entry{{version: "1", plan: planDigest(nil)}, {version: "2", plan: planDigest(nil)}}}
	if err := p.mayGoOn(r); err == nil || !strings.Contains(err.Error(), "written by versions 1 and 2 one after another") {
		t.Error(err)
	}
}
