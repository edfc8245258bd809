package pipeline

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"touchstream/pipeline/disk"
	"touchstream/pipeline/disk/disktest"
	"touchstream/pipeline/snapshot"
)

// world is what outlives a simulated process: the input, the journal, the rows
// that a store took, and a folder with snapshots.
type world struct {
	t     *testing.T
	seed  uint64
	parts [][]string
	dir   string
	// disk holds the folder; nil: the machine's does.
	disk *disktest.Disk
	// files makes a journal in files on the disk; nil: the world's own.
	files func(fs disk.FS, dir string) (Journal, error)

	mu      sync.Mutex
	r       *rand.Rand // of one goroutine at a time
	lives   int
	journal []simEntry
	trimmed int64
	blocks  map[simBlockID]string
	// away is how seldom an act fails for now, 0: never.
	away int
	// changed is when the input was changed last.
	changed int64
	// visible is how many partitions there are so far.
	visible int
	// owner is the process that has opened the journal last.
	owner *process
	log   simLog
}

// simEntry is an entry of the journal.
type simEntry struct {
	number  int64
	bytes   []byte
	damaged bool
}

// process is a process in a world. It dies at its dieAt-th act on the world,
// before or after that takes effect, and is stopped in order at its stopAt-th
// read.
type process struct {
	*world
	life          int
	acts, dieAt   int
	reads, stopAt int
	after, dead   bool
	kill          context.CancelFunc
	first         int64 // from where it has read the journal
	lost          chan struct{}
	pipeline      *Pipeline
	fs            disk.FS
	counts        map[string]int
}

var errDead = errors.New("the process is dead")

// chance is a number below n that depends on what it is for alone, not on which
// goroutine asks first: a seed can be run again.
func (w *process) chance(n int, what string, at ...int64) int {
	h := fnv.New64a()
	h.Write([]byte(what))
	for _, x := range append(at, int64(w.life), int64(w.seed)) {
		for range 8 {
			h.Write([]byte{byte(x)})
			x >>= 8
		}
	}
	return int(rand.NewPCG(h.Sum64(), 6).Uint64() % uint64(n))
}

// next counts what a process does, by kind. The lock is held.
func (w *process) next(kind string) int64 {
	w.counts[kind]++
	return int64(w.counts[kind])
}

// act is one act of the process on the world. It takes its time.
func (w *process) act(kind string, effect func()) error {
	w.mu.Lock()
	number := w.next(kind)
	w.mu.Unlock()
	if w.disk != nil && w.files == nil {
		time.Sleep(time.Duration(w.chance(300, kind+" takes", number)) * time.Microsecond)
	}
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
		if w.disk != nil {
			w.disk.Kill(w.fs.(*disktest.Process)) // other goroutines may be about to write
		}
		w.kill()
		return errDead
	}
	// Errors of disks do not pass.
	if w.away > 0 && kind != "disk" && w.chance(w.away, kind+" is away", number) == 0 {
		return Retryable(errors.New("away for now"))
	}
	effect()
	return nil
}

// start makes a process.
func (w *world) start(dieAt int) *process {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lives++
	p := &process{world: w, life: w.lives, dieAt: dieAt, after: w.r.IntN(2) == 0, lost: make(chan struct{}), fs: disk.OS, counts: map[string]int{}}
	if w.disk != nil {
		p.fs = w.disk.Process(func(effect func()) error { return p.act("disk", effect) })
	}
	return p
}

// run runs the process until it dies or ends.
func (w *process) run(bounded bool, change func(*Config)) error {
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	w.kill = cancel
	w.mu.Lock()
	cfg := w.config(bounded)
	w.mu.Unlock()
	if w.files != nil {
		j, err := w.files(w.fs, "/journal")
		if err != nil {
			return err
		}
		cfg.Journal = j
	}
	if change != nil {
		change(&cfg)
	}
	w.pipeline = New(cfg)
	err := w.pipeline.Run(ctx)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.disk != nil {
		w.disk.Kill(w.fs.(*disktest.Process))
		if w.dead && w.r.IntN(2) == 0 {
			w.disk.LosePower(w.r)
		}
	}
	if err == nil && w.dead {
		return errDead // where nobody would have noticed
	}
	return err
}

// snapshots lists the snapshots of the world.
func (w *world) snapshots() []snapshot.Info {
	w.t.Helper()
	fs := disk.OS
	if w.disk != nil {
		fs = w.disk.Process(nil)
	}
	list, err := snapshot.On(fs).List(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	return list
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

// newWorld makes a world whose snapshots lie on the machine's disk.
func newWorld(t *testing.T, seed uint64) *world {
	w := newSimWorld(t, seed)
	dir, err := os.MkdirTemp(t.TempDir(), "snapshots")
	if err != nil {
		t.Fatal(err)
	}
	w.dir, w.disk = dir, nil
	return w
}

// newSimWorld makes one whose disk is simulated too.
func newSimWorld(t *testing.T, seed uint64) *world {
	w := &world{t: t, seed: seed, r: rand.New(rand.NewPCG(seed, 4)), away: 20, blocks: map[simBlockID]string{}, dir: "/snapshots", disk: disktest.New()}
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
	w.visible = parts
	t.Cleanup(func() {
		if t.Failed() {
			name, _, _ := strings.Cut(t.Name(), "/")
			t.Logf("seed %d; go test ./pipeline -run %s -sim.seed=%d runs it again\n%s", seed, name, seed, w.log.text())
		}
	})
	return w
}
