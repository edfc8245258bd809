package flat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"
)

// yielding lets others run between small pieces.
type yielding struct{ bytes.Buffer }

func (y *yielding) Write(b []byte) (int, error) {
	runtime.Gosched()
	return y.Buffer.Write(b)
}

// A loaded world shows what the saved one did at its freeze, and does what that
// one did from there.
func TestSnapshot(t *testing.T) {
	for seed := range uint64(24) {
		r := rand.New(rand.NewPCG(seed, 2))
		before, after := r.IntN(20<<(seed%10)), 1+r.IntN(4000)
		budget := []*Budget{nil, NewBudget(1), NewBudget(5 * pageBytes), NewBudget(1 << 30), NewBudget(preparedPart * chunkBytes)}[seed%5]
		if seed%5 == 4 {
			budget.expect(preparedPart * chunkBytes)
			budget.Prepare()
		}
		saved, clone := newWorld(seed), newWorld(seed)
		saved.run(before)
		clone.run(before)
		for round := range 2 { // Twice in a row.
			var file yielding
			f := saved.parts.Freeze(budget)
			failed := make(chan error)
			go func() { failed <- f.Save(&file) }()
			want := saved.run(after)
			if err := <-failed; err != nil {
				t.Fatal(err)
			}
			f.Drop()
			if budget != nil && budget.taken != 0 {
				t.Fatalf("seed %d: %d bytes of the budget are lost", seed, budget.taken)
			}
			loaded := newWorld(seed)
			source := bytes.NewReader(append(file.Bytes(), "more"...))
			if err := loaded.parts.Load(source); err != nil || source.Len() != 4 {
				t.Fatalf("seed %d: Load leaves %d bytes, %v", seed, source.Len(), err)
			}
			var again bytes.Buffer
			if err := loaded.parts.Freeze(nil).Save(&again); err != nil || !bytes.Equal(again.Bytes(), file.Bytes()) {
				t.Fatalf("seed %d: saved again it has %d bytes, want the same %d, %v", seed, again.Len(), file.Len(), err)
			}
			compare(t, fmt.Sprintf("seed %d round %d", seed, round), loaded, clone)
			if got, cloned := loaded.run(after), clone.run(after); got != want || cloned != want {
				t.Fatalf("seed %d round %d: results %x and %x of the clone, want %x", seed, round, got, cloned, want)
			}
			compare(t, fmt.Sprintf("seed %d round %d, later", seed, round), loaded, saved)
			if round == 1 && !slices.Equal(loaded.drain(), clone.drain()) {
				t.Fatalf("seed %d: other timers", seed)
			}
		}
	}
}

func compare(t *testing.T, title string, a, b *world) {
	t.Helper()
	checkExpiring(t, a.ids)
	if got, want := a.dump(), b.dump(); got != want {
		t.Fatalf("%s:\n%s, want\n%s", title, got, want)
	}
}

// until polls for a condition.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("after 20 s still not: %s", what)
		}
	}
}

// stuck is a writer that takes n bytes and then nothing until it is let go.
type stuck struct {
	n    int
	full chan struct{}
	free chan struct{}
}

func (s *stuck) Write(b []byte) (int, error) {
	if s.n -= len(b); s.n < 0 {
		close(s.full)
		<-s.free
		s.n = math.MaxInt
	}
	return len(b), nil
}

// Drop while Save waits for a disk, and a writer for the budget.
func TestSnapshotDrop(t *testing.T) {
	w, clone := newWorld(1), newWorld(1)
	w.run(20_000)
	clone.run(20_000)
	budget := NewBudget(3 * pageBytes)
	f := w.parts.Freeze(budget)
	disk := &stuck{n: 300 << 10, full: make(chan struct{}), free: make(chan struct{})}
	failed, done := make(chan error), make(chan uint64)
	go func() { failed <- f.Save(disk) }()
	<-disk.full
	go func() { done <- w.run(5000) }()
	until(t, "a writer waits", func() bool { return budget.waiting.Load() > 0 })
	f.Drop()
	f.Drop()
	if got, want := <-done, clone.run(5000); got != want {
		t.Errorf("results %x, want %x", got, want)
	}
	close(disk.free)
	if err := <-failed; err == nil {
		t.Error("a dropped snapshot is saved")
	}
	if budget.taken != 0 {
		t.Errorf("%d bytes of the budget are lost", budget.taken)
	}
	if err := f.Save(io.Discard); err == nil {
		t.Error("a dropped snapshot is saved")
	}
	compare(t, "after Drop", w, clone)
	f = w.parts.Freeze(budget)
	f.Drop()
	if err := f.Save(io.Discard); err == nil {
		t.Error("a snapshot that was dropped at once is saved")
	}
}

// A writer without budget goes on when Save begins.
func TestSnapshotBudget(t *testing.T) {
	s := NewSlab[wide]()
	var parts Parts
	parts.Add(s)
	per := s.entries.mask + 1
	for range 4*per - 1 {
		s.Alloc()
	}
	budget := NewBudget(1)
	f := parts.Freeze(budget)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := range uint32(4) {
			s.Mut(max(n*per, 1)).a = 7
		}
	}()
	until(t, "the writer waits", func() bool { return budget.waiting.Load() > 0 })
	var file bytes.Buffer
	if err := f.Save(&file); err != nil {
		t.Fatal(err)
	}
	<-done
	if err := parts.Load(&file); err != nil {
		t.Fatal(err)
	}
	s.Each(func(id uint32, v *wide) bool {
		if v.a != 0 {
			t.Errorf("entry %d has a later write", id)
		}
		return true
	})
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestSnapshotFails(t *testing.T) {
	w := newWorld(2)
	w.run(5000)
	if err := w.parts.Freeze(NewBudget(1)).Save(failing{}); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Save says %v", err)
	}
	w.run(5000) // Does not wait for the budget.
	f := w.parts.Freeze(nil)
	defer func() {
		if recover() == nil {
			t.Error("a second freeze before Save or Drop did not panic")
		}
		f.Drop()
	}()
	w.parts.Freeze(nil)
}

func TestVarRefusesPointers(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Var of a slice did not panic")
		}
	}()
	Var(&Parts{}, &[]int{})
}

// A page that Save is copying out stays as it is until that is done, for a
// writer and for Drop, after which the next freeze may come.
func TestSnapshotClaimed(t *testing.T) {
	for _, title := range []string{"write", "drop"} {
		s := NewSlab[wide]()
		var parts Parts
		parts.Add(s)
		id := s.Alloc()
		f := parts.Freeze(nil)
		page := &s.entries.cut.state[0]
		page.Store(claimed)
		done := make(chan bool)
		go func() {
			if title == "drop" {
				f.Drop()
			} else {
				s.Mut(id).a = 1
			}
			done <- page.Load() == written
		}()
		for range 100 {
			runtime.Gosched()
		}
		page.Store(written)
		if !<-done {
			t.Errorf("%s: did not wait for the page", title)
		}
	}
}

// TestPreparedMemoryServesAgain copies more than was prepared, saves and copies
// again: what was saved serves the next copies, and nothing is kept at the end.
func TestPreparedMemoryServesAgain(t *testing.T) {
	b := NewBudget(preparedPart * chunkBytes)
	b.expect(preparedPart*chunkBytes - 1)
	if b.Prepare(); len(b.frames.areas) > 0 {
		t.Error("memory is prepared for a small state")
	}
	b.expect(1)
	b.Prepare()
	if n := len(b.frames.areas); n != 1 {
		t.Fatalf("%d areas are prepared, want 1", n)
	}
	var page atomic.Pointer[byte]
	seen := map[*byte]bool{}
	var last []byte
	for range chunkBytes/pageBytes + 1 {
		frame, ok := b.take(pageBytes, &page)
		if !ok || len(frame) != pageBytes || cap(frame) != pageBytes || seen[&frame[0]] {
			t.Fatalf("frame %d: %d bytes with room for %d, %v, or given twice", len(seen), len(frame), cap(frame), ok)
		}
		seen[&frame[0]] = true
		last = frame
	}
	b.reuse(last)
	if again, _ := b.take(pageBytes, &page); &again[0] != &last[0] {
		t.Error("memory that was given back does not serve again")
	}
	b.Close()
	b.reuse(last)
	if b.frames.areas != nil || b.frames.rest != nil || b.frames.free != nil {
		t.Errorf("memory is kept after Close: %+v", b.frames)
	}
}

// TestDropTwice drops a snapshot again once the next one uses its memory: the
// next one is whole all the same, and needs no new memory for its pages.
func TestDropTwice(t *testing.T) {
	s := NewSlab[[64]byte]()
	for range 2000 {
		s.Mut(s.Alloc())[0] = 1
	}
	var p Parts
	p.Add(s)
	first := p.Freeze(nil)
	if err := first.Save(io.Discard); err != nil {
		t.Fatal(err)
	}
	before := &s.entries.cut.state[0]
	second := p.Freeze(nil)
	if &s.entries.cut.state[0] != before {
		t.Error("the second freeze does not use the memory of the first")
	}
	first.Drop()
	for id := uint32(1); id <= 2000; id++ {
		s.Mut(id)[0] = 2
	}
	var saved bytes.Buffer
	if err := second.Save(&saved); err != nil {
		t.Fatal(err)
	}
	loaded := NewSlab[[64]byte]()
	var q Parts
	q.Add(loaded)
	if err := q.Load(&saved); err != nil {
		t.Fatal(err)
	}
	for id := uint32(1); id <= 2000; id++ {
		if got := loaded.At(id)[0]; got != 1 {
			t.Fatalf("entry %d is %d, as after the freeze", id, got)
		}
	}
}

// TestDropWithinSave drops a snapshot while it is written: what is frozen next
// has memory of its own.
func TestDropWithinSave(t *testing.T) {
	s := NewSlab[[64]byte]()
	for range 100_000 {
		s.Alloc()
	}
	var p Parts
	p.Add(s)
	first := p.Freeze(nil)
	before := &s.entries.cut.state[0]
	in, out := io.Pipe()
	saved := make(chan error, 1)
	go func() { saved <- first.Save(out) }()
	if _, err := in.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	first.Drop()
	second := p.Freeze(nil)
	if &s.entries.cut.state[0] == before {
		t.Error("memory that a Save still reads is used again")
	}
	go func() { _, _ = io.Copy(io.Discard, in) }()
	if err := <-saved; err == nil {
		t.Error("a dropped snapshot was saved")
	}
	if err := second.Save(io.Discard); err != nil {
		t.Error(err)
	}
}

// TestKeptMemoryIsWithinTheBudget copies pages of one size, saves them and copies
// pages of others: what is kept of the former ones makes way.
func TestKeptMemoryIsWithinTheBudget(t *testing.T) {
	const most = 64 << 10
	b := NewBudget(most)
	var page atomic.Pointer[byte]
	for _, size := range []int{4 << 10, 10 << 10, 16 << 10, 4 << 10} {
		var taken [][]byte
		for b.taken+int64(size) <= most {
			frame, ok := b.take(size, &page)
			if !ok {
				t.Fatal("no memory is given")
			}
			taken = append(taken, frame)
			held := b.taken
			for n, list := range b.frames.free {
				held += int64(n * len(list))
			}
			if held > most {
				t.Fatalf("%d bytes are held with %d pages of %d bytes, want at most %d", held, len(taken), size, most)
			}
		}
		for _, frame := range taken {
			b.give(size)
			b.reuse(frame)
		}
	}
}
