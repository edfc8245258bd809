package pipeline

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/snapshot"
)

// crashed is a world whose process has died behind some commits, without a
// snapshot.
func crashed(t *testing.T) *world {
	w := steadyWorld(t)
	p := w.start(6)
	err := p.run(true, func(c *Config) { c.MaxRecords, c.SnapshotEvery = 1, time.Hour.Milliseconds() })
	if err == nil || !p.dead || len(w.journal) < 2 {
		t.Fatalf("the process should have died with entries in the journal; error %v, %d entries", err, len(w.journal))
	}
	return w
}

// TestReplayThatDiffersStops: the input is not what it was.
func TestReplayThatDiffersStops(t *testing.T) {
	w := crashed(t)
	entries, blocks := len(w.journal), maps.Clone(w.blocks)
	part := w.parts[0]
	f := strings.Fields(part[0])
	part[0] = f[0] + " z" + " other"
	err := w.run(true, nil)
	if err == nil || !regexp.MustCompile(`replay of step \d+ differs from its journal record: table tally, shard \d`).MatchString(err.Error()) {
		t.Errorf("error %v", err)
	}
	if len(w.journal) != entries || !maps.Equal(w.blocks, blocks) {
		t.Errorf("something was written: %d entries after %d, %d blocks after %d", len(w.journal), entries, len(w.blocks), len(blocks))
	}
	part[0] = strings.Join(f, " ")
	if err := w.run(true, nil); err != nil {
		t.Fatal(err)
	}
	w.sameRows()
}

// TestStopWithinAReplayIsTold: it ends well, and nothing else may replay the rest.
func TestStopWithinAReplayIsTold(t *testing.T) {
	w := crashed(t)
	p := w.start(0)
	p.stopAt = 2
	if err := p.run(false, func(c *Config) { c.MaxRecords, c.SnapshotEvery = 1, time.Hour.Milliseconds() }); err != nil {
		t.Fatal(err)
	}
	if text := string(w.log.text()); p.pipeline.isLive || !strings.Contains(text, "stopped within the replay of the journal; this version has to start once more") {
		t.Errorf("live %t\n%s", p.pipeline.isLive, text)
	}
}

// TestInputThatIsGoneStops: records that the journal speaks of are not there.
func TestInputThatIsGoneStops(t *testing.T) {
	w := crashed(t)
	whole := w.parts[0]
	w.parts[0] = slices.Clone(whole[:1])
	err := w.run(true, nil)
	if err == nil || !strings.Contains(err.Error(), "t partition 0: the journal has 1 records at offsets 1 to 1, the source now gives 0") {
		t.Errorf("error %v", err)
	}
	w.parts[0] = whole
	if err := w.run(true, nil); err != nil {
		t.Fatal(err)
	}
	w.sameRows()
}

// TestInputThatGrewIsReplayed: dead letters show the time of the file as it was.
func TestInputThatGrewIsReplayed(t *testing.T) {
	w := steadyWorld(t)
	w.parts[0][0] = "when z bad"
	p := w.start(6)
	if err := p.run(true, func(c *Config) { c.MaxRecords, c.SnapshotEvery = 1, time.Hour.Milliseconds() }); !p.dead {
		t.Fatal(err)
	}
	w.changed += 1_000
	if err := w.run(true, nil); err != nil {
		t.Fatal(err)
	}
}

// TestDamagedSnapshotIsSetAside: it does not take the place of a good one.
func TestDamagedSnapshotIsSetAside(t *testing.T) {
	w := steadyWorld(t)
	often := func(c *Config) { c.SnapshotEvery = 0 }
	if err := w.runUntil(func(p *Pipeline) bool { return p.Status().Records.Load() > 5 }, often); err != nil {
		t.Fatal(err)
	}
	files, err := snapshot.List(w.dir)
	if err != nil || len(files) != snapshotsKept {
		t.Fatalf("%d snapshots, %v", len(files), err)
	}
	if err := os.Truncate(files[0].Path, 100); err != nil {
		t.Fatal(err)
	}
	if err := w.run(true, often); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(files[0].Path + ".damaged"); err != nil {
		t.Error(err)
	}
	files, err = snapshot.List(w.dir)
	if err != nil || len(files) != snapshotsKept {
		t.Fatalf("%d snapshots, %v", len(files), err)
	}
	for _, f := range files {
		if err := snapshot.Verify(f.Path); err != nil {
			t.Error(err)
		}
	}
	w.sameRows()
}

// endingJournal says where it ends.
type endingJournal struct{ *simJournal }

func (j endingJournal) End() (string, int64) {
	n := len(j.w.journal)
	if n == 0 {
		return "journal.log at offset 36", 0
	}
	return "journal.log at offset 77", j.w.journal[n-1].number
}

// TestJournalThatEndsBeforeTheSnapshotIsTold: nothing is lost, but somebody has
// cut it.
func TestJournalThatEndsBeforeTheSnapshotIsTold(t *testing.T) {
	for left, want := range map[int]string{0: "offset 36 has no entry", 1: "offset 77 ends behind commit 1"} {
		w := steadyWorld(t)
		if err := w.runUntil(func(p *Pipeline) bool { return p.Status().Records.Load() > 5 }, func(*Config) {}); err != nil {
			t.Fatal(err)
		}
		files, err := snapshot.List(w.dir)
		if err != nil || len(files) == 0 || len(w.journal) < 2 {
			t.Fatalf("%d snapshots, %d entries, %v", len(files), len(w.journal), err)
		}
		w.journal = w.journal[:left]
		if err := w.run(true, func(c *Config) { c.Journal = endingJournal{c.Journal.(*simJournal)} }); err != nil {
			t.Fatal(err)
		}
		text := string(w.log.text())
		for _, want := range []string{"the end of the journal is missing; all that it held is in the snapshot", want, fmt.Sprintf("snapshot=%s of_commit=%d", files[0].Path, files[0].Number)} {
			if !strings.Contains(text, want) {
				t.Errorf("the log lacks %q\n%s", want, text)
			}
		}
		w.sameRows()
	}
}

// TestSinkWithRowsIsNotLeftOut: nobody would deliver what waits for it.
func TestSinkWithRowsIsNotLeftOut(t *testing.T) {
	w := steadyWorld(t)
	h := &head{sinks: []decision{{sink: "m"}, {sink: "gone"}}, counters: []namedCount{{waitingPrefix + "gone", 7}}}
	p := New(w.start(0).config(true))
	if err := p.mayLeaveOut(h); err == nil || !strings.Contains(err.Error(), "sinks.gone is not configured any more, and 7 rows wait for it") {
		t.Errorf("error %v", err)
	}
	h.counters[0].n = 0
	if err := p.mayLeaveOut(h); err != nil {
		t.Error(err)
	}
}

// TestPartitionFoundInAReplayIsNamedOnce: the state behind the replay does not
// know it yet, since the next step names it.
func TestPartitionFoundInAReplayIsNamedOnce(t *testing.T) {
	w := crashed(t)
	w.parts = append(w.parts, []string{"1000 z late-partition"})
	cfg := w.start(0).config(true)
	in := newInput(&cfg, newStatus(cfg.Log))
	e, err := decodeEntry(w.journal[0].bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := in.resume(nil, []*entry{e}); err != nil {
		t.Fatal(err)
	}
	if err := in.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := in.again(t.Context(), e, &e.steps[0])
	if s == nil || s.err != nil {
		t.Fatalf("step %+v", s)
	}
	if found, known := len(in.bySrc[0]), len(s.state.sources[0].parts); known >= found {
		t.Errorf("the state knows %d partitions, %d were found", known, found)
	}
}
