package pipeline

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
)

// queueing is a fold with a reorder buffer of two shards and nothing else. What
// a step does follows from its number.
type queueing struct {
	*fold
	seed uint64
	step int
}

func newQueueing(seed uint64) *queueing {
	want := event.Want{Columns: event.SetOf(event.MessageID, event.PagePath, event.Amount), Items: true}
	b := &buffer{bufferKey: bufferKey{key: ByProfile}, want: want, rows: make([][]event.Row, 2), views: newViewTable(), floor: beginOfTime}
	empty := &emptyBatches{want: want}
	for range 2 {
		b.queues = append(b.queues, newReorder(empty, b.views))
	}
	f := &fold{cfg: &Config{Shards: 2}, buffers: []*buffer{b}, homes: homes{}, guests: map[event.Hash][]event.Hash{}, due: make([][]join, 2), laneBusy: make([]float64, 1), desks: make([]desk, 1)}
	return &queueing{fold: f, seed: seed}
}

// openView makes the view of a batch, all of whose rows take part.
func openView(t *viewTable, b *event.Batch, before, watermark int64) *view {
	p := &piece{batch: b}
	for r := range b.N {
		p.rows = append(p.rows, uint32(r))
	}
	v := t.open(p)
	t.step = append(t.step, v)
	v.measure(p.rows, before)
	v.judge(p.rows, watermark)
	return v
}

// mark is the watermark behind a step; now and then all rows leave.
func (s *queueing) mark(step int) int64 {
	w := int64(40 * step)
	for i := max(0, step-20); i <= step; i++ {
		if i%17 == 16 {
			w = max(w, int64(40*i+400))
		}
	}
	return w
}

// next runs a step and tells all that left.
func (s *queueing) next() string {
	s.step++
	r := rand.New(rand.NewPCG(s.seed, uint64(s.step)))
	before, now := s.mark(s.step-1), s.mark(s.step)
	b := s.buffers[0]
	profile := func() event.Hash { return event.Hash{Hi: uint64(r.IntN(12)) << 60, Lo: 1} }
	s.merges = s.merges[:0]
	if old, current := profile(), profile(); r.IntN(3) == 0 && s.homes.of(current) != s.homes.of(old) && s.homes[old].IsZero() {
		s.merges = append(s.merges, Merge{Old: old, Current: s.homes.of(current), At: before + r.Int64N(100)})
	}
	s.merge()
	for _, q := range b.queues {
		q.take(now)
	}
	b.views.step = b.views.step[:0]
	renames := slices.ContainsFunc(b.queues, func(q *reorder) bool { return len(q.joins) > 0 })
	for _, v := range b.views.at[1:] {
		if renames {
			v.ownProfiles()
		}
	}
	for range 1 + r.IntN(3) {
		in := event.NewBatch(b.want)
		var rows [2][]uint32
		for range r.IntN(80) {
			row := in.Add()
			// Many rows stand at the same place: their order is that of the runs.
			in.Int[event.EventTime][row], in.Own[row] = before+r.Int64N(200)/4*4-40, before-r.Int64N(10)
			in.Str[event.MessageID][row] = in.Put(fmt.Appendf(nil, "m%d", r.IntN(30)))
			// Long texts let the slab be compacted soon, short ones let slots be used again.
			in.Str[event.PagePath][row] = in.Put([]byte(strings.Repeat(fmt.Sprint("/", r.IntN(1000)), r.IntN([]int{5, 200}[s.seed%2]))))
			in.Limit[row], in.Profile[row] = in.Mark[row]+r.Int64N(9), profile()
			for range r.IntN(2) {
				in.Item.Int[event.Price][in.AddItem(row)] = r.Int64()
			}
			shard := s.homes.of(in.Profile[row]).Shard(2)
			rows[shard] = append(rows[shard], uint32(row))
		}
		v := openView(b.views, in, before, now)
		if renames {
			v.ownProfiles()
		}
		for shard, q := range b.queues {
			q.insert(v, rows[shard], now)
			q.seal()
		}
	}
	var out strings.Builder
	for shard, q := range b.queues {
		b.rows[shard] = q.release(b.rows[shard])
		s.joinRows(b, shard, now)
		fmt.Fprintln(&out, "shard", shard, "holds", q.held, "joins", s.due[shard])
		for _, row := range b.rows[shard] {
			x, i := row.At()
			fmt.Fprintf(&out, "%s %s %v %d %d %d", x.Text(event.MessageID, i), x.Text(event.PagePath, i), x.Profile[i], x.Eff(i), x.Mark[i], x.Limit[i])
			for item := range x.Head[i].ItemCount {
				fmt.Fprint(&out, " ", x.ItemNum(event.Price, int(x.Head[i].ItemFirst+item)))
			}
			fmt.Fprintln(&out)
		}
		q.recycle()
	}
	s.settle()
	s.tidy(&step{})
	s.done = s.done[:0]
	return out.String()
}

// gate is a writer that lets nothing through until it is open.
type gate struct {
	bytes.Buffer
	open chan struct{}
}

func (g *gate) Write(p []byte) (int, error) {
	<-g.open
	return g.Buffer.Write(p)
}

// TestFrozenQueues writes snapshots of queues that go on. They must give what
// queues give of which none is written, and so must those that load them.
func TestFrozenQueues(t *testing.T) {
	defer func(n int) { wasteMax = n }(wasteMax)
	wasteMax = 64 << 10
	for seed := range uint64(6) {
		plain, frozen := newQueueing(seed), newQueueing(seed)
		r := rand.New(rand.NewPCG(seed, 9))
		goOn := func(n int, others ...*queueing) {
			t.Helper()
			for range n {
				want := plain.next()
				for _, s := range others {
					if got := s.next(); got != want {
						t.Fatalf("seed %d, step %d:\n%s\nnot\n%s", seed, s.step, got, want)
					}
				}
			}
		}
		for range 6 {
			goOn(r.IntN(12), frozen)
			loaded := newQueueing(seed)
			loaded.step, loaded.joins = frozen.step, frozen.joins
			for guest, host := range frozen.homes {
				loaded.homes[guest] = host
			}
			loaded.guests = maps.Clone(frozen.guests)
			for h, g := range loaded.guests {
				loaded.guests[h] = slices.Clone(g)
			}
			from := plain.step
			saved := []*gate{{open: make(chan struct{})}, {open: make(chan struct{})}}
			done := make(chan error)
			var before [][]byte
			frozen.buffers[0].views.freeze()
			for shard, q := range frozen.buffers[0].queues {
				before = append(before, save(t, q))
				z := q.freeze(q.views.batches())
				go func() { done <- z.save(saved[shard]) }()
			}
			var wants []string
			for range r.IntN(25) {
				wants = append(wants, plain.next())
				if got := frozen.next(); got != wants[len(wants)-1] {
					t.Fatalf("seed %d, step %d while frozen:\n%s\nnot\n%s", seed, frozen.step, got, wants[len(wants)-1])
				}
			}
			for _, g := range saved {
				close(g.open)
			}
			for range 3 { // beside save
				wants = append(wants, plain.next())
				if got := frozen.next(); got != wants[len(wants)-1] {
					t.Fatalf("seed %d, step %d beside save", seed, frozen.step)
				}
			}
			for range saved {
				if err := <-done; err != nil {
					t.Fatal(err)
				}
			}
			frozen.buffers[0].views.thaw(nil)
			for shard, q := range frozen.buffers[0].queues {
				q.thaw()
				if q.slab.N != q.kept+len(q.free) {
					t.Errorf("seed %d: shard %d has %d slots for %d rows, and %d are free", seed, shard, q.slab.N, q.kept, len(q.free))
				}
				if !bytes.Equal(saved[shard].Bytes(), before[shard]) {
					t.Fatalf("seed %d: shard %d was saved as it is later", seed, shard)
				}
				if err := loaded.buffers[0].queues[shard].load(&saved[shard].Buffer); err != nil {
					t.Fatal(err)
				}
			}
			for i, want := range wants {
				if got := loaded.next(); got != want {
					t.Fatalf("seed %d, step %d after a load behind step %d:\n%s\nnot\n%s", seed, loaded.step, from, got, want)
				}
				if i%7 == 3 {
					wantSameSaved(t, loaded)
				}
			}
			goOn(10, frozen, loaded)
			for _, q := range frozen.buffers[0].queues {
				if q.frost.rows != nil || q.frost.old != nil || len(q.frost.limbo) > 0 {
					t.Error("something stays frozen")
				}
			}
		}
	}
}

// wantSameSaved loads what is saved and saves it again.
func wantSameSaved(t *testing.T, s *queueing) {
	t.Helper()
	for _, q := range s.buffers[0].queues {
		first := save(t, q)
		again := newReorder(q.empty, newViewTable())
		if err := again.load(bytes.NewReader(first)); err != nil {
			t.Fatal(err)
		}
		if second := save(t, again); !bytes.Equal(first, second) {
			t.Fatal("a loaded queue is saved as another one")
		}
	}
}

func save(t testing.TB, q *reorder) []byte {
	t.Helper()
	var b bytes.Buffer
	err := q.freeze(q.views.batches()).save(&b)
	if q.thaw(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestSaveOfAFullDisk(t *testing.T) {
	s := newQueueing(1)
	s.next()
	q := s.buffers[0].queues[0]
	if err := q.freeze(q.views.batches()).save(failingWriter{}); err == nil {
		t.Error("the error of the writer is lost")
	}
	q.thaw()
	s.next()
}

type failingWriter struct{}

func (failingWriter) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestDamagedQueue: an error leaves an empty queue, which can be used.
func TestDamagedQueue(t *testing.T) {
	s := newQueueing(3)
	for range 5 {
		s.next()
	}
	q := s.buffers[0].queues[0]
	src := save(t, q)
	if q.held == 0 || len(q.joins) == 0 {
		t.Fatalf("%d rows and %d joins are no test", q.held, len(q.joins))
	}
	to := newReorder(q.empty, newViewTable())
	for n := 0; n < len(src); n += 1 + n/50 {
		if err := to.load(bytes.NewReader(src[:n])); err == nil || to.held > 0 || len(to.runs)+len(to.joins) > 0 {
			t.Fatalf("%d of %d bytes give %d rows, %v", n, len(src), to.held, err)
		}
	}
	if err := to.load(bytes.NewReader(append(slices.Clone(src), 0))); err == nil || !strings.Contains(err.Error(), "bytes follow the last row") {
		t.Error(err)
	}
	if err := to.load(bytes.NewReader(src)); err != nil || to.held != q.held {
		t.Error(to.held, err)
	}
}

// FuzzLoadQueue loads any bytes; what loads can be released.
func FuzzLoadQueue(f *testing.F) {
	s := newQueueing(3)
	f.Add(save(f, s.buffers[0].queues[0]))
	for range 3 {
		s.next()
	}
	f.Add(save(f, s.buffers[0].queues[0]))
	f.Fuzz(func(t *testing.T, src []byte) {
		q := newReorder(&emptyBatches{want: s.buffers[0].want}, newViewTable())
		if q.load(bytes.NewReader(src)) != nil {
			return
		}
		held := q.held
		q.take(1 << 62)
		if rows := q.release(nil); len(rows)+q.held != held {
			t.Fatalf("%d of %d rows left", len(rows), held)
		}
	})
}

// BenchmarkFreeze is of a queue with many rows.
func BenchmarkFreeze(b *testing.B) {
	want := event.Want{Columns: event.SetOf(event.MessageID, event.PagePath, event.Channel, event.Amount)}
	q := newReorder(&emptyBatches{want: want}, newViewTable())
	const n = 1 << 17
	for from := 0; from < n; from += 1 << 12 {
		in, rows := event.NewBatch(want), []uint32{}
		for i := range 1 << 12 {
			row := in.Add()
			in.Int[event.EventTime][row] = int64(from + i)
			in.Str[event.MessageID][row] = in.Put(fmt.Appendf(nil, "message-%020d", from+i))
			in.Str[event.PagePath][row] = in.Put([]byte("/products/category/some-product-1234567"))
			in.Str[event.Channel][row] = in.Put([]byte("web"))
			rows = append(rows, uint32(row))
		}
		q.insert(openView(q.views, in, beginOfTime, beginOfTime), rows, beginOfTime)
		q.seal()
	}
	b.Run("freeze", func(b *testing.B) {
		for b.Loop() {
			q.freeze(q.views.batches())
			q.thaw()
		}
	})
	var saved bytes.Buffer
	b.Run("save", func(b *testing.B) {
		for b.Loop() {
			saved.Reset()
			if err := q.freeze(q.views.batches()).save(&saved); err != nil {
				b.Fatal(err)
			}
			q.thaw()
		}
		b.SetBytes(int64(saved.Len()))
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
	})
	b.Run("load", func(b *testing.B) {
		to := newReorder(q.empty, newViewTable())
		for b.Loop() {
			if err := to.load(bytes.NewReader(saved.Bytes())); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(saved.Len()))
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/row")
	})
}
