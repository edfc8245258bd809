package pipeline

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/snapshot"
)

// planned gives a process a version and a plan, and says how others differ.
func planned(version, gap string, every time.Duration) func(*Config) {
	return func(c *Config) {
		c.Version, c.Plan, c.SnapshotEvery, c.MaxRecords = version, []Setting{{"shards", "4"}, {"gap", gap}}, every.Milliseconds(), 1
		c.ComparePlan = func(former []Setting, replays bool) error {
			if replays && former[1] != c.Plan[1] {
				return fmt.Errorf("gap was %s and is %s", former[1].Value, gap)
			}
			return nil
		}
	}
}

// TestChangeAfterACrashIsNamed: also when there is no snapshot to tell it.
func TestChangeAfterACrashIsNamed(t *testing.T) {
	for _, every := range []time.Duration{0, time.Hour} {
		w := steadyWorld(t)
		p := w.start(5)
		if err := p.run(true, planned("1", "30m", every)); err == nil || !p.dead {
			t.Fatal(err)
		}
		// What is replayed has its settings from the journal itself.
		if err := os.RemoveAll(w.dir); err != nil {
			t.Fatal(err)
		}
		w.trimmed = 0
		if err := w.run(true, planned("1", "20m", every)); err == nil || err.Error() != "gap was 30m and is 20m" {
			t.Errorf("error %v", err)
		}
		if err := w.run(true, planned("1", "30m", every)); err != nil {
			t.Error(err)
		}
		w.sameRows()
	}
}

// TestSnapshotBetweenTwoVersionsIsMissed: what follows was made by the one and
// the other, so that advice to start either would lead in a circle.
func TestSnapshotBetweenTwoVersionsIsMissed(t *testing.T) {
	f := func(version, gap, want string) {
		t.Helper()
		w := steadyWorld(t)
		whole := w.parts
		for _, n := range []int{3, 6} {
			w.parts = nil
			for _, part := range whole {
				w.parts = append(w.parts, part[:n])
			}
			all := func(p *Pipeline) bool {
				return p.Status().Drained() && p.Status().Records.Load() == int64(n*len(whole))
			}
			if err := w.runUntil(all, planned("1", "30m", time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		w.parts = whole
		files, err := snapshot.List(w.dir)
		if err != nil || len(files) != 2 {
			t.Fatalf("%d snapshots, %v", len(files), err)
		}
		p := w.start(3)
		if err := p.run(true, planned(version, gap, time.Hour)); err == nil || !p.dead {
			t.Fatal(err)
		}
		good, err := os.ReadFile(files[0].Path)
		if err == nil {
			err = os.Truncate(files[0].Path, 100)
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, now := range []func(*Config){planned("1", "30m", time.Hour), planned(version, gap, time.Hour)} {
			err := w.run(true, now)
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprintf("the journal behind the snapshot of commit %d was written by ", files[1].Number)) ||
				!strings.Contains(err.Error(), "bring it back from a copy into "+w.dir+", or reset the state") {
				t.Errorf("error %v lacks %q", err, want)
			}
		}
		if err := os.WriteFile(files[0].Path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := w.run(true, planned(version, gap, time.Hour)); err != nil {
			t.Error(err)
		}
		w.sameRows()
	}
	f("2", "30m", "versions 1 and 2 one after another")
	f("1", "20m", "two configurations that differ in gap one after another")
}
