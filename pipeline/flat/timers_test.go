package flat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func runTimers(t *testing.T, prog []byte) {
	p := program{prog}
	q := NewTimers()
	var model []timer // Sorted.
	due := func() int64 {
		switch p.num(1) % 8 {
		case 0:
			return int64(p.num(8))
		case 1:
			return math.MaxInt64 - int64(p.num(1))
		case 2:
			return math.MinInt64 + int64(p.num(1))
		case 3, 4:
			return int64(p.num(1)) - 100
		default:
			return 1_700_000_000_000 + int64(p.num(4))
		}
	}
	pop := func(before int64) bool {
		d, id, ok := q.PopDue(before)
		wantOK := len(model) > 0 && model[0].due < before
		if ok != wantOK || ok && (timer{d, id}) != model[0] {
			t.Fatalf("PopDue(%d) = %d, %d, %v; want %v of %v", before, d, id, ok, wantOK, model[:min(1, len(model))])
		}
		if ok {
			model = model[1:]
		}
		return ok
	}
	for p.more() {
		op := p.num(1)
		switch {
		case op < 150:
			x := timer{due(), uint32(p.num(1))}
			q.Set(x.due, x.id)
			at, _ := slices.BinarySearchFunc(model, x, func(a, b timer) int {
				if a.less(b) {
					return -1
				}
				return 1
			})
			model = slices.Insert(model, at, x)
		case op < 250:
			pop(due())
		default:
			for before := due(); pop(before); {
				continue
			}
		}
		if before := due(); len(model) > 0 && model[0].due < before && !q.IsDue(before) {
			t.Fatalf("IsDue(%d) is false; the first is %v", before, model[0])
		}
		min, ok := q.Min()
		if before := due(); q.IsDue(before) != (ok && min < before) {
			t.Fatalf("IsDue(%d) is %v after Min = %d, %v", before, !(ok && min < before), min, ok)
		}
		if ok != (len(model) > 0) || ok && min != model[0].due || q.Len() != len(model) {
			t.Fatalf("Min = %d, %v, Len = %d; want %v of %d", min, ok, q.Len(), model, len(model))
		}
	}
	for pop(math.MaxInt64) {
		continue
	}
}

func TestTimers(t *testing.T) { runPrograms(t, runTimers) }
func FuzzTimers(f *testing.F) { fuzzPrograms(f, runTimers) }

// Many timers: more than a page, many ties.
func TestTimersMany(t *testing.T) {
	f := func(title string, due func(r *rand.Rand, n int64) int64) {
		t.Helper()
		q := NewTimers()
		r := rand.New(rand.NewPCG(3, 3))
		const size = 100_000
		want := make([]timer, size)
		for n := range want {
			want[n] = timer{due(r, int64(n)), uint32(n)}
			q.Set(want[n].due, want[n].id)
		}
		slices.SortFunc(want, func(a, b timer) int {
			if a.less(b) {
				return -1
			}
			return 1
		})
		for n, w := range want {
			d, id, ok := q.PopDue(math.MaxInt64)
			if !ok || d != w.due || id != w.id {
				t.Fatalf("%s: timer %d is %d, %d, %v; want %v", title, n, d, id, ok, w)
			}
		}
	}
	f("random", func(r *rand.Rand, _ int64) int64 { return r.Int64N(1 << 40) })
	f("ties", func(r *rand.Rand, _ int64) int64 { return r.Int64N(20) * 1000 })
	f("rising", func(_ *rand.Rand, n int64) int64 { return n })
	f("falling", func(_ *rand.Rand, n int64) int64 { return -n })
	f("one", func(*rand.Rand, int64) int64 { return 5 })
	f("wide", func(r *rand.Rand, _ int64) int64 { return int64(r.Uint64()) >> r.IntN(64) })
}

// A queue that moves on, with late timers, pauses and leaps, is a heap.
func TestTimersMove(t *testing.T) {
	q, h := NewTimers(), heap{node: newPages[timer](pageBytes)}
	r := rand.New(rand.NewPCG(6, 6))
	now, popped := int64(-1<<40), 0
	for range 20_000 {
		switch r.IntN(40) {
		case 0:
			now += r.Int64N(1 << (10 + r.IntN(30)))
		case 1:
			q.Min()
		default:
			now += r.Int64N(60_000)
		}
		for range r.IntN(8) {
			x := timer{now + r.Int64N(1<<(r.IntN(33)+1)) - 50_000, r.Uint32N(1000)}
			q.Set(x.due, x.id)
			h.push(x)
		}
		for h.n > 0 && h.min().due < now {
			due, id, ok := q.PopDue(now)
			if want := h.min(); !ok || due != want.due || id != want.id {
				t.Fatalf("PopDue(%d) = %d, %d, %v; want %v", now, due, id, ok, want)
			}
			h.pop()
			popped++
		}
		if due, id, ok := q.PopDue(now); ok || q.Len() != int(h.n) {
			t.Fatalf("PopDue(%d) = %d, %d beyond the heap; Len = %d, want %d", now, due, id, q.Len(), h.n)
		}
	}
	if popped < 20_000 || h.n == 0 {
		t.Errorf("popped %d, left %d: the test does not move", popped, h.n)
	}
}

func TestTimersSteadyState(t *testing.T) {
	q := NewTimers()
	r := rand.New(rand.NewPCG(5, 5))
	now := int64(0)
	for id := range uint32(5000) {
		q.Set(r.Int64N(1_800_000), id)
	}
	step := func() {
		due, id, _ := q.PopDue(math.MaxInt64)
		now = due
		q.Set(now+1_000_000+r.Int64N(800_000), id)
	}
	for range 50_000 {
		step()
	}
	noAllocs(t, "timers", step)
}

// The queue as sessions use it: a timer pops, and one is set a gap later.
func BenchmarkTimers(b *testing.B) {
	for _, n := range []int{10_000, 1_000_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			q := NewTimers()
			r := rand.New(rand.NewPCG(5, 5))
			for id := range uint32(n) {
				q.Set(r.Int64N(1_800_000), id)
			}
			for b.Loop() {
				due, id, _ := q.PopDue(math.MaxInt64)
				q.Set(due+1_800_000-r.Int64N(600_000), id)
			}
		})
		b.Run(fmt.Sprintf("%d/heap", n), func(b *testing.B) {
			h := heap{node: newPages[timer](pageBytes)}
			r := rand.New(rand.NewPCG(5, 5))
			for id := range uint32(n) {
				h.push(timer{r.Int64N(1_800_000), id})
			}
			for b.Loop() {
				x := h.min()
				h.pop()
				h.push(timer{x.due + 1_800_000 - r.Int64N(600_000), x.id})
			}
		})
	}
}
