package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// restarts runs the plain pipeline on, in one folder, with its state kept.
type restarts struct {
	t   *testing.T
	dir string
}

func newRestarts(t *testing.T, input string) *restarts {
	r := &restarts{t, t.TempDir()}
	write(t, r.dir, "in.jsonl", input)
	return r
}

// run runs the plain configuration, changed by pairs of old and new texts.
func (r *restarts) run(pairs ...string) outcome {
	r.t.Helper()
	config := plainConfig + "state: {dir: state, snapshots: state/snapshots}\n"
	path := write(r.t, r.dir, "c.yaml", strings.NewReplacer(pairs...).Replace(config))
	return touchstream(r.t, nil, "run", "-c", path, "--until-end", "--keep-state")
}

// events counts the events that came out as lines.
func (r *restarts) events() int {
	r.t.Helper()
	return len(rows(r.t, filepath.Join(r.dir, "out"), "events"))
}

// TestFilesThatChangedBetweenRuns: what was read must be there as it was; what
// is appended is read.
func TestFilesThatChangedBetweenRuns(t *testing.T) {
	a, b, x := line("2026-01-01T00:00:00Z", "a"), line("2026-01-01T00:00:01Z", "b"), line("2026-01-01T00:00:01Z", "x")
	r := newRestarts(t, a+b)
	r.run().want(t, exitOK)
	write(t, r.dir, "in.jsonl", a+x)
	r.run().want(t, exitFailed, "sources.in: in.jsonl: its records up to line 2 were 74 bytes with checksum ", " when they were read, and now are 74 bytes with checksum ")
	write(t, r.dir, "in.jsonl", a+b+x)
	r.run().want(t, exitOK)
	if n := r.events(); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
	r = newRestarts(t, b+a)
	sorted := []string{"[in.jsonl]", "[in.jsonl], sort: true"}
	r.run(sorted...).want(t, exitOK)
	write(t, r.dir, "in.jsonl", b+a+x)
	r.run(sorted...).want(t, exitFailed, "sources.in: the source was sorted when it held 2 records of 72 bytes with checksum ", "now it holds 3 records of 108 bytes")
}

// TestCutJournalIsTold: it ends between two entries, and nothing in it is
// damaged.
func TestCutJournalIsTold(t *testing.T) {
	r := newRestarts(t, line("2026-01-01T00:00:00Z", "a"))
	r.run().want(t, exitOK)
	files, err := filepath.Glob(filepath.Join(r.dir, "state", "journal-*.log"))
	if err != nil || len(files) != 1 {
		t.Fatalf("%q, %v", files, err)
	}
	const header = 36
	if err := os.Truncate(files[0], header); err != nil {
		t.Fatal(err)
	}
	r.run().want(t, exitOK, "the end of the journal cannot be used; what it held is made again", filepath.Base(files[0])+": entry 1 at offset 36: the journal ends here, and entry 3 had been written: its end was cut off")
	if n := r.events(); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
}

// TestFileSinksThatChangedBetweenRuns: tables come and go; another place or
// format is said to be one.
func TestFileSinksThatChangedBetweenRuns(t *testing.T) {
	lines := []string{line("2026-01-01T00:00:00Z", "a"), line("2026-01-01T00:00:01Z", "b"), line("2026-01-01T00:00:02Z", "c"), line("2026-01-01T00:00:03Z", "d")}
	r := newRestarts(t, lines[0])
	sink := "{local: {file: {dir: out}}}"
	with := func(text string) []string { return []string{sink, text} }
	for i, tables := range []string{"[events, sessions]", "[identities, sessions, events]", "[events]"} {
		write(t, r.dir, "in.jsonl", strings.Join(lines[:i+1], ""))
		r.run(with("{local: {file: {dir: out}, tables: "+tables+"}}")...).want(t, exitOK)
		if n := r.events(); n != i+1 {
			t.Errorf("with %s %d events, want %d", tables, n, i+1)
		}
	}
	r.run(with("{local: {file: {dir: out, format: parquet}, tables: [events]}}")...).want(t, exitFailed,
		"sinks.local.file.format: the state was made with jsonl, the configuration has parquet: the sink goes on in the files that it has written; set it back, or rename the sink as well")
	r.run(with("{local: {file: {dir: there}, tables: [events]}}")...).want(t, exitFailed, "sinks.local.file.dir: the state was made with ", "out, the configuration has ", "there: the sink goes on in the files")
	r.run(with("{other: {file: {dir: there}, tables: [events]}}")...).want(t, exitOK)
}

// TestFolderHoldsOneGeneration: who reads all Parquet files of a table gets each
// row once, behind runs that go on and behind a reset.
func TestFolderHoldsOneGeneration(t *testing.T) {
	r := newRestarts(t, line("2026-01-01T00:00:00Z", "a"))
	parquet := []string{"{dir: out}", "{dir: out, format: parquet}"}
	files := func(want int) (names []string) {
		t.Helper()
		for _, table := range []string{"events", "sessions"} {
			names, err := filepath.Glob(filepath.Join(r.dir, "out", table+"-*.parquet"))
			if err != nil || len(names) != want {
				t.Errorf("%q, %v; want %d", names, err, want)
			}
		}
		names, _ = filepath.Glob(filepath.Join(r.dir, "out", "*.parquet"))
		return names
	}
	r.run(parquet...).want(t, exitOK)
	files(1)
	write(t, r.dir, "in.jsonl", line("2026-01-01T00:00:00Z", "a")+line("2026-01-01T00:00:01Z", "b"))
	r.run(parquet...).want(t, exitOK)
	before := files(1)
	touchstream(t, nil, "reset", "--yes", "-c", filepath.Join(r.dir, "c.yaml")).want(t, exitOK)
	r.run(parquet...).want(t, exitOK)
	after := files(1)
	for _, name := range before {
		if slices.Contains(after, name) {
			t.Errorf("%s is of a former generation", name)
		}
	}
}

// TestTwoNamesOnOneState: both are named, and the folders.
func TestTwoNamesOnOneState(t *testing.T) {
	r := newRestarts(t, line("2026-01-01T00:00:00Z", "a"))
	r.run().want(t, exitOK)
	r.run("name: plain", "name: other").want(t, exitFailed, "the state in ", filepath.Join(r.dir, "state")+" and "+filepath.Join(r.dir, "state", "snapshots")+" is that of pipeline plain, and this is pipeline other")
}
