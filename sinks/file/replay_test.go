package file

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/codec"
	"touchstream/sinks/sinktest"
)

// someCommits are commits of a few steps each, some without rows.
func someCommits(d *rand.Rand, n int) (commits []sinktest.Commit) {
	for c := range n {
		var steps []*pipeline.Delivery
		for range d.IntN(4) {
			var ids []string
			for range d.IntN(4) {
				ids = append(ids, fmt.Sprintf("%d-%s", d.IntN(1e6), strings.Repeat("x", d.IntN(30))))
			}
			steps = append(steps, delivery(ids...))
		}
		commits = append(commits, sinktest.Commit{Clock: int64(c), Steps: steps, All: c == n-1})
	}
	return commits
}

func machine(dir, format string, commits []sinktest.Commit) *sinktest.Machine {
	return &sinktest.Machine{
		New: func() pipeline.Sink { return New(Config{Dir: dir, Format: format}) }, Tables: tables, Commits: commits,
		Opening: pipeline.Opening{Generation: 1, Dir: filepath.Join(dir, "state")},
	}
}

// spoil does to a file what the loss of power may: what is behind the newest
// snapshot's length, which is durable, is cut off, half written or rubbish.
func spoil(t *testing.T, d *rand.Rand, path string, state []byte, table int) {
	t.Helper()
	durable := int64(0)
	if state != nil {
		h, err := parseState(state)
		must(t, err)
		durable = h[tables[table].Name].length
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return
	}
	must(t, err)
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	must(t, err)
	if size < durable {
		t.Fatalf("%s has %d bytes, %d should be durable", path, size, durable)
	}
	at := durable + d.Int64N(size-durable+1)
	must(t, f.Truncate(at))
	_, err = f.WriteAt([]byte(strings.Repeat("\x00{\"", d.IntN(40))), at)
	must(t, err)
}

// TestCrashes: wherever a run crashes, and however often, the files are in the
// end those of a run that did not.
func TestCrashes(t *testing.T) {
	runs := 400
	if testing.Short() {
		runs = 50
	}
	for seed := range runs {
		d := rand.New(rand.NewPCG(uint64(seed), 1))
		format := []string{JSONL, CSV}[d.IntN(2)]
		commits := someCommits(d, 1+d.IntN(12))
		want, got := t.TempDir(), t.TempDir()
		if !machine(want, format, commits).Run(t) {
			t.Fatal("crashed")
		}
		must(t, os.WriteFile(filepath.Join(got, "visits."+format), []byte(strings.Repeat("of a former state\n", d.IntN(9))), 0o644))
		m := machine(got, format, commits)
		m.Snapshot = func(int64) bool { return d.IntN(4) == 0 }
		m.Hold = func(int64) bool { return d.IntN(3) == 0 }
		crashes := 1 + d.IntN(6)
		m.Crash = func() bool { return crashes > 0 && d.IntN(12) == 0 }
		isPowerLost := d.IntN(2) == 0
		for !m.Run(t) {
			crashes--
			seen := read(t, filepath.Join(got, "visits."+format))
			whole := read(t, filepath.Join(want, "visits."+format))
			if !isPowerLost && m.Released() > 0 && !strings.HasPrefix(whole, seen) {
				t.Fatalf("seed %d: readers saw %q, the whole is %q", seed, seen, whole)
			}
			if isPowerLost {
				for i, table := range tables {
					spoil(t, d, filepath.Join(got, table.Name+"."+format), m.Newest(), i)
				}
			} else if d.IntN(4) == 0 {
				m.Forget()
			}
		}
		for _, table := range tables {
			name := table.Name + "." + format
			if a, b := read(t, filepath.Join(want, name)), read(t, filepath.Join(got, name)); a != b {
				t.Fatalf("seed %d, %s: got %q want %q", seed, name, b, a)
			}
		}
	}
}

// TestReadersSeeNoChangeInAReplay: a replay writes over what is there.
func TestReadersSeeNoChangeInAReplay(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "visits.jsonl")
	m := machine(dir, JSONL, []sinktest.Commit{
		{Steps: []*pipeline.Delivery{delivery("a")}}, {Steps: []*pipeline.Delivery{delivery("b", strings.Repeat("x", 2*behindMax))}},
		{Steps: []*pipeline.Delivery{delivery("c")}},
	})
	m.Snapshot = func(number int64) bool { return number == 1 }
	if !m.Run(t) {
		t.Fatal("crashed")
	}
	want := read(t, path)
	for _, snapshots := range []int{1, 0} {
		m.Crash = func() bool {
			if got := read(t, path); got != want {
				t.Errorf("from %d snapshots: a reader sees %d bytes, want %d", snapshots, len(got), len(want))
			}
			return false
		}
		if !m.Run(t) || read(t, path) != want {
			t.Errorf("from %d snapshots: the file has changed", snapshots)
		}
		m.Forget()
	}
}

// TestLinesOfTheSnapshotsCommit: a process that ends between commit and release
// has nothing to replay when its snapshot is of that commit.
func TestLinesOfTheSnapshotsCommit(t *testing.T) {
	dir := t.TempDir()
	m := machine(dir, JSONL, []sinktest.Commit{{Steps: []*pipeline.Delivery{delivery("a")}}})
	m.Snapshot = func(int64) bool { return true }
	m.Crash = func() bool { return m.Newest() != nil && m.Released() == 0 }
	if m.Run(t) || m.Durable() != 1 {
		t.Fatal("not crashed behind the commit")
	}
	m.Crash = nil
	m.Run(t)
	if got, want := read(t, filepath.Join(dir, "visits.jsonl")), `{"id":"a","n":0}`+"\n"; got != want {
		t.Errorf("got %q want %q", got, want)
	}
}

func TestDamage(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "visits.jsonl")
	m := machine(dir, JSONL, []sinktest.Commit{{Steps: []*pipeline.Delivery{delivery("a")}}, {Steps: []*pipeline.Delivery{delivery("b")}}})
	m.Snapshot = func(number int64) bool { return number == 2 }
	m.Run(t)
	f := func(state []byte, wants ...string) {
		t.Helper()
		err := New(Config{Dir: dir, Format: JSONL}).Open(t.Context(), &pipeline.Opening{Tables: tables, Dir: dir, State: state})
		if !errors.Is(err, pipeline.ErrDamaged) {
			t.Errorf("got %v", err)
		}
		for _, want := range wants {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, which lacks %q", err, want)
			}
		}
	}
	must(t, os.Truncate(path, 5))
	f(m.Newest(), path, "has 5 bytes", "17 had been written")
	must(t, os.Remove(path))
	f(m.Newest(), path, "has 0 bytes")
	state := m.Newest()
	for n := range state {
		f(state[:n])
	}
	f(append(state, 0))
	f(append([]byte{7}, state[1:]...), "version is 7")
}

// TestOtherRowsInAReplay: the replay must give what the decision says.
func TestOtherRowsInAReplay(t *testing.T) {
	dir := t.TempDir()
	s := New(Config{Dir: dir, Format: JSONL})
	must(t, s.Open(t.Context(), &pipeline.Opening{Tables: tables, Dir: dir}))
	must(t, s.Write(t.Context(), delivery("a")))
	_, err := s.Cut(t.Context(), &pipeline.Cut{Number: 7, Replay: true, Decision: appendLengths(nil, []int64{20, 0})})
	for _, want := range []string{"table visits", "has 17 bytes", "commit 7", "had 20"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, which lacks %q", err, want)
		}
	}
	if _, err := s.Cut(t.Context(), &pipeline.Cut{Number: 8, Replay: true, Decision: []byte{17}}); err == nil {
		t.Error("half a decision was taken")
	}
	must(t, s.Close(t.Context()))
}

// FuzzState: no bytes make a panic, and what can be read is written the same.
func FuzzState(f *testing.F) {
	f.Add([]byte("\x02\x02\x06visits\x11\x00\x04none\x00\x00"))
	f.Fuzz(func(t *testing.T, state []byte) {
		h, err := parseState(state)
		if err != nil {
			return
		}
		again := codec.AppendUint([]byte{stateVersion}, len(h))
		for table, x := range h {
			again = appendHeld(again, table, x)
		}
		if second, err := parseState(again); err != nil || fmt.Sprint(second) != fmt.Sprint(h) {
			t.Errorf("%v becomes %v, %v", h, second, err)
		}
	})
}
