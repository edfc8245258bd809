package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/snapshot"
)

// echoOperator leaves a row with the message id of each row, late or not.
type echoOperator struct{ traceOperator }

var echoTable = &schema.Table{Name: "echo", Columns: []schema.Column{{Name: "id", Type: schema.Text}, {Name: "time", Type: schema.Int}}}

func (o *echoOperator) Name() string { return "echo" }
func (o *echoOperator) Spec() Spec {
	return Spec{Key: ByDevice, Order: o.order, Tables: []*schema.Table{echoTable}, Needs: event.Want{Columns: event.SetOf(event.AnonymousID, event.MessageID)}}
}
func (o *echoOperator) Takes(*event.Batch, int) bool { return true }
func (o *echoOperator) NewShard(int) Shard           { return &echoShard{} }

type echoShard struct{ traceShard }

func (s *echoShard) Fold(t *Turn, rows []event.Row) {
	for _, r := range rows {
		b, row := r.At()
		out := t.Out(0)
		out.Begin()
		out.Text(b.Text(event.MessageID, row))
		out.Int(b.Time(row))
		out.End()
	}
}

// history is a world with faults of all kinds between and in the lives of its
// processes.
type history struct {
	*world
	clock int64
	// version of the program; another one may follow a stop in order.
	version int
	ordered bool
	// mayRepeat: the end of the journal was lost, and what it held is made again.
	mayRepeat bool
	bad       []string // damaged snapshots
	story     []string
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{world: newSimWorld(t, seed), ordered: true, clock: 1_000_000}
	h.away, h.visible = 30, h.r.IntN(len(h.parts)+1)
	for p := range h.parts {
		for i, line := range h.parts[p] {
			f := strings.Fields(line)
			h.parts[p][i] = fmt.Sprintf("%s %s id%d-%d", f[0], f[1], p, i)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("seed %d: %s", seed, strings.Join(h.story, ", "))
		}
	})
	return h
}

func (h *history) tell(format string, args ...any) {
	h.story = append(h.story, fmt.Sprintf(format, args...))
}

// change makes the configuration of a life.
func (h *history) change(c *Config) {
	r := h.r
	c.Operators = append(c.Operators, &echoOperator{traceOperator{InTime}})
	c.Sinks[0].Tables = append(c.Sinks[0].Tables, echoTable)
	c.SnapshotEvery = []int64{0, 2, 3_600_000}[r.IntN(3)]
	c.Version = fmt.Sprint(h.version)
	c.Sources[0].IdleAfter, c.Sources[0].MaxSkew = 50, int64(r.IntN(2)*20)
	p := c.Journal.(*simJournal).w
	c.Clock = func() int64 {
		h.mu.Lock()
		defer h.mu.Unlock()
		n := p.next("clock")
		if h.clock += int64(p.chance(20, "clock", n)); p.chance(500, "clock jumps", n) == 0 {
			h.clock += int64(p.chance(7_200_000, "clock jumps by", n)) - 3_600_000
		}
		return h.clock
	}
	if len(h.parts) > 1 && h.seed%3 == 0 {
		// The last partition is a sorted source of its own.
		sorted := c.Sources[0]
		source := *sorted.Source.(*simSource)
		sorted.Name, sorted.Sort, sorted.Source = "sorted", true, &sortedSim{&source}
		c.Sources[0].Source.(*simSource).hidden = 1
		c.Sources = append(c.Sources, sorted)
	}
}

// sortedSim gives the last partition as a source that ends.
type sortedSim struct{ *simSource }

func (s *sortedSim) Open(ctx context.Context, _ bool) error { return s.simSource.Open(ctx, true) }
func (s *sortedSim) Partitions() int                        { return 1 }
func (s *sortedSim) Resume([]Position)                      { panic("a sorted source goes on by itself") }
func (s *sortedSim) Read(ctx context.Context, _, limit int, wait bool, c *event.Chunk) (ReadState, error) {
	return s.simSource.Read(ctx, len(s.w.parts)-1, limit, wait, c)
}

// life runs a process to its end, which comes by a kill or a stop.
func (h *history) life() {
	r := h.r
	if h.ordered && h.seed%2 == 0 && r.IntN(3) == 0 {
		h.version++
	}
	p := h.start(0)
	if r.IntN(2) == 0 {
		p.dieAt = 1 + r.IntN(20)
	}
	p.stopAt = 1 + r.IntN(60)
	h.tell("a life to act %d or read %d", p.dieAt, p.stopAt)
	folderGone, wasGone := r.IntN(6) == 0, false
	err := p.run(false, func(c *Config) {
		h.change(c)
		if !folderGone {
			return
		}
		on := c.OnStep
		left := r.IntN(4)
		c.OnStep = func(i StepInfo) {
			if left--; left == 0 {
				wasGone = true
				h.disk.Hide(h.dir)
			}
			if on != nil {
				on(i)
			}
		}
	})
	if wasGone {
		h.tell("the folder was gone")
		h.disk.Hide("")
	}
	// A stop within a replay leaves things as they were.
	h.ordered = err == nil && !p.dead && (p.pipeline.isLive || h.ordered)
	if err != nil && !p.dead && !wasGone {
		h.t.Fatalf("seed %d: %v", h.seed, err)
	}
}

// fight runs two processes, of which the second takes over while the first acts
// on.
func (h *history) fight() {
	h.tell("a fight")
	first, second := h.start(0), h.start(0)
	first.stopAt, second.stopAt = 200, 20+h.r.IntN(60)
	ended := make(chan error, 1)
	go func() { ended <- first.run(false, func(c *Config) { h.mu.Lock(); defer h.mu.Unlock(); h.change(c) }) }()
	for began := false; !began && len(ended) == 0; {
		h.mu.Lock()
		began = first.reads > 5
		h.mu.Unlock()
		time.Sleep(10 * time.Microsecond)
	}
	err := second.run(false, func(c *Config) {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.change(c)
	})
	if err != nil {
		h.t.Fatalf("seed %d: the second of two: %v", h.seed, err)
	}
	if err := <-ended; err != nil && !errors.Is(err, ErrFenced) {
		h.t.Fatalf("seed %d: the first of two: %v", h.seed, err)
	}
	h.ordered = false
}

// harm damages what lies on disks between two lives, in ways that leave enough
// to go on from.
func (h *history) harm() {
	good := slices.DeleteFunc(h.snapshots(), func(f snapshot.Info) bool { return slices.Contains(h.bad, f.Path) })
	if n := len(h.journal); h.r.IntN(4) == 0 && n > 0 {
		h.tell("the journal loses entries of %d", n)
		from := n - 1 - h.r.IntN(min(n, 4))
		if h.journal[from].number > h.trimmed {
			h.mayRepeat, h.ordered = true, false
			for i := from; i < n; i++ {
				h.journal[i].damaged = true
			}
		}
	}
	// An older snapshot is no help where another version has gone on since.
	whole := h.trimmed <= 1
	if h.seed%2 == 1 && h.r.IntN(4) == 0 && (len(good) > 1 || whole && len(good) > 0) && !h.mayRepeat {
		path := good[h.r.IntN(len(good))].Path
		b, err := h.disk.ReadFile(path)
		if err != nil {
			h.t.Fatal(err)
		}
		if h.r.IntN(2) == 0 {
			b = b[:h.r.IntN(len(b))]
		} else {
			b[h.r.IntN(len(b))] ^= 1 << h.r.IntN(8)
		}
		h.tell("%s is damaged", path)
		h.bad, h.ordered = append(h.bad, path), false
		if err := h.disk.WriteFile(path, b); err != nil {
			h.t.Fatal(err)
		}
	}
}

// check says whether each record has come out once.
func (h *history) check() {
	count := map[string]int{}
	for _, b := range h.blocks {
		for line := range strings.Lines(b) {
			if rest, ok := strings.CutPrefix(line, "echo "); ok {
				id, _, _ := strings.Cut(rest, " ")
				count[id]++
			}
		}
	}
	for p := range h.parts {
		for i := range h.parts[p] {
			id := fmt.Sprintf("id%d-%d", p, i)
			if n := count[id]; n != 1 && (n == 0 || !h.mayRepeat) {
				h.t.Errorf("seed %d: record %s came out %d times", h.seed, id, n)
			}
			delete(count, id)
		}
	}
	for id := range count {
		h.t.Errorf("seed %d: record %s came from nowhere", h.seed, id)
	}
}

// TestFaultsLoseNothing runs processes that are killed, stopped, fought and
// whose files are damaged: each record comes out once.
func TestFaultsLoseNothing(t *testing.T) {
	simulate(t, 1_500, func(t *testing.T, seed uint64) {
		h := newHistory(t, seed)
		h.r = rand.New(rand.NewPCG(seed, 5))
		for range 1 + h.r.IntN(8) {
			if h.r.IntN(6) == 0 {
				h.fight()
			} else {
				h.life()
			}
			h.harm()
		}
		h.tell("the last life")
		p := h.start(0)
		if err := p.run(true, h.change); err != nil {
			t.Fatal(err)
		}
		h.check()
	})
}
