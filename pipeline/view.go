package pipeline

import (
	"slices"

	"touchstream/pipeline/event"
)

// view is a piece as the operators of a reorder buffer see it: its columns, with
// the marks of their domain and the profiles as these are where they stand in
// time order. As long as those are the piece's own it is the piece's batch.
type view struct {
	batch *event.Batch
	own   event.Batch
	// marks says that the marks are to be made, from before on.
	marks       bool
	before      int64
	mark, limit []int64
	profile     []event.Hash
}

// view makes the views of the step's pieces.
func (f *fold) view(s *step) {
	for _, b := range f.buffers {
		for len(b.views) < len(s.pieces) {
			b.views = append(b.views, view{})
		}
		before := max(f.before[b.domain], b.floor)
		marks := before != f.before[AllSources]
		renames := b.key == ByProfile && slices.ContainsFunc(b.queues, func(q *reorder) bool { return len(q.joins) > 0 })
		for i, p := range s.pieces {
			b.views[i].open(p.batch, before, marks, renames)
		}
	}
}

// open shows a batch, with marks and profiles of its own if they can differ.
func (v *view) open(b *event.Batch, before int64, marks, renames bool) {
	v.batch, v.marks, v.before = b, marks, before
	if !marks && !renames {
		return
	}
	v.own = *b
	v.batch = &v.own
	if marks {
		v.mark, v.limit = slices.Grow(v.mark[:0], b.N)[:b.N], slices.Grow(v.limit[:0], b.N)[:b.N]
		v.own.Mark, v.own.Limit = v.mark, v.limit
	}
	if renames {
		v.profile = append(v.profile[:0], b.Profile[:b.N]...)
		v.own.Profile = v.profile
	}
}

// measure measures rows against the watermark at the step's start.
func (v *view) measure(of *event.Batch, rows []uint32) {
	if !v.marks {
		return
	}
	for _, r := range rows {
		v.mark[r] = max(of.Own[r], v.before)
		v.limit[r] = v.mark[r] + of.Limit[r] - of.Mark[r]
	}
}
