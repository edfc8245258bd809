package faulttest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline/snapshot"
)

// FileRun is a scenario without Kafka: a pipeline with its journal in files
// reads a file that grows between its lives, and writes files and ClickHouse.
type FileRun struct {
	lives
	ClickHouse *dev.ClickHouse

	options Options
	config  configuration
	lines   [][]byte // not yet in the file
	count   int64    // of lines in the file
}

// filesExtra makes many small commits of what is read within moments.
const filesExtra = "step: {max_records: 10}\n"

// fileTime is the modification time that the file always has.
var fileTime = time.Date(2026, 3, 3, 0, 0, 0, 0, time.UTC)

// NewFiles starts ClickHouse. The file is empty at first.
func NewFiles(t testing.TB, o Options) *FileRun {
	t.Helper()
	o.defaults()
	r := &FileRun{lives: newLives(t), options: o, ClickHouse: devtest.NewClickHouse(t)}
	messages, closing := world(t, r.binary, &o)
	for _, m := range slices.Concat(messages, closing) {
		r.lines = append(r.lines, append(m.value, '\n'))
	}
	r.config = configuration{
		Name: pipelineName, ClickHouse: r.ClickHouse.Addr(), Database: database, File: "in.jsonl", Out: "out",
		Dir: filepath.Join(r.dir, "live"), Extra: filesExtra + o.Extra, State: o.State, Warehouse: o.Warehouse,
	}
	r.makeVenue()
	return r
}

// Append adds a share of the load to the file; the last event comes in Finish.
func (r *FileRun) Append(share float64) {
	r.t.Helper()
	n := min(int(share*float64(r.count+int64(len(r.lines)))), len(r.lines)-1)
	r.append(n)
}

func (r *FileRun) append(n int) {
	r.t.Helper()
	path := filepath.Join(r.dir, r.config.File)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		r.t.Fatal(err)
	}
	_, err = file.Write(bytes.Join(r.lines[:n], nil))
	if err = errors.Join(err, file.Close()); err == nil {
		// Dead letters bear the time of the file, which the oracle reads later.
		err = os.Chtimes(path, time.Time{}, fileTime)
	}
	if err != nil {
		r.t.Fatal(err)
	}
	r.lines, r.count = r.lines[n:], r.count+int64(n)
}

// Start starts the pipeline. place arms TOUCHSTREAM_KILL; it is empty for none.
func (r *FileRun) Start(place string) *Process {
	r.t.Helper()
	return r.start(place, r.config, func(Status) {})
}

// RunUntilKilled starts the pipeline and waits until it has killed itself at
// the n-th passing of a label.
func (r *FileRun) RunUntilKilled(label string, n int) *Process {
	r.t.Helper()
	p := r.Start(fmt.Sprintf("%s:%d", label, n))
	await(r.t, fmt.Sprintf("passing %d of %s", n, label), func() bool { return !p.Running() })
	if code, sig := p.Wait(); sig != syscall.SIGKILL {
		r.t.Fatalf("the pipeline ended with code %d, signal %d instead of killing itself at %s:\n%s", code, sig, label, p.Log())
	}
	return p
}

// Journal are the paths of the journal's segments, oldest first.
func (r *FileRun) Journal() []string {
	r.t.Helper()
	paths, err := filepath.Glob(filepath.Join(r.config.Dir, "state", "journal-*.log"))
	if err != nil {
		r.t.Fatal(err)
	}
	return paths
}

// Snapshots are the paths of the pipeline's snapshots, newest first.
func (r *FileRun) Snapshots() []string {
	r.t.Helper()
	return snapshots(r.t, r.config.Dir)
}

func snapshots(t testing.TB, dir string) []string {
	t.Helper()
	files, err := snapshot.List(filepath.Join(dir, "snapshots"))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	return paths
}

// Finish adds the rest of the load, runs the pipeline until all of it is
// delivered, and ends it with SIGTERM.
func (r *FileRun) Finish() {
	r.t.Helper()
	r.append(len(r.lines))
	p := r.Start("")
	s := p.Await("everything delivered", func(s Status) bool { return s.Drained && s.Records >= r.count })
	if s.Records != r.count {
		r.t.Errorf("%d records read of a file of %d", s.Records, r.count)
	}
	if code := p.Terminate(); code != 0 {
		r.t.Errorf("exit code %d on SIGTERM:\n%s", code, p.Log())
	}
}

// Check compares the files and the views with those of an undisturbed bounded
// run over the same file. Rows that were made again after a loss of the journal
// are in ClickHouse twice until they merge, so they are merged before.
func (r *FileRun) Check() {
	r.t.Helper()
	oracle := r.config
	oracle.Name, oracle.Database, oracle.Dir, oracle.Out = oracleName, oracleName, oracleName, "oracle-out"
	oracle.Extra = r.options.Extra
	r.command("run", "-c", r.write(oracle), "--until-end")
	for _, table := range []string{"events", "dead_letters"} {
		missing, extra := difference(r.sortedLines(oracle.Out, table), r.sortedLines(r.config.Out, table))
		for _, fault := range slices.Concat(
			unlessEmpty("file of "+table+": lines that only the oracle has", missing),
			unlessEmpty("file of "+table+": lines that the oracle does not have, or once only", extra)) {
			r.t.Error(fault)
		}
	}

	conn := openClickHouse(r.t, r.ClickHouse.Addr())
	mergeAll(r.t, conn)
	ctx, cancel := context.WithTimeout(r.t.Context(), waitMax)
	defer cancel()
	c := &Checker{ClickHouse: r.ClickHouse.Addr(), Database: database, Oracle: oracleName, IsOrdered: true}
	faults, err := c.views(ctx, conn)
	if err != nil {
		r.t.Fatal(err)
	}
	for _, fault := range faults {
		r.t.Error(fault)
	}
	r.command("verify", "-c", r.write(r.config))
}

// sortedLines are the lines that the file sink wrote for a table.
func (r *FileRun) sortedLines(out, table string) []string {
	r.t.Helper()
	text, err := os.ReadFile(filepath.Join(r.dir, out, table+".jsonl"))
	if err != nil {
		r.t.Fatal(err)
	}
	return slices.Sorted(strings.Lines(string(text)))
}
