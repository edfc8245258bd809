package flat

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// idModel is an Expiring in plain words: a map from id to time, and the number
// of ids put per block of time.
type idModel struct {
	time         map[uint64]int64
	put          map[int64]int
	block        int64
	limit, total int
	floor        int64
	evicted      int
}

func (m *idModel) raise(floor int64) {
	if floor <= m.floor {
		return
	}
	m.floor = floor
	for b, n := range m.put {
		if b+m.block <= m.floor {
			m.total -= n
			delete(m.put, b)
		}
	}
}

func (m *idModel) seen(h uint64, t, forgottenBefore int64) bool {
	old, ok := m.time[h]
	if ok && old >= max(m.floor, forgottenBefore) {
		return true
	}
	if t < m.floor || ok && old >= m.floor && old >= t {
		return false
	}
	m.time[h] = t
	b := t - (t%m.block+m.block)%m.block
	m.put[b]++
	m.total++
	for m.total > m.limit {
		oldest := int64(math.MaxInt64)
		for b := range m.put {
			oldest = min(oldest, b)
		}
		m.evicted += m.put[oldest]
		m.raise(oldest + m.block)
	}
	return false
}

// runExpiring reads a setting, then bursts of ids with times around a watermark
// that moves on, asked with it and with that of a partition ahead or behind. With far, times lie years apart and the limit is never met:
// the blocks are then of no account.
func runExpiring(t *testing.T, prog []byte) {
	p := program{prog[:min(len(prog), 400)]}
	window := int64(1+p.num(1)) * 100_000
	limit := 1 + int(p.num(1))*60
	far := p.num(1) < 80
	if far {
		limit = 1 << 20
	}
	ids := 1 + p.num(2)%20_000
	x := NewExpiring(window, limit)
	m := idModel{time: map[uint64]int64{}, put: map[int64]int{}, block: 1 << x.blockShift, limit: limit, floor: math.MinInt64}
	r := rand.New(rand.NewPCG(p.num(2), 1))
	now := int64(p.num(4))*1000 - 1<<40
	floor := int64(math.MinInt64)
	for p.more() {
		op, n := p.num(1), int(p.num(1))
		switch {
		case op < 60:
			now += int64(n) * window / 64
			floor = now - window
		case op < 70 && far:
			now += int64(n*n) * 86_400_000
			floor = now - window
		case op < 80:
			x.Sweep(floor)
			m.raise(floor)
		default:
			var asked []Question
			for range n * 4 {
				h, at := r.Uint64N(ids)*0x9e3779b97f4a7c15, now+r.Int64N(2*window)-window*3/2
				if far && r.IntN(8) == 0 {
					at += (r.Int64N(400) - 200) * 86_400_000 * 10
				}
				own := floor
				if r.IntN(2) == 0 {
					own = now - r.Int64N(3*window)/2
				}
				asked = append(asked, Question{h, at, own})
			}
			seen := make([]bool, len(asked))
			if op%2 == 0 {
				x.SeenAll(asked, seen)
			} else {
				for i, q := range asked {
					seen[i] = x.Seen(q.Hash, q.Time, q.ForgottenBefore)
				}
			}
			for i, q := range asked {
				if want := m.seen(q.Hash, q.Time, q.ForgottenBefore); seen[i] != want {
					t.Fatalf("Seen(%x, %d, %d) = %v, want %v", q.Hash, q.Time, q.ForgottenBefore, seen[i], want)
				}
			}
		}
		if x.Len() > limit || !far && (x.Len() != m.total || int(x.Evicted()) != m.evicted) {
			t.Fatalf("Len = %d, Evicted = %d; want %d, %d and at most %d", x.Len(), x.Evicted(), m.total, m.evicted, limit)
		}
	}
	x.Sweep(floor)
	m.raise(floor)
	if floor > math.MinInt64 && !far {
		if got, want := x.Covered(), max(0, window-(m.floor-floor)); got != want {
			t.Fatalf("Covered = %d, want %d", got, want)
		}
	}
	checkExpiring(t, x)
}

func checkExpiring(t *testing.T, x *Expiring) {
	t.Helper()
	for n := range x.used {
		s, used := x.segments.at(uint32(n)), 0
		for b := range uint32(idBuckets) {
			for i := range uint32(bucketSlots) {
				if s[b].tag(i) == 0 {
					continue
				}
				used++
				id := s.at(b, i)
				if got := x.segment(id.high); got != uint32(n) {
					t.Fatalf("segment %d bucket %d holds an id of segment %d", n, b, got)
				}
				if id.home() != b && id.away() != b {
					t.Fatalf("segment %d bucket %d holds an id of buckets %d and %d", n, b, id.home(), id.away())
				}
				if home := &s[id.home()]; id.home() != b && !x.past().forgotten(id.time) &&
					(home.hasStrayed == 0 || home.strayed-uint32(x.from) < id.time-uint32(x.from)) {
					t.Fatalf("segment %d bucket %d holds an id of bucket %d, which does not know it", n, b, id.home())
				}
			}
		}
		if used != int(x.used[n]) {
			t.Fatalf("segment %d has %d ids, counts %d", n, used, x.used[n])
		}
	}
	if x.others.Len() > x.othersDue.Len() {
		t.Fatalf("%d others with %d times", x.others.Len(), x.othersDue.Len())
	}
}

func TestExpiring(t *testing.T) { runPrograms(t, runExpiring) }
func FuzzExpiring(f *testing.F) { fuzzPrograms(f, runExpiring) }

// The edges of "until the watermark is window past its event time".
func TestExpiringEdges(t *testing.T) {
	f := func(title string, want bool, time, again, forgottenBefore int64) {
		t.Helper()
		x := NewExpiring(3_600_000, 1000)
		if x.Seen(7, time, math.MinInt64) {
			t.Errorf("%s: seen at first sight", title)
		}
		if got := x.Seen(7, again, forgottenBefore); got != want {
			t.Errorf("%s: seen again = %v, want %v", title, got, want)
		}
	}
	f("no watermark", true, 100, 100, math.MinInt64)
	f("just remembered", true, 100, 100, 100)
	f("just forgotten", false, 100, 100, 101)
	f("an old time for a remembered id", true, 100, 5, 50)
	f("years later", false, 100, 1<<40, 1<<40)
	f("49 days and 17 hours later", false, 100, 100+1<<32, 100+1<<32)
	f("years apart without a watermark", true, 1<<40, 100, math.MinInt64)
	f("before 1970", true, -100, -100, -100)
	f("end of the run", false, 100, 100, math.MaxInt64)
	f("greatest time", true, math.MaxInt64, math.MaxInt64, 100)
	f("smallest time", true, math.MinInt64, math.MinInt64, math.MinInt64)
}

// Partitions with watermarks apart: each asks for itself.
func TestExpiringPartitions(t *testing.T) {
	x := NewExpiring(1000, 1000)
	f := func(title string, want bool, time, forgottenBefore int64) {
		t.Helper()
		if got := x.Seen(7, time, forgottenBefore); got != want {
			t.Errorf("%s: seen = %v, want %v", title, got, want)
		}
	}
	f("the first", false, 100, 50)
	f("a partition ahead has forgotten it", false, 40, 5000)
	f("one behind has not, and the later time counts", true, 100, 90)
	f("the one ahead brings it again", false, 6000, 5000)
	f("now both know it", true, 6000, 5000)
	f("and the one behind", true, 100, 60)
	x.Sweep(6001)
	f("below the floor it is gone for all", false, 100, 60)
	f("and is not kept with such a time", false, 6001, 60)
}

func TestExpiringSweptFirst(t *testing.T) {
	x := NewExpiring(1000, 1000)
	x.Sweep(100)
	for n, want := range []bool{false, false} {
		if got := x.Seen(7, 50, 0); got != want {
			t.Errorf("look %d at a time below the floor: seen = %v", n, got)
		}
	}
	for n, want := range []bool{false, true} {
		if got := x.Seen(7, 100, 0); got != want {
			t.Errorf("look %d at the floor: seen = %v, want %v", n, got, want)
		}
	}
}

// At its limit, with ids that come and go, the set keeps to its size.
func TestExpiringSize(t *testing.T) {
	const limit, perMs = 400_000, 100
	window := int64(limit / perMs)
	x := NewExpiring(window, limit+limit/16)
	r := rand.New(rand.NewPCG(1, 1))
	var kept []uint64
	for n := range 4 * limit {
		now := int64(n / perMs)
		h := r.Uint64()
		if x.Seen(h, now, now-window) {
			t.Fatalf("id %d is seen at first sight", n)
		}
		if n%500 == 0 {
			x.Sweep(now - window)
		}
		if n%50 == 0 {
			kept = append(kept, h)
			old := kept[len(kept)/2]
			want := now-int64(len(kept)/2*50/perMs) <= window
			if got := x.Seen(old, now-window-1, now-window); got != want {
				t.Fatalf("id of %d: seen at %d = %v, want %v", len(kept)/2*50/perMs, now, got, want)
			}
		}
	}
	fixed := 4*len(x.count) + x.others.Bytes() + x.othersDue.Bytes()
	if got := float64(x.Bytes()-fixed) / float64(limit); got > 15 {
		t.Errorf("%.1f bytes an id, want at most 15", got)
	}
	if x.others.Len() > 0 {
		t.Errorf("%d ids kept apart, want none", x.others.Len())
	}
}

// A segment that must not split keeps the rest apart.
func TestExpiringOneSegment(t *testing.T) {
	x := NewExpiring(1000, 5*idSlots)
	hash := func(n uint64) uint64 { // spread gives it n as low half, ones as high half.
		h := math.MaxUint32<<32 | n
		h ^= h >> 33
		h *= 0x9cb4b2f8129337db
		h ^= h >> 33
		h *= 0x4f74430c22a54005
		return h ^ h>>33
	}
	for n := range uint64(2 * idSlots) {
		if spread(hash(n)) != math.MaxUint32<<32|n {
			t.Fatalf("hash(%d) spreads to %x", n, spread(hash(n)))
		}
		x.Seen(hash(n), 5, 0)
	}
	for n := range uint64(2 * idSlots) {
		if !x.Seen(hash(n), 5, 0) {
			t.Fatalf("id %d is not seen", n)
		}
	}
	if x.others.Len() == 0 {
		t.Error("one place for all ids left none to keep apart")
	}
	checkExpiring(t, x)
	x.Sweep(6)
	if x.others.Len() != 0 {
		t.Errorf("%d ids kept apart are not forgotten", x.others.Len())
	}
}

func TestExpiringSweep(t *testing.T) {
	x := NewExpiring(1000, 1_000_000)
	r := rand.New(rand.NewPCG(1, 1))
	for range 300_000 {
		x.Seen(r.Uint64(), 5, 0)
	}
	for range len(x.used) {
		x.Sweep(6)
	}
	for n, used := range x.used {
		if used != 0 {
			t.Errorf("segment %d has %d ids after a whole sweep", n, used)
		}
	}
	if x.from != 6 {
		t.Errorf("times from %d, want 6", x.from)
	}
}

func TestExpiringSteadyState(t *testing.T) {
	const limit = 20_000
	x := NewExpiring(limit, limit*2)
	r := rand.New(rand.NewPCG(1, 1))
	now := int64(0)
	step := func() {
		x.Seen(r.Uint64(), now, now-limit)
		x.Seen(r.Uint64(), now-2*limit, now-limit)
		if now%16 == 0 {
			x.Sweep(now - limit)
		}
		now++
	}
	for range 10 * limit {
		step()
	}
	noAllocs(t, "expiring", step)
}

func BenchmarkExpiring(b *testing.B) {
	for _, n := range []int{100_000, 4_000_000} {
		x := NewExpiring(int64(n), n+n/16)
		r := rand.New(rand.NewPCG(1, 1))
		now := int64(0)
		for range 2 * n {
			now++
			x.Seen(r.Uint64(), now, now-int64(n))
			if now%1000 == 0 {
				x.Sweep(now - int64(n))
			}
		}
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				now++
				x.Seen(r.Uint64(), now, now-int64(n))
				if now%1000 == 0 {
					x.Sweep(now - int64(n))
				}
			}
		})
	}
}

// TestExpiringDisorder keeps a set at its limit with ids that come out of order:
// the memory stays what it was laid out for.
func TestExpiringDisorder(t *testing.T) {
	const limit, window = 60_000, 1_000_000
	for _, disorder := range []int64{1, window / 4, window / 2, window} {
		x, r := NewExpiring(10*window, limit), rand.New(rand.NewPCG(uint64(disorder), 3))
		for i := range int64(15 * limit) {
			x.Seen(r.Uint64(), i*window/limit-r.Int64N(disorder), math.MinInt64)
		}
		if most := 16 * limit; x.Bytes() > most {
			t.Errorf("%d ids, up to %d ms late of %d, take %d bytes, want at most %d", x.Len(), disorder, int64(window), x.Bytes(), most)
		}
	}
}

// BenchmarkExpiringGrows asks for ids that are all new, as a set does until it
// has met as many as it forgets.
func BenchmarkExpiringGrows(b *testing.B) {
	const ids = 1 << 22
	asked, seen := make([]Question, 2048), make([]bool, 2048)
	for b.Loop() {
		x := NewExpiring(3_600_000, 50_000_000)
		r := rand.New(rand.NewPCG(1, 1))
		for n := 0; n < ids; n += len(asked) {
			for i := range asked {
				asked[i] = Question{r.Uint64(), int64(n), math.MinInt64}
			}
			x.SeenAll(asked, seen)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/ids, "ns/id")
	b.ReportMetric(0, "ns/op")
}
