package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
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

// world is what outlives a simulated process: the input, the journal, the rows
// that a store took, and a folder with snapshots.
type world struct {
	t     *testing.T
	seed  uint64
	parts [][]string
	dir   string

	mu      sync.Mutex
	journal [][]byte
	trimmed int64
	blocks  map[uint64]string

	// The process at hand: it dies at its dieAt-th act on the world, before or
	// after it takes effect.
	acts, dieAt int
	after       bool
	// away is how seldom an act fails for now, 0: never.
	away int
	dead bool
	kill context.CancelFunc
	r    *rand.Rand
}

var errDead = errors.New("the process is dead")

// act is one act of the process on the world.
func (w *world) act(effect func()) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.dead {
		return errDead
	}
	w.acts++
	if w.acts == w.dieAt {
		w.dead = true
		if w.after {
			effect()
		}
		w.kill()
		return errDead
	}
	if w.away > 0 && w.r.IntN(w.away) == 0 {
		return Retryable(errors.New("away for now"))
	}
	effect()
	return nil
}

// simJournal is the journal of the world.
type simJournal struct{ w *world }

func (j *simJournal) Open(context.Context, func()) error { return nil }
func (j *simJournal) Close() error                       { return nil }
func (j *simJournal) Generation() (uint32, error)        { return 0, nil }
func (j *simJournal) Trim(_ context.Context, n int64) error {
	return j.w.act(func() { j.w.trimmed = max(j.w.trimmed, n) })
}

func (j *simJournal) Read(_ context.Context, first int64, f func(int64, []byte) error) (damage, err error) {
	for i, e := range j.w.journal {
		if n := int64(i) + 1; n >= max(first, j.w.trimmed) {
			if err := f(n, e); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (j *simJournal) Commit(_ context.Context, number int64, entry []byte) error {
	return j.w.act(func() {
		if int(number) != len(j.w.journal)+1 {
			j.w.t.Errorf("seed %d: commit %d follows %d", j.w.seed, number, len(j.w.journal))
		}
		j.w.journal = append(j.w.journal, slices.Clone(entry))
	})
}

// simSink keeps rows in blocks, which it hands to the world.
type simSink struct {
	w          *world
	tables     []*schema.Table
	generation uint64

	mu        sync.Mutex
	open      string
	number    uint64
	closed    []simBlock
	delivered uint64
}

type simBlock struct {
	number uint64
	commit int64
	rows   string
}

func (s *simSink) Open(_ context.Context, o *Opening) error {
	s.tables, s.generation = o.Tables, uint64(o.Generation)
	if o.State == nil {
		return nil
	}
	r := decoder{b: o.State}
	s.open, s.number, s.delivered = r.text(), r.uint(), r.uint()
	for range r.count() {
		s.closed = append(s.closed, simBlock{number: r.uint(), rows: r.text()})
	}
	return r.end("state")
}

func (s *simSink) Write(_ context.Context, d *Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, r := range d.Rows {
		for i := range r.N {
			fmt.Fprintf(&b, "%s", r.Table.Name)
			for c, col := range r.Table.Columns {
				if col.Type == schema.Text {
					fmt.Fprintf(&b, " %s", r.Bytes(r.Cols[c].Str[i]))
				} else {
					fmt.Fprintf(&b, " %d", r.Cols[c].I64[i])
				}
			}
			b.WriteByte('\n')
		}
	}
	s.open += b.String()
	return nil
}

// Cut closes the block or not, at random, and says so.
func (s *simSink) Cut(_ context.Context, c *Cut) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	decision := c.Decision
	if !c.Replay {
		s.w.mu.Lock()
		closes := c.All || s.w.r.IntN(2) == 0
		s.w.mu.Unlock()
		decision = binary.AppendUvarint(nil, s.delivered)
		if closes {
			decision = append(decision, 1)
		} else {
			decision = append(decision, 0)
		}
	}
	r := decoder{b: decision}
	delivered := r.uint()
	if r.flag() && s.open != "" {
		s.number++
		s.closed = append(s.closed, simBlock{s.number, c.Number, s.open})
		s.open = ""
	}
	s.closed = slices.DeleteFunc(s.closed, func(b simBlock) bool { return b.number <= delivered })
	return decision, nil
}

func (s *simSink) State(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := encoder{}
	w.text(s.open)
	w.uint(s.number)
	w.uint(s.delivered)
	w.uint(uint64(len(s.closed)))
	for _, b := range s.closed {
		w.uint(b.number)
		w.text(b.rows)
	}
	return w.b, nil
}

func (s *simSink) Release(_ context.Context, number int64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.closed) > 0 && s.closed[0].commit <= number {
		b := s.closed[0]
		err := s.w.act(func() {
			id := s.generation<<32 | b.number
			if was, ok := s.w.blocks[id]; ok && was != b.rows {
				s.w.t.Errorf("seed %d: block %d came as\n%sand comes again as\n%s", s.w.seed, b.number, was, b.rows)
			}
			s.w.blocks[id] = b.rows
		})
		if err != nil {
			return err
		}
		s.delivered = b.number
		s.closed = s.closed[1:]
	}
	return nil
}

func (s *simSink) Drain(context.Context) error { return nil }
func (s *simSink) Close(context.Context) error { return nil }
func (s *simSink) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.closed) + strings.Count(s.open, "\n"))
}

// simSource serves the world's input in portions of random sizes.
type simSource struct {
	w      *world
	next   []int64
	ready  chan struct{}
	resume []Position
}

func (s *simSource) Open(context.Context, bool) error {
	s.next = make([]int64, len(s.w.parts))
	for i, p := range s.resume {
		s.next[i] = p.Offset
	}
	return nil
}
func (s *simSource) Resume(positions []Position) { s.resume = positions }
func (s *simSource) Positions() []Position {
	out := make([]Position, len(s.next))
	for i := range out {
		out[i] = Position{"t", int32(i), s.next[i]}
	}
	return out
}
func (s *simSource) Partitions() int        { return len(s.w.parts) }
func (s *simSource) Ready() <-chan struct{} { return s.ready }
func (s *simSource) Lag() int64             { return -1 }
func (s *simSource) Close() error           { return nil }

func (s *simSource) Read(ctx context.Context, p, limit int, wait bool, c *event.Chunk) (ReadState, error) {
	c.Reset()
	c.Origin.Topic, c.Origin.Partition = "t", int32(p)
	s.w.mu.Lock()
	n := 1 + s.w.r.IntN(5)
	s.w.mu.Unlock()
	for i := 0; i < min(n, limit) && int(s.next[p]) < len(s.w.parts[p]); i++ {
		c.Add([]byte(s.w.parts[p][s.next[p]]), s.next[p], event.Absent)
		s.next[p]++
	}
	if int(s.next[p]) < len(s.w.parts[p]) {
		return HasMore, nil
	}
	return Ended, nil
}

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
func (s *tallyShard) Fold(t *Turn, b *event.Batch, rows []uint32) {
	for _, r := range rows {
		h := b.Device[r]
		n, _ := s.counts.Put(flat.Key{Hi: h.Hi, Lo: h.Lo})
		*n++
		out := t.Out(0)
		out.Begin()
		out.Text(b.Text(event.AnonymousID, int(r)))
		out.Int(b.Time(int(r)))
		out.Int(*n)
		out.End()
	}
}

func (w *world) config(bounded bool) Config {
	cfg := testConfig(nil, nil, InTime, 1+w.r.IntN(40), 1+w.r.IntN(3))
	cfg.Bounded, cfg.MaxWait, cfg.CommitEvery, cfg.StopWithin = bounded, 0, 0, 5_000
	cfg.Journal, cfg.SnapshotDir, cfg.SnapshotCopies = &simJournal{w}, w.dir, 1<<30
	cfg.SnapshotEvery = int64(w.r.IntN(3))
	cfg.Sources[0].Source = &simSource{w: w, ready: make(chan struct{}, 1)}
	cfg.Operators = []Operator{&tallyOperator{traceOperator{InTime}}, countOperator{}}
	cfg.NewResolver = func() Resolver { return &unionResolver{linkResolver{to: map[event.Hash]event.Hash{}}} }
	cfg.Sinks = []SinkConfig{{Name: "m", Sink: &simSink{w: w}, Tables: []*schema.Table{tallyTable, countTable, DeadLetters}}}
	cfg.Log = slog.New(slog.NewTextHandler(simLog(w), nil))
	return cfg
}

// live runs a process until it dies.
func (w *world) live(bounded bool, dieAt int) error {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.acts, w.dieAt, w.after, w.dead, w.kill = 0, dieAt, w.r.IntN(2) == 0, false, cancel
	return New(w.config(bounded)).Run(ctx)
}

// rows are the lines of all blocks, sorted. What a drained run has left behind
// its snapshot comes under two generations, and counts once.
func (w *world) rows() []string {
	most := map[string]int{}
	for generation := range uint64(100) {
		count := map[string]int{}
		for id, b := range w.blocks {
			if id>>32 == generation {
				for line := range strings.Lines(b) {
					count[line]++
				}
			}
		}
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
	w := &world{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 4)), away: 20, blocks: map[uint64]string{}}
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
	w.dir = dir
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
		if err := calm.live(true, 0); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		w := newWorld(t, seed)
		err := errDead
		for i := 0; err != nil; i++ {
			if err = w.live(true, 1+w.r.IntN(12+i)); err != nil && !w.dead {
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

// simLog is where a world's processes log, shown with a failure.
func simLog(w *world) *worldLog { return &worldLog{w} }

type worldLog struct{ w *world }

func (l *worldLog) Write(p []byte) (int, error) {
	l.w.t.Logf("%s", p)
	return len(p), nil
}
