package arrow

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/codec"
	"touchstream/pipeline/schema"
	"touchstream/sinks/sinktest"
)

var bothTables = []*schema.Table{everything, none}

// delivery is rows from to before end of everything, and some of the other table.
func delivery(from, end, others int) *pipeline.Delivery {
	d := &pipeline.Delivery{Rows: []*schema.Rows{schema.NewRows(everything), schema.NewRows(none)}}
	for i := from; i < end; i++ {
		add(d.Rows[0], i)
	}
	for i := range others {
		r := d.Rows[1]
		r.Begin()
		r.Time(int64(from + i))
		r.String(channels[i%len(channels)])
		r.Map(1, func(int) (key, val []byte) { return []byte("k"), []byte("v") })
		r.End()
	}
	return d
}

// someCommits are commits of a few steps each, some without rows.
func someCommits(d *rand.Rand, n int) (commits []sinktest.Commit) {
	clock, row := int64(1), 0
	for c := range n {
		var steps []*pipeline.Delivery
		for range d.IntN(3) {
			rows := d.IntN(4)
			steps = append(steps, delivery(row, row+rows, max(0, d.IntN(5)-3)))
			row += rows
		}
		clock += d.Int64N(3)
		commits = append(commits, sinktest.Commit{Clock: clock, Steps: steps, All: c == n-1})
	}
	return commits
}

func machine(dir, format string, commits []sinktest.Commit) *sinktest.Machine {
	cfg := Config{Dir: dir, Format: format, Roll: Limits{RowsMax: 6, AgeMs: 4}}
	return &sinktest.Machine{
		New: func() pipeline.Sink { return New(cfg) }, Tables: bothTables, Commits: commits,
		Opening: pipeline.Opening{Generation: 1_772_409_600, Dir: dir + ".state"},
	}
}

// filesOf reads a folder; hidden files are left out.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		if e.Name()[0] != '.' {
			b, err := os.ReadFile(filepath.Join(dir, e.Name()))
			must(t, err)
			out[e.Name()] = string(b)
		}
	}
	return out
}

func namesOf(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// TestCrashes: wherever a run crashes, and however often, the files are in the
// end those of a run that did not, and at no time is there another one.
func TestCrashes(t *testing.T) {
	runs := 40
	if testing.Short() {
		runs = 10
	}
	for seed := range runs {
		d := rand.New(rand.NewPCG(uint64(seed), 4))
		format := []string{Parquet, IPC}[d.IntN(2)]
		commits := someCommits(d, 1+d.IntN(15))
		want, got := t.TempDir(), t.TempDir()
		if !machine(want, format, commits).Run(t) {
			t.Fatal("crashed")
		}
		whole := filesOf(t, want)
		m := machine(got, format, commits)
		m.Snapshot = func(int64) bool { return d.IntN(4) == 0 }
		m.Hold = func(int64) bool { return d.IntN(3) == 0 }
		crashes := 1 + d.IntN(6)
		m.Crash = func() bool { return crashes > 0 && d.IntN(12) == 0 }
		for !m.Run(t) {
			crashes--
			for name, text := range filesOf(t, got) {
				if whole[name] != text {
					t.Fatalf("seed %d: readers saw %s of %d bytes, which has %d", seed, name, len(text), len(whole[name]))
				}
			}
			// A process that dies while it writes leaves these.
			hidden := fmt.Sprintf(".everything-1772409600-%010d.%s.part", 1+d.IntN(3), format)
			must(t, os.WriteFile(filepath.Join(got, hidden), []byte("half"), 0o644))
			must(t, os.WriteFile(filepath.Join(got, hidden+".keys"), nil, 0o644))
			if d.IntN(4) == 0 {
				m.Forget()
			}
		}
		if a, b := namesOf(t, want), namesOf(t, got); !slices.Equal(a, b) {
			t.Fatalf("seed %d: files %q, want %q", seed, b, a)
		}
		for name, text := range filesOf(t, got) {
			if whole[name] != text {
				t.Fatalf("seed %d: %s is not the same", seed, name)
			}
		}
	}
}

// TestBlocksClose by rows, age and at the end.
func TestBlocksClose(t *testing.T) {
	for _, format := range []string{Parquet, IPC} {
		dir := t.TempDir()
		m := machine(dir, format, []sinktest.Commit{
			{Clock: 1, Steps: []*pipeline.Delivery{delivery(0, 5, 0)}},
			{Clock: 2, Steps: []*pipeline.Delivery{delivery(5, 7, 1)}}, // six rows
			{Clock: 3, Steps: []*pipeline.Delivery{delivery(7, 8, 0)}},
			{Clock: 6},                          // the other table is old
			{Clock: 7}, {Clock: 8}, {Clock: 20}, // nothing is open
			{Clock: 21, Steps: []*pipeline.Delivery{delivery(8, 9, 2)}, All: true},
		})
		if !m.Run(t) {
			t.Fatal("crashed")
		}
		want := map[string]int{
			"everything-1772409600-0000000001." + format: 7, "everything-1772409600-0000000002." + format: 1,
			"everything-1772409600-0000000003." + format: 1,
			"none-1772409600-0000000001." + format:       1, "none-1772409600-0000000002." + format: 2,
		}
		names := namesOf(t, dir)
		if len(names) != len(want) {
			t.Errorf("files %q, want %v", names, want)
		}
		row := 0
		for _, name := range names {
			rows, _ := lines(t, filepath.Join(dir, name))
			if len(rows) != want[name] {
				t.Errorf("%s has %d rows, want %d", name, len(rows), want[name])
			}
			for _, r := range rows {
				if strings.HasPrefix(name, "everything") {
					if r != line(row) {
						t.Errorf("%s: got %s want %s", name, r, line(row))
					}
					row++
				}
			}
		}
	}
}

// TestBigBlocksCloseFirst when all that are open have too many bytes.
func TestBigBlocksCloseFirst(t *testing.T) {
	dir := t.TempDir()
	s := New(Config{Dir: dir, Format: Parquet, Roll: Limits{RowsMax: 1000, AgeMs: 1000}})
	must(t, s.Open(t.Context(), &pipeline.Opening{Tables: bothTables, Generation: 5, Dir: dir}))
	d := delivery(0, 4, 2)
	s.layout.(*rolling).openMax = sizeOf(d.Rows[0])
	must(t, s.Write(t.Context(), d))
	cut(t, s, 1)
	must(t, s.Release(t.Context(), 1))
	must(t, s.Drain(t.Context()))
	if got, want := namesOf(t, dir), []string{"everything-5-0000000001.parquet"}; !slices.Equal(got, want) || s.Waiting() != 2 {
		t.Errorf("files %q, want %q; %d rows wait", got, want, s.Waiting())
	}
	must(t, s.Close(t.Context()))
}

// TestFilesThatWereTakenAway do not come again.
func TestFilesThatWereTakenAway(t *testing.T) {
	dir := t.TempDir()
	m := machine(dir, Parquet, []sinktest.Commit{
		{Clock: 1, Steps: []*pipeline.Delivery{delivery(0, 6, 0)}}, {Clock: 2, Steps: []*pipeline.Delivery{delivery(6, 12, 0)}},
		{Clock: 3, Steps: []*pipeline.Delivery{delivery(12, 13, 0)}},
	})
	first := filepath.Join(dir, "everything-1772409600-0000000001.parquet")
	var sink pipeline.Sink
	begin := m.New
	m.New = func() pipeline.Sink { sink = begin(); return sink }
	m.Crash = func() bool {
		must(t, sink.Drain(t.Context())) // the decision of the next commit says that the file is there
		return m.Released() == 2
	}
	if m.Run(t) {
		t.Fatal("not crashed")
	}
	must(t, os.Remove(first))
	m.Crash = nil
	if !m.Run(t) {
		t.Fatal("crashed")
	}
	if got, want := namesOf(t, dir), []string{"everything-1772409600-0000000002.parquet"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
}

// opened is a sink that keeps its state.
func opened(t *testing.T, dir string, report func(error), state []byte) (*Sink, error) {
	t.Helper()
	s := New(Config{Dir: dir, Format: Parquet, Roll: Limits{RowsMax: 1, AgeMs: 1000}})
	err := s.Open(t.Context(), &pipeline.Opening{Tables: bothTables, Generation: 5, Dir: dir, Report: report, State: state})
	t.Cleanup(func() { must(t, s.Close(context.WithoutCancel(t.Context()))) })
	return s, err
}

func cut(t *testing.T, s *Sink, number int64) {
	t.Helper()
	_, err := s.Cut(t.Context(), &pipeline.Cut{Number: number, Clock: number})
	must(t, err)
}

func TestNothingLeavesBeforeItsRelease(t *testing.T) {
	dir := t.TempDir()
	s, err := opened(t, dir, nil, nil)
	must(t, err)
	for n := range int64(2) {
		must(t, s.Write(t.Context(), delivery(int(n), int(n)+1, 0)))
		cut(t, s, n+1)
	}
	must(t, s.Drain(t.Context()))
	if names := namesOf(t, dir); len(names) > 0 || s.Waiting() != 2 {
		t.Errorf("files %q, %d rows wait", names, s.Waiting())
	}
	must(t, s.Release(t.Context(), 1))
	must(t, s.Drain(t.Context()))
	if got, want := namesOf(t, dir), []string{"everything-5-0000000001.parquet"}; !slices.Equal(got, want) || s.Waiting() != 1 {
		t.Errorf("files %q, want %q; %d rows wait", got, want, s.Waiting())
	}
	state, err := s.State(t.Context())
	must(t, err)
	s.Renumber(2)
	must(t, s.Write(t.Context(), delivery(2, 3, 0)))
	decision, err := s.Cut(t.Context(), &pipeline.Cut{Number: 3, Clock: 3})
	must(t, err)
	must(t, s.Release(t.Context(), 3))
	must(t, s.Drain(t.Context()))
	if got, want := namesOf(t, dir), []string{"everything-5-0000000001.parquet", "everything-5-0000000002.parquet", "everything-5-2-0000000003.parquet"}; !slices.Equal(got, want) {
		t.Errorf("files %q, want %q", got, want)
	}
	// A replay has the run from the decision.
	again, err := opened(t, t.TempDir(), nil, state)
	must(t, err)
	must(t, again.Write(t.Context(), delivery(2, 3, 0)))
	_, err = again.Cut(t.Context(), &pipeline.Cut{Number: 3, Clock: 3, Replay: true, Decision: decision})
	must(t, err)
	must(t, again.Release(t.Context(), 3))
	must(t, again.Drain(t.Context()))
	if got, want := namesOf(t, again.cfg.Dir), []string{"everything-5-0000000002.parquet", "everything-5-2-0000000003.parquet"}; !slices.Equal(got, want) {
		t.Errorf("after a replay: files %q, want %q", got, want)
	}
}

// TestRollingOnAFullDisk: the file comes when there is room.
func TestRollingOnAFullDisk(t *testing.T) {
	full(t)
	dir := t.TempDir()
	hidden := filepath.Join(dir, ".everything-5-0000000001.parquet.part")
	reports := make(chan error, 100)
	s, err := opened(t, dir, func(err error) { reports <- err }, nil)
	must(t, err)
	must(t, os.Symlink("/dev/full", hidden))
	must(t, s.Write(t.Context(), delivery(0, 1, 0)))
	cut(t, s, 1)
	must(t, s.Release(t.Context(), 1))
	if err := <-reports; !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "make room") {
		t.Errorf("got %v", err)
	}
	// The try has removed the link, and with it the full disk.
	must(t, s.Drain(t.Context()))
	if err := <-reports; err != nil {
		t.Errorf("got %v", err)
	}
	if rows, _ := lines(t, filepath.Join(dir, "everything-5-0000000001.parquet")); len(rows) != 1 || s.Waiting() != 0 {
		t.Errorf("rows %q", rows)
	}
}

// TestAFolderThatIsGone ends the delivery for good.
func TestAFolderThatIsGone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "out")
	reports := make(chan error, 1)
	s, err := opened(t, dir, func(err error) { reports <- err }, nil)
	must(t, err)
	must(t, s.Write(t.Context(), delivery(0, 1, 0)))
	cut(t, s, 1)
	must(t, os.Remove(dir))
	must(t, s.Release(t.Context(), 1))
	if err := <-reports; err == nil || pipeline.IsRetryable(err) || !strings.Contains(err.Error(), dir) {
		t.Errorf("got %v", err)
	}
	if s.Drain(t.Context()) == nil || s.Write(t.Context(), delivery(1, 2, 0)) == nil || s.Release(t.Context(), 2) == nil {
		t.Error("the sink goes on")
	}
}

func TestDamage(t *testing.T) {
	s, err := opened(t, t.TempDir(), nil, nil)
	must(t, err)
	must(t, s.Write(t.Context(), delivery(0, 3, 2)))
	cut(t, s, 1)
	must(t, s.Write(t.Context(), delivery(3, 5, 1)))
	state, err := s.State(t.Context())
	must(t, err)
	again, err := opened(t, t.TempDir(), nil, state)
	must(t, err)
	if second, err := again.State(t.Context()); err != nil || string(second) != string(state) || again.Waiting() != s.Waiting() {
		t.Errorf("a state that was taken up is another: %d bytes of %d, %v", len(second), len(state), err)
	}
	for n := range state {
		r := New(Config{Dir: t.TempDir(), Format: Parquet})
		if err := r.Open(t.Context(), &pipeline.Opening{Tables: bothTables, Dir: "x", State: state[:n]}); !errors.Is(err, pipeline.ErrDamaged) {
			t.Fatalf("the first %d bytes of a state: %v", n, err)
		}
	}
	_, err = s.Cut(t.Context(), &pipeline.Cut{Number: 2, Replay: true, Decision: appendDecision(nil, 0, []verdict{{rows: 7}, {}})})
	for _, want := range []string{"table everything", "commit 2", "2 rows", "7 before"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, which lacks %q", err, want)
		}
	}
}

// TestSpoiltStates: no bytes make a panic, then or when the rows are written.
func TestSpoiltStates(t *testing.T) {
	good := []byte{stateVersion, 0, byte(len(bothTables))}
	rows := delivery(0, 2, 1).Rows
	for i, table := range bothTables {
		good = appendRows(append(codec.AppendText(good, table.Name), 1, 2, 1, byte(rows[i].N)), rows[i])
	}
	good = append(good, 0)
	d := rand.New(rand.NewPCG(1, 5))
	for range 1000 {
		state := slices.Clone(good)
		for range d.IntN(3) {
			state[d.IntN(len(state))] = byte(d.Uint32())
		}
		r := &rolling{cfg: &Config{}}
		for _, table := range bothTables {
			r.tables = append(r.tables, &rollTable{Table: table, open: schema.NewRows(table)})
		}
		if r.load(state) != nil {
			continue
		}
		for _, table := range r.tables {
			b := newBatch(table.Table)
			b.add(table.open)
			b.take().Release()
		}
	}
}
