package clickhouse

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// journaled is a commit as the engine can replay it.
type journaled struct {
	steps    [][]*schema.Rows
	cut      pipeline.Cut
	decision []byte
	state    []byte // after it
}

// randomRows are some rows of both tables in a few months.
func randomRows(random *rand.Rand) []*schema.Rows {
	r, g := schema.NewRows(everything), schema.NewRows(growing)
	for range random.IntN(20) {
		at := march + random.Int64N(90)*day
		addEverything(r, at, byte(random.IntN(256)), fmt.Sprint("p", random.IntN(30)), random.Int64N(5), random.IntN(3) == 0)
	}
	for range random.IntN(20) {
		addGrowing(g, march+random.Int64N(60)*day, strings.Repeat("m", random.IntN(9)))
	}
	return []*schema.Rows{r, g}
}

// content is a closed block's rows, from memory or from the spool.
func content(t *testing.T, s *Sink, p *parcel) string {
	t.Helper()
	o := p.content
	if o == nil {
		var err error
		o, err = s.spool.read(p.number, []*schema.Table{everything, growing})
		must(t, err)
	}
	var b bytes.Buffer
	e := encoder{w: &b}
	o.encode(&e)
	must(t, e.err)
	return b.String()
}

// TestReplayRebuildsTheBlocks ends a process anywhere and goes on from any
// state: what had not been delivered is there again, the very same.
func TestReplayRebuildsTheBlocks(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for round := range 30 {
		c := bareConfig()
		c.Block = Limits{RowsMax: 40, BytesMax: 4 << 10, MemoryMax: 16 << 10}
		o := opening()
		o.Dir = t.TempDir()
		s := bare(t, c, o)
		contents, delivered := map[uint64]string{}, map[uint64]bool{}
		var log []journaled
		note := func(s *Sink) {
			for _, p := range s.queue.parcels {
				is, was := content(t, s, p), contents[p.number]
				if was != "" && was != is {
					t.Fatalf("round %d: block %x is another one in the replay", round, p.number)
				}
				contents[p.number] = is
			}
		}
		clock, released := march, int64(0)
		for n := range int64(20) {
			j := journaled{cut: pipeline.Cut{Number: n + 1}}
			for range random.IntN(4) {
				rows := randomRows(random)
				j.steps = append(j.steps, rows)
				must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: rows}))
				note(s)
			}
			clock += random.Int64N(1500)
			j.cut.Clock, j.cut.All = clock, random.IntN(8) == 0
			var err error
			j.decision, err = s.Cut(t.Context(), &j.cut)
			must(t, err)
			note(s)
			if random.IntN(3) == 0 {
				j.state, err = s.State(t.Context())
				must(t, err)
			}
			log = append(log, j)
			if random.IntN(3) > 0 {
				released = n + 1
				must(t, s.Release(t.Context(), released))
			}
			for _, p := range slices.Clone(s.queue.parcels) {
				if p.sentMs != 0 && random.IntN(2) == 0 {
					if filed, _ := s.queue.finish(p, outcome{}); filed {
						s.spool.remove(p)
					}
					delivered[p.number] = true
				}
			}
		}
		wanted, state, bounds := s.blocks.number, mustState(t, s), s.blocks.bytes

		from := -1
		for i, j := range log {
			if j.state != nil && random.IntN(2) == 0 {
				from = i
			}
		}
		again := opening()
		again.Dir = o.Dir
		if from >= 0 {
			again.State = log[from].state
		}
		s = bare(t, c, again)
		for _, p := range slices.Clone(s.queue.parcels) {
			if s.spool.isDelivered(p.number) {
				s.queue.settled(p)
			} else if content(t, s, p) != contents[p.number] {
				t.Fatalf("round %d: block %x of the state is another one", round, p.number)
			}
		}
		for _, j := range log[from+1:] {
			for _, rows := range j.steps {
				must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: rows}))
			}
			j.cut.Replay, j.cut.Decision = true, j.decision
			if _, err := s.Cut(t.Context(), &j.cut); err != nil {
				t.Fatal(err)
			}
			note(s)
		}
		there := map[uint64]bool{}
		for _, p := range s.queue.parcels {
			there[p.number] = true
			if !p.doubtful {
				t.Errorf("round %d: block %x is sent without asking first", round, p.number)
			}
		}
		for number := range contents {
			if !there[number] && !delivered[number] {
				t.Errorf("round %d: block %x is lost", round, number)
			}
		}
		if s.blocks.number != wanted || s.blocks.bytes != bounds {
			t.Errorf("round %d: %d blocks and %d open bytes, want %d and %d", round, s.blocks.number, s.blocks.bytes, wanted, bounds)
		}
		// With everything settled both go on from the same state.
		settleLike(s, delivered)
		if got := mustState(t, s); !bytes.Equal(got, state) {
			t.Errorf("round %d: the state after the replay is another one", round)
		}
	}
}

func mustState(t *testing.T, s *Sink) []byte {
	t.Helper()
	b, err := s.State(t.Context())
	must(t, err)
	return b
}

func settleLike(s *Sink, delivered map[uint64]bool) {
	for _, p := range slices.Clone(s.queue.parcels) {
		if delivered[p.number] {
			s.queue.settled(p)
		}
	}
}

func TestDamagedStates(t *testing.T) {
	o := opening()
	o.Dir = t.TempDir()
	s := bare(t, bareConfig(), o)
	random := rand.New(rand.NewPCG(5, 6))
	commit(t, s, pipeline.Cut{Number: 1, Clock: march, All: true}, randomRows(random)...)
	commit(t, s, pipeline.Cut{Number: 2, Clock: march + 1}, randomRows(random)...)
	state := mustState(t, s)
	for n := 1; n < len(state); n++ {
		o.State = state[:n]
		if err := New(bareConfig()).restore(o); !errors.Is(err, pipeline.ErrDamaged) {
			t.Fatalf("the first %d bytes: %v", n, err)
		}
	}
	for range 2000 {
		o.State = slices.Clone(state)
		o.State[random.IntN(len(state))] ^= byte(1 + random.IntN(255))
		_ = New(bareConfig()).restore(o) // must not panic
	}
	o.State = state
	o.Tables = o.Tables[:1]
	if err := New(bareConfig()).restore(o); err == nil || errors.Is(err, pipeline.ErrDamaged) || !strings.Contains(err.Error(), "table growing") {
		t.Errorf("without a table: %v", err)
	}
}

func FuzzBlock(f *testing.F) {
	s := bare(f, bareConfig(), opening())
	commit(f, s, pipeline.Cut{Number: 1, All: true}, randomRows(rand.New(rand.NewPCG(7, 8)))...)
	for _, p := range s.queue.parcels {
		var b bytes.Buffer
		p.content.encode(&encoder{w: &b})
		f.Add(b.Bytes())
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		o, err := decodeBlock(&decoder{b: b}, []*schema.Table{everything, growing})
		if err != nil {
			return
		}
		for _, c := range o.columns {
			c.parts()
		}
		o.encode(&encoder{w: new(bytes.Buffer)})
	})
}

// TestSpoolFilesAreChecked damages files in all ways.
func TestSpoolFilesAreChecked(t *testing.T) {
	o := opening()
	o.Dir = t.TempDir()
	s := bare(t, bareConfig(), o)
	commit(t, s, pipeline.Cut{Number: 1, All: true}, batchOf(march))
	mustState(t, s)
	number := s.queue.parcels[0].number
	path := s.spool.path(number, blockFile)
	good, err := os.ReadFile(path)
	must(t, err)
	bad := func(b []byte) {
		t.Helper()
		must(t, os.WriteFile(path, b, 0o644))
		if _, err := s.spool.read(number, o.Tables); !errors.Is(err, pipeline.ErrDamaged) || !strings.Contains(err.Error(), path) {
			t.Errorf("got %v", err)
		}
	}
	for n := range good {
		bad(good[:n])
		b := slices.Clone(good)
		b[n] ^= 0x10
		bad(b)
	}
	must(t, os.Remove(path))
	if _, err := s.spool.read(number, o.Tables); !errors.Is(err, pipeline.ErrDamaged) {
		t.Errorf("got %v", err)
	}
}

// TestSpoolTakesWhatMemoryCannot keeps the memory within its bound, holds when
// the spool is full too, and counts only released blocks.
func TestSpoolTakesWhatMemoryCannot(t *testing.T) {
	o := opening()
	o.Dir = t.TempDir()
	c := bareConfig()
	c.Block = Limits{RowsMax: 10, BytesMax: 1 << 20, MemoryMax: 2000}
	c.SpoolMaxBytes = 10_000
	s := bare(t, c, o)
	ten := make([]int64, 10)
	for i := range ten {
		ten[i] = march
	}
	write := func() error { return s.Write(t.Context(), &pipeline.Delivery{Rows: []*schema.Rows{batchOf(ten...)}}) }
	for range 60 {
		must(t, write()) // nothing is released yet, so all of it is taken
	}
	if s.spool.bytes.Load() < 8000 || s.spool.bytes.Load() > c.SpoolMaxBytes+500 {
		t.Errorf("%d bytes are in the spool", s.spool.bytes.Load())
	}
	_, err := s.Cut(t.Context(), &pipeline.Cut{Number: 1})
	must(t, err)
	must(t, s.Release(t.Context(), 1))
	first := s.queue.take(t.Context())
	s.queue.finish(first, outcome{err: pipeline.Retryable(errors.New("the server is away"))})
	err = write()
	if !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "the server is away") || !strings.Contains(err.Error(), "the spool "+o.Dir+" is full") {
		t.Fatalf("got %v", err)
	}
	if s.Waiting() != 600 {
		t.Errorf("%d rows wait, nothing must be taken by a hold", s.Waiting())
	}
	taken := make(chan error)
	go func() { taken <- write() }()
	for s.Waiting() > 0 {
		p := s.queue.take(t.Context())
		if p == nil {
			t.Fatal("nothing is given out")
		}
		if filed, _ := s.queue.finish(p, outcome{}); filed {
			s.spool.remove(p)
		}
		if s.Waiting() <= 10 {
			break
		}
	}
	if err := <-taken; err != nil && !pipeline.IsRetryable(err) {
		t.Error(err)
	}
	s.queue.mu.Lock()
	defer s.queue.mu.Unlock()
	if s.queue.memory > 3000 {
		t.Errorf("%d bytes in memory", s.queue.memory)
	}
}

// TestSpoolFilesGo leaves a marker of a block that a state names, for a while.
func TestSpoolFilesGo(t *testing.T) {
	o := opening()
	o.Dir = t.TempDir()
	s := bare(t, bareConfig(), o)
	commit(t, s, pipeline.Cut{Number: 1, All: true}, batchOf(march))
	mustState(t, s)
	must(t, s.Release(t.Context(), 1))
	p := s.queue.take(t.Context())
	filed, _ := s.queue.finish(p, outcome{})
	if !filed {
		t.Fatal("the block has no file")
	}
	s.spool.remove(p)
	names := func() string {
		entries, err := os.ReadDir(o.Dir)
		must(t, err)
		var out []string
		for _, e := range entries {
			out = append(out, filepath.Ext(e.Name()))
		}
		return strings.Join(out, " ")
	}
	if got := names(); got != deliveredFile || s.spool.bytes.Load() != 0 {
		t.Errorf("files %s, %d bytes", got, s.spool.bytes.Load())
	}
	for range markersKept {
		mustState(t, s)
	}
	if got := names(); got != "" {
		t.Errorf("files %s stay", got)
	}
}
