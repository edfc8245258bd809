package pipeline

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"touchstream/pipeline/disk"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
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

func (s *tallyShard) Entries() int        { return s.counts.Len() }
func (s *tallyShard) State(p *flat.Parts) { p.Add(s.counts) }
func (s *tallyShard) Fold(t *Turn, rows []event.Row) {
	for _, r := range rows {
		b, row := r.At()
		h := b.Head[row].Device
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
	cfg.SnapshotEvery, cfg.Disk = int64(w.r.IntN(3)), w.fs
	if w.disk != nil {
		cfg.Shards, cfg.DedupEntries, cfg.BufferRows = 4, 1<<9, 1<<10
	}
	cfg.Sources[0].Source = &simSource{w: w, ready: make(chan struct{}, 1)}
	cfg.Operators = []Operator{&tallyOperator{traceOperator{InTime}}, countOperator{}}
	cfg.NewResolver = func() Resolver { return &unionResolver{linkResolver{to: map[event.Hash]event.Hash{}}} }
	cfg.Sinks = []SinkConfig{{Name: "m", Sink: &simSink{w: w}, Tables: []*schema.Table{tallyTable, countTable, DeadLetters}}}
	cfg.Log = slog.New(slog.NewTextHandler(&w.log, nil))
	return cfg
}

// crashes kills the process at random acts until the input is folded: the store
// holds what an undisturbed run leaves, and each block once.
func crashes(calm, w *world) {
	t := w.t
	if err := calm.start(0).run(true, func(c *Config) { c.Journal = nil }); err != nil {
		t.Fatal(err)
	}
	err := errDead
	for i := 0; err != nil; i++ {
		p := w.start(1 + w.r.IntN(20+2*i))
		if err = p.run(true, nil); err != nil && !p.dead {
			t.Fatal(err)
		}
	}
	if got, want := w.rows(), calm.rows(); !slices.Equal(got, want) {
		t.Errorf("got %d rows, want %d\n%s", len(got), len(want), differ(got, want))
	}
	// A process that dies on a simulated disk may have left what it had to remove.
	if n := len(w.snapshots()); n > snapshotsKept && w.disk == nil {
		t.Errorf("%d snapshots are left", n)
	}
}

func TestCrashesChangeNothing(t *testing.T) {
	simulate(t, 3_000, func(t *testing.T, seed uint64) { crashes(newSimWorld(t, seed), newSimWorld(t, seed)) })
}

// TestCrashesOnTheMachinesDisk is a small part of it without simulated disk and
// time.
func TestCrashesOnTheMachinesDisk(t *testing.T) {
	for seed := range uint64(20) {
		crashes(newSimWorld(t, seed), newWorld(t, seed))
	}
}

// CrashesOnFiles does it with a journal in files on the simulated disk.
func CrashesOnFiles(t *testing.T, open func(fs disk.FS, dir string) (Journal, error)) {
	simulate(t, 1_000, func(t *testing.T, seed uint64) {
		w := newSimWorld(t, seed)
		w.files = open
		crashes(newSimWorld(t, seed), w)
	})
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
