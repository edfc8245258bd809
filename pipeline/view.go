package pipeline

import (
	"slices"
	"sync/atomic"

	"touchstream/pipeline/event"
)

// view is a piece as the operators of one reorder buffer see it: its columns
// without those that are absent in all rows, with the marks of their domain and
// the profiles as these are where rows stand in time order.
type view struct {
	// number names the view in the keys of its rows; 0: it has none.
	number uint16
	batch  *event.Batch
	piece  *piece
	// keeps: rows that wait stay in the piece, for they make use of its memory.
	keeps bool
	// leaves: those that still wait are to be copied out of it.
	leaves bool
	// frozen: a snapshot reads it.
	frozen bool
	// size is about the memory that the piece takes.
	size int
	// waiting counts its rows in the runs of all shards.
	waiting atomic.Int32
	// ownsProfiles says that the column of profiles is neither the piece's nor a
	// snapshot's too.
	ownsProfiles bool

	mark, limit []int64
}

// viewsMax is how many views have a number at a time; tests make it smaller.
var viewsMax = 1 << 16

// viewTable holds the views of one reorder buffer that have a number.
type viewTable struct {
	at    []*view // by number; the first stands for slabs
	free  []uint16
	step  []*view // of the step's pieces
	spare []*view
	// isFull: some of them have no number.
	isFull bool
	limbo  []*view // those that only a snapshot needs any more
}

func newViewTable() *viewTable { return &viewTable{at: make([]*view, 1)} }

// view makes the views of the step's pieces.
func (f *fold) view(s *step) {
	for _, b := range f.buffers {
		t := b.views
		renames := b.key == ByProfile && slices.ContainsFunc(b.queues, func(q *reorder) bool { return len(q.joins) > 0 })
		if renames {
			for _, v := range t.at[1:] {
				v.ownProfiles()
			}
		}
		t.step, t.isFull = t.step[:0], false
		for _, p := range s.pieces {
			t.step = append(t.step, t.open(p))
		}
		before, watermark := max(f.before[b.domain], b.floor), s.watermarks[b.domain]
		inParallel(len(f.routings), len(t.step), func(_, i int) {
			v := t.step[i]
			if renames {
				v.ownProfiles()
			}
			if before != f.before[AllSources] {
				v.measure(v.piece.rows, before)
			}
			v.judge(v.piece.byKey[b.key.rowKey()].rows, watermark)
		})
	}
}

// open makes the view of a piece.
func (t *viewTable) open(p *piece) *view {
	v := &view{}
	if n := len(t.spare); n > 0 {
		v, t.spare = t.spare[n-1], t.spare[:n-1]
	}
	v.piece, v.number, v.frozen, v.leaves, v.ownsProfiles = p, 0, false, false, false
	p.users++
	switch n := len(t.free); {
	case n > 0:
		v.number, t.free = t.free[n-1], t.free[:n-1]
		t.at[v.number] = v
	case len(t.at) < viewsMax:
		v.number = uint16(len(t.at))
		t.at = append(t.at, v)
	default:
		t.isFull = true
	}
	if v.batch == nil {
		v.batch = &event.Batch{}
	}
	*v.batch = *p.batch
	v.batch.HideEmpty()
	return v
}

// ownProfiles lets profiles be changed.
func (v *view) ownProfiles() {
	if v == nil || v.ownsProfiles {
		return
	}
	b := *v.batch // the former one may be a snapshot's
	b.Profile = slices.Clone(b.Profile[:b.N])
	v.batch, v.ownsProfiles = &b, true
}

// measure measures rows against a watermark of the buffer's own.
func (v *view) measure(rows []uint32, before int64) {
	b := v.piece.batch
	v.mark, v.limit = slices.Grow(v.mark[:0], b.N)[:b.N], slices.Grow(v.limit[:0], b.N)[:b.N]
	for _, r := range rows {
		v.mark[r] = max(b.Own[r], before)
		v.limit[r] = v.mark[r] + b.Limit[r] - b.Mark[r]
	}
	v.batch.Mark, v.batch.Limit = v.mark, v.limit
}

// keptRowBytes is the most that a row may cost that waits in its piece: more
// than a row does that is copied, but a piece serves all buffers.
const keptRowBytes = 1536

// judge decides whether those of the rows that wait stay in the piece: if they
// make use of the memory that it takes.
func (v *view) judge(rows []uint32, watermark int64) {
	b, n := v.batch, 0
	for _, r := range rows {
		if b.Eff(int(r)) >= watermark {
			n++
		}
	}
	v.size = v.piece.batch.Size()
	v.keeps = v.number > 0 && v.size <= n*keptRowBytes
}

// tidy lets go of the pieces that the step needs no more, and of those that are
// kept for too few rows.
func (f *fold) tidy(s *step) {
	for _, b := range f.buffers {
		if b.views.isWasteful() {
			f.inLanes(f.cfg.Shards, func(_, shard int) { b.queues[shard].evacuate() })
		}
		f.done = b.views.tidy(f.done)
	}
	for _, p := range s.pieces {
		f.done = p.leave(f.done)
	}
}

// tidy lets go of views without rows that wait and returns the pieces that
// nobody needs any more.
func (t *viewTable) tidy(done []*piece) []*piece {
	for i := range t.at {
		if v := t.at[i]; v != nil && v.waiting.Load() == 0 {
			t.at[i], t.free = nil, append(t.free, uint16(i))
			if v.frozen {
				t.limbo = append(t.limbo, v)
			} else {
				done = t.drop(v, done)
			}
		}
	}
	for _, v := range t.step {
		if v.number == 0 {
			done = t.drop(v, done)
		}
	}
	t.step = t.step[:0]
	return done
}

// spareViewsMax is how many views are kept for reuse.
const spareViewsMax = 256

// drop ends a view. One kept for reuse holds on to no memory of its piece.
func (t *viewTable) drop(v *view, done []*piece) []*piece {
	done = v.piece.leave(done)
	v.piece, *v.batch = nil, event.Batch{}
	if len(t.spare) < spareViewsMax {
		t.spare = append(t.spare, v)
	}
	return done
}

// leave ends a use of the piece and adds it to done at the last.
func (p *piece) leave(done []*piece) []*piece {
	if p.users--; p.users == 0 {
		done = append(done, p)
	}
	return done
}

// wasteMax is how many bytes pieces may take without use; tests make it smaller.
var wasteMax = 32 << 20

// isWasteful reports whether pieces are kept for too few rows, and marks those
// that are to be left.
func (t *viewTable) isWasteful() bool {
	waste := 0
	for _, v := range t.at[1:] {
		if v != nil && v.keeps {
			waste += max(0, v.size-int(v.waiting.Load())*keptRowBytes)
		}
	}
	if waste <= wasteMax {
		return false
	}
	for _, v := range t.at[1:] {
		if v != nil && v.keeps {
			v.leaves = v.size > 2*int(v.waiting.Load())*keptRowBytes
		}
	}
	return true
}

// freeze holds the views for a snapshot: what it reads stays as it is.
func (t *viewTable) freeze() {
	for _, v := range t.at {
		if v != nil {
			v.frozen, v.ownsProfiles = true, false
		}
	}
}

// batches are what the numbers stand for now.
func (t *viewTable) batches() []*event.Batch {
	out := make([]*event.Batch, len(t.at))
	for i, v := range t.at {
		if v != nil {
			out[i] = v.batch
		}
	}
	return out
}

// thaw lets go of what the snapshot alone has held.
func (t *viewTable) thaw(done []*piece) []*piece {
	for _, v := range t.at {
		if v != nil {
			v.frozen = false
		}
	}
	for _, v := range t.limbo {
		done = t.drop(v, done)
	}
	t.limbo = t.limbo[:0]
	return done
}
