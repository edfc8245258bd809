package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/snapshot"
)

// tallyOperator counts each key's rows in time order.
type tallyOperator struct{ traceOperator }

var tallyTable = &schema.Table{Name: "tally", Columns: []schema.Column{
	{Name: "key", Type: schema.Text}, {Name: "time", Type: schema.Int}, {Name: "n", Type: schema.Int},
}}

func (o *tallyOperator) Name() string { return "tally" }
func (o *tallyOperator) Spec() Spec {
	s := o.traceOperator.Spec()
	s.Tables = []*schema.Table{tallyTable}
	return s
}
func (o *tallyOperator) NewShard(int) Shard { return &tallyShard{counts: flat.NewTable[int64](0, 1)} }

type tallyShard struct {
	traceShard
	counts *flat.Table[int64]
}

func (s *tallyShard) State(p *flat.Parts) { p.Add(s.counts) }
func (s *tallyShard) Fold(t *Turn, rows []event.Row) {
	for _, r := range rows {
		b, row := r.At()
		h := b.Device[row]
		n, _ := s.counts.Put(flat.Key{Hi: h.Hi, Lo: h.Lo})
		*n++
		out := t.Out(0)
		out.Begin()
		out.Text(b.Text(event.AnonymousID, row))
		out.Int(b.Time(row))
		out.Int(*n)
		out.End()
	}
}

func (w *process) config(bounded bool) Config {
	cfg := testConfig(nil, nil, InTime, 1+w.r.IntN(40), 1+w.r.IntN(3))
	cfg.Bounded, cfg.MaxWait, cfg.CommitEvery, cfg.StopWithin = bounded, 0, 0, 20_000
	cfg.Journal, cfg.SnapshotDir, cfg.SnapshotCopies = &simJournal{w}, w.dir, 1<<30
	cfg.SnapshotEvery = int64(w.r.IntN(3))
	cfg.Sources[0].Source = &simSource{w: w, ready: make(chan struct{}, 1)}
	cfg.Operators = []Operator{&tallyOperator{traceOperator{InTime}}, countOperator{}}
	cfg.NewResolver = func() Resolver { return &unionResolver{linkResolver{to: map[event.Hash]event.Hash{}}} }
	cfg.Sinks = []SinkConfig{{Name: "m", Sink: &simSink{w: w}, Tables: []*schema.Table{tallyTable, countTable, DeadLetters}}}
	cfg.Log = slog.New(slog.NewTextHandler(&w.log, nil))
	return cfg
}

// start makes a process.
func (w *world) start(dieAt int) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	return &process{world: w, dieAt: dieAt, after: w.r.IntN(2) == 0, lost: make(chan struct{})}
}

// run runs the process until it dies or ends.
func (w *process) run(bounded bool, change func(*Config)) error {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.kill = cancel
	w.mu.Lock()
	cfg := w.config(bounded)
	w.mu.Unlock()
	if change != nil {
		change(&cfg)
	}
	w.pipeline = New(cfg)
	err := w.pipeline.Run(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if err == nil && w.dead {
		return errDead // where nobody would have noticed
	}
	return err
}

// rows are the lines of all blocks, sorted. What a drained run has left behind
// its snapshot comes under two generations, and counts once.
func (w *world) rows() []string {
	byGeneration := map[uint32]map[string]int{}
	for id, b := range w.blocks {
		count := byGeneration[id.generation]
		if count == nil {
			count = map[string]int{}
			byGeneration[id.generation] = count
		}
		for line := range strings.Lines(b) {
			count[line]++
		}
	}
	most := map[string]int{}
	for _, count := range byGeneration {
		for line, n := range count {
			most[line] = max(most[line], n)
		}
	}
	var out []string
	for line, n := range most {
		out = append(out, slices.Repeat([]string{line}, n)...)
	}
	slices.Sort(out)
	return out
}

func newWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 4)), away: 20, blocks: map[simBlockID]string{}}
	parts := 1 + w.r.IntN(3)
	for range parts {
		now, part := int64(1000), []string(nil)
		for i := range 20 + w.r.IntN(150) {
			now += w.r.Int64N(8)
			key := string(rune('a' + w.r.IntN(6)))
			// Which of two profiles goes on depends on the order of links, which
			// is certain within one partition alone.
			if parts == 1 && w.r.IntN(30) == 0 {
				key += string(rune('a' + w.r.IntN(6)))
			}
			part = append(part, fmt.Sprintf("%d %s m%d-%d", now-w.r.Int64N(9), key, len(w.parts), i-w.r.IntN(2)))
		}
		w.parts = append(w.parts, part)
	}
	dir, err := os.MkdirTemp(t.TempDir(), "snapshots")
	if err != nil {
		t.Fatal(err)
	}
	w.dir, w.visible = dir, parts
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s", w.log.text())
		}
	})
	return w
}

// TestCrashesChangeNothing kills the process at random acts until the input is
// folded: the store holds what an undisturbed run leaves, and each block once.
func TestCrashesChangeNothing(t *testing.T) {
	seeds := uint64(300)
	if testing.Short() {
		seeds = 60
	}
	for seed := range seeds {
		if t.Failed() {
			return
		}
		calm := newWorld(t, seed)
		if err := calm.start(0).run(true, nil); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		w := newWorld(t, seed)
		err := errDead
		for i := 0; err != nil; i++ {
			p := w.start(1 + w.r.IntN(12+i))
			if err = p.run(true, nil); err != nil && !p.dead {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		if got, want := w.rows(), calm.rows(); !slices.Equal(got, want) {
			t.Errorf("seed %d: got %d rows, want %d\n%s", seed, len(got), len(want), differ(got, want))
		}
		if files, err := snapshot.List(w.dir); err != nil || len(files) > snapshotsKept {
			t.Errorf("seed %d: %d snapshots are left, %v", seed, len(files), err)
		}
	}
}

func differ(got, want []string) string {
	var b strings.Builder
	count := map[string]int{}
	for _, x := range got {
		count[x]++
	}
	for _, x := range want {
		count[x]--
	}
	for x, n := range count {
		if n != 0 {
			fmt.Fprintf(&b, "%+d %s\n", n, x)
		}
	}
	return b.String()
}

// simLog is what a world's processes log, shown with a failure.
type simLog struct {
	mu    sync.Mutex
	lines []byte
}

func (l *simLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, p...)
	return len(p), nil
}

func (l *simLog) text() []byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lines
}
