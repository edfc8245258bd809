package pipeline

import (
	"cmp"
	"maps"
	"math/bits"
	"slices"
	"sync"

	"touchstream/pipeline/event"
)

// reorder holds the rows of one shard until its operators' watermark has
// passed them, and hands them over sorted. Rows stay where they were decoded as
// long as they make use of their piece's memory, and are copied to one batch
// otherwise; sorted runs of small keys say in which order they leave. Runs are
// merged when they come to be of like size, so that a row costs O(log n) moves
// of its key.
type reorder struct {
	slab *event.Batch
	free []uint32
	runs []run // lengths fall by halves
	held int   // rows that wait
	kept int   // those of them in the slab
	// joins are merges that wait for their place among the rows.
	joins []join

	views    *viewTable // what keys name
	stay     []uint32   // rows of the piece at hand that are to be copied
	slots    []uint32   // of the rows inserted last
	moved    []uint32
	fresh    []orderKey // inserted and not yet in a run
	released []orderKey
	left     []uint32   // slots of the released rows that had waited
	sorter   *keySorter // lent by the lane at work
	spare    [][]orderKey
	// dead is about how many bytes of the slab's arena no row uses any more.
	dead int
	// empty are batches for compaction, shared with other shards.
	empty *emptyBatches
	frost frost
}

// run is a sorted run of keys. A frozen one is also a snapshot's: it must
// neither be changed nor used again.
type run struct {
	keys   []orderKey
	frozen bool
}

// emptyBatches keeps batches of one want for reuse. Which one a shard gets
// changes no result.
type emptyBatches struct {
	mu      sync.Mutex
	want    event.Want
	batches []*event.Batch
}

func (e *emptyBatches) take() *event.Batch {
	e.mu.Lock()
	defer e.mu.Unlock()
	if n := len(e.batches); n > 0 {
		b := e.batches[n-1]
		e.batches = e.batches[:n-1]
		return b
	}
	b := event.NewBatch(e.want)
	b.Empty = event.AllColumns()
	return b
}

func (e *emptyBatches) give(b *event.Batch) {
	b.Clear()
	e.mu.Lock()
	defer e.mu.Unlock()
	e.batches = append(e.batches, b)
}

// orderKey says when a row leaves, and where it is: the slot of the slab, or the
// row of a view.
type orderKey struct {
	eff, time int64
	slot      uint32
	view      uint16 // 0: the slab
	name      event.Name
	onTime    bool
}

// maxSlabArena is where a slab's arena is compacted at the latest; offsets are 32 bits.
const maxSlabArena = 1 << 31

func newReorder(empty *emptyBatches, views *viewTable) *reorder {
	return &reorder{slab: empty.take(), empty: empty, views: views, sorter: &keySorter{}}
}

// insert takes rows of a view: those that the watermark passes are released,
// the others wait.
func (q *reorder) insert(v *view, rows []uint32, watermark int64) {
	if len(rows) == 0 {
		return
	}
	if v.number == 0 {
		watermark = beginOfTime // the rows go by way of the slab
	}
	q.stay = q.stay[:0]
	before := len(q.fresh)
	for _, r := range rows {
		switch k := keyOf(v.batch, r, v.number); {
		case k.eff < watermark:
			q.released = append(q.released, k)
		case v.keeps:
			q.fresh = append(q.fresh, k)
		default:
			q.stay = append(q.stay, r)
		}
	}
	if n := len(q.fresh) - before; n > 0 {
		q.held += n
		v.waiting.Add(int32(n))
	}
	if len(q.stay) > 0 {
		for _, s := range q.copy(v.batch, q.stay) {
			q.fresh = append(q.fresh, q.key(s))
		}
		q.held += len(q.stay)
	}
}

// copy copies rows to the slab and gives their slots, lent until the next call.
func (q *reorder) copy(b *event.Batch, rows []uint32) []uint32 {
	q.slots = q.slots[:0]
	for range rows {
		q.slots = append(q.slots, q.slot())
	}
	q.slab.CopyRows(q.slots, b, rows)
	q.kept += len(rows)
	return q.slots
}

// key says where the row in a slot leaves.
func (q *reorder) key(slot uint32) orderKey { return keyOf(q.slab, slot, 0) }

func keyOf(b *event.Batch, row uint32, view uint16) orderKey {
	t, mark := b.Int[event.EventTime][row], b.Mark[row]
	return orderKey{
		eff: max(t, mark), time: t, slot: row, view: view,
		name: b.Name[row], onTime: t >= mark,
	}
}

// row is where the key's row lies.
func (q *reorder) row(k orderKey) event.Row {
	b := q.slab
	if k.view != 0 {
		b = q.views.at[k.view].batch
	}
	return event.Row{Batch: b, Eff: k.eff, Index: k.slot, Name: k.name, Late: !k.onTime}
}

// seal makes a sorted run of what was inserted since the last seal: best the
// rows of one partition, which come almost in order.
func (q *reorder) seal() {
	if len(q.fresh) == 0 {
		return
	}
	q.sort(q.fresh)
	q.push(append(q.takeRun(len(q.fresh)), q.fresh...))
	q.fresh = q.fresh[:0]
}

func (q *reorder) slot() uint32 {
	if n := len(q.free); n > 0 {
		s := q.free[n-1]
		q.free = q.free[:n-1]
		return s
	}
	return uint32(q.slab.Add())
}

// spareRunsMax bounds the runs kept for reuse: one of each length that a push
// may need.
const spareRunsMax = 16

func (q *reorder) takeRun(n int) []orderKey {
	for i, s := range q.spare {
		if cap(s) >= n {
			q.spare = slices.Delete(q.spare, i, i+1)
			return s[:0]
		}
	}
	// Lengths vary a little from step to step; room to spare lets a run be used
	// again.
	return make([]orderKey, 0, 1<<bits.Len(uint(n|31)))
}

func (q *reorder) giveRun(r run) {
	if !r.frozen && len(q.spare) < spareRunsMax {
		q.spare = append(q.spare, r.keys)
	}
}

// push adds a sorted run and merges runs of like size.
func (q *reorder) push(keys []orderKey) {
	for n := len(q.runs); n > 0 && len(q.runs[n-1].keys) < 2*len(keys); n = len(q.runs) {
		last := q.runs[n-1]
		q.runs = q.runs[:n-1]
		merged := q.merge(q.takeRun(len(last.keys)+len(keys)), last.keys, keys)
		q.giveRun(last)
		q.giveRun(run{keys: keys})
		keys = merged
	}
	q.runs = append(q.runs, run{keys: keys})
}

func (q *reorder) merge(dst, a, b []orderKey) []orderKey {
	for len(a) > 0 && len(b) > 0 {
		if q.less(b[0], a[0]) {
			dst, b = append(dst, b[0]), b[1:]
		} else {
			dst, a = append(dst, a[0]), a[1:]
		}
	}
	return append(append(dst, a...), b...)
}

// release gives the rows that were released since the last time, in order; they
// are lent until recycle.
func (q *reorder) release(rows []event.Row) []event.Row {
	q.sort(q.released)
	rows, q.left = rows[:0], q.left[:0]
	for _, k := range q.released {
		rows = append(rows, q.row(k))
		if k.view == 0 {
			q.left = append(q.left, k.slot)
		}
	}
	q.released = q.released[:0]
	return rows
}

// take takes out the rows whose effective time is smaller than the watermark.
func (q *reorder) take(watermark int64) {
	kept := q.runs[:0]
	for _, r := range q.runs {
		n, _ := slices.BinarySearchFunc(r.keys, watermark, func(k orderKey, w int64) int { return cmp.Compare(k.eff, w) })
		q.released = append(q.released, r.keys[:n]...)
		q.held -= n
		q.leave(r.keys[:n])
		if n == len(r.keys) {
			q.giveRun(r)
			continue
		}
		kept = append(kept, run{r.keys[n:], r.frozen})
	}
	clear(q.runs[len(kept):])
	q.runs = kept
}

// leave counts out rows that wait no more.
func (q *reorder) leave(keys []orderKey) {
	for len(keys) > 0 {
		n := 1
		for n < len(keys) && keys[n].view == keys[0].view {
			n++
		}
		if v := keys[0].view; v == 0 {
			q.kept -= n
		} else {
			q.views.at[v].waiting.Add(int32(-n))
		}
		keys = keys[n:]
	}
}

// cutoff is the effective time below which rows must go so that only keep rows
// remain in all of the queues.
func cutoff(queues []*reorder, keep int) int64 {
	var effs []int64
	for _, q := range queues {
		for _, r := range q.runs {
			for _, k := range r.keys {
				effs = append(effs, k.eff)
			}
		}
	}
	slices.Sort(effs)
	return effs[len(effs)-keep] + 1
}

// recycle takes back what release lent.
func (q *reorder) recycle() {
	q.spend(len(q.left))
	q.freeSlots(q.left)
	q.left = q.left[:0]
	switch live := len(q.slab.Arena) - q.dead; {
	case q.kept == 0 && !q.frost.slab:
		q.slab.Clear()
		q.free, q.dead = q.free[:0], 0
	case q.kept == 0 || q.dead > live+1<<16 || len(q.slab.Arena) > maxSlabArena:
		q.compact()
	}
}

// spend counts the arena's bytes of rows that have left, as their share of all.
func (q *reorder) spend(rows int) {
	if rows > 0 {
		q.dead += (len(q.slab.Arena) - q.dead) * rows / (rows + q.kept)
	}
}

// compact copies the slab's rows to an empty batch.
func (q *reorder) compact() {
	fresh := q.empty.take()
	q.moved, q.slots = q.moved[:0], q.slots[:0]
	for i := range q.runs {
		keys := q.ownRun(i)
		for k := range keys {
			if keys[k].view != 0 {
				continue
			}
			q.moved = append(q.moved, keys[k].slot)
			keys[k].slot = uint32(fresh.Add())
			q.slots = append(q.slots, keys[k].slot)
		}
	}
	fresh.CopyRows(q.slots, q.slab, q.moved)
	q.giveSlab()
	q.slab, q.free, q.dead = fresh, q.free[:0], 0
}

// evacuate copies the rows of views that leave their piece to the slab.
func (q *reorder) evacuate() {
	var moved map[uint16][]*orderKey
	for i := range q.runs {
		leaves := func(k orderKey) bool { return k.view != 0 && q.views.at[k.view].leaves }
		if !slices.ContainsFunc(q.runs[i].keys, leaves) {
			continue
		}
		for k, keys := 0, q.ownRun(i); k < len(keys); k++ {
			if leaves(keys[k]) {
				if moved == nil {
					moved = map[uint16][]*orderKey{}
				}
				moved[keys[k].view] = append(moved[keys[k].view], &keys[k])
			}
		}
	}
	for _, view := range slices.Sorted(maps.Keys(moved)) {
		v := q.views.at[view]
		q.stay = q.stay[:0]
		for _, k := range moved[view] {
			q.stay = append(q.stay, k.slot)
		}
		for i, slot := range q.copy(v.batch, q.stay) {
			moved[view][i].slot, moved[view][i].view = slot, 0
		}
		v.waiting.Add(int32(-len(q.stay)))
	}
}
