package pipeline

import (
	"cmp"
	"slices"

	"touchstream/pipeline/event"
)

// join is a merge that waits for its place in time order: the effective time of
// the event that linked the two profiles.
type join struct {
	at           int64
	seq          int64 // order in the log
	old, current event.Hash
	row          int // where it falls among the released rows
}

// homes are the profiles whose merge waits, each with the one that it will
// join. Their state and rows lie in the shard of the profile at the end of the
// chain, still under their own name.
type homes map[event.Hash]event.Hash

// of is the profile whose shard holds p.
func (h homes) of(p event.Hash) event.Hash {
	for {
		n, ok := h[p]
		if !ok || n == p {
			return p
		}
		p = n
	}
}

// merge prepares the step's merges, in the order of the log: what belongs to a
// profile that joins another one moves to the other's shard, and the join itself
// takes its place among the rows there.
func (f *fold) merge() {
	b := f.profiles()
	if len(f.merges) == 0 || b == nil {
		return
	}
	for _, g := range f.merges {
		old, current := g.Old.Shard(f.cfg.Shards), g.Current.Shard(f.cfg.Shards)
		moving := f.lodgers(g.Old)
		f.homes[g.Old] = g.Current
		if old != current {
			f.move(moving, old, current)
			b.queues[old].moveJoins(moving, b.queues[current])
		}
		f.joins++
		b.queues[current].addJoin(join{at: max(g.At, b.floor), seq: f.joins, old: g.Old, current: g.Current})
	}
	for shard, q := range b.queues {
		q.rehome(f.homes, shard, f.cfg.Shards, func(from *event.Batch, row uint32, to int) { b.queues[to].adopt(from, row) })
	}
}

// profiles is the reorder buffer of the operators keyed by profile, nil if
// there are none.
func (f *fold) profiles() *buffer {
	for _, b := range f.buffers {
		if b.key == ByProfile {
			return b
		}
	}
	return nil
}

// lodgers are a profile and those that wait to join it, in a fixed order.
func (f *fold) lodgers(p event.Hash) []event.Hash {
	out := []event.Hash{p}
	for x := range f.homes {
		if f.homes.of(x) == p {
			out = append(out, x)
		}
	}
	slices.SortFunc(out[1:], compareHash)
	return out
}

func compareHash(a, b event.Hash) int {
	if c := cmp.Compare(a.Hi, b.Hi); c != 0 {
		return c
	}
	return cmp.Compare(a.Lo, b.Lo)
}

// move moves the state of profiles to another shard, under their own names.
func (f *fold) move(profiles []event.Hash, from, to int) {
	for _, m := range f.members {
		if shard, ok := m.shards[to].(Merger); ok {
			for _, p := range profiles {
				shard.Merge(m.turns[to], m.shards[from], p, p)
			}
		}
	}
}

// joinRows takes out the shard's joins that are due before the watermark, finds
// their places among the released rows and renames the rows behind them.
func (f *fold) joinRows(b *buffer, shard int, watermark int64) {
	q, rows := b.queues[shard], b.rows[shard]
	n, _ := slices.BinarySearchFunc(q.joins, watermark, func(j join, w int64) int { return cmp.Compare(j.at, w) })
	due := append(f.due[shard][:0], q.joins[:n]...)
	q.joins = slices.Delete(q.joins, 0, n)
	for i := range due {
		j := &due[i]
		j.row, _ = slices.BinarySearchFunc(rows, j.at, func(row uint32, at int64) int { return cmp.Compare(q.slab.Eff(int(row)), at) })
		q.renameFrom(rows[j.row:], j.old, j.current)
	}
	f.due[shard] = due
}

// foldRows lets a member fold the released rows, with the joins between them if
// it is keyed by profile: what is due before a join fires before it.
func (m *member) foldRows(t *Turn, shard int, b *event.Batch, rows []uint32, due []join) {
	before, watermark, from := t.Before, t.Watermark, 0
	self := m.shards[shard]
	merger, merges := self.(Merger)
	for _, j := range due {
		if !merges {
			break
		}
		if j.row > from {
			self.Fold(t, b, rows[from:j.row])
			from = j.row
		}
		t.Before, t.Watermark = j.at, j.at
		self.Advance(t)
		merger.Merge(t, self, j.old, j.current)
		t.Before, t.Watermark = before, watermark
	}
	if from < len(rows) {
		self.Fold(t, b, rows[from:])
	}
}

// settle forgets the homes of profiles that have joined.
func (f *fold) settle() {
	for shard := range f.due {
		for _, j := range f.due[shard] {
			delete(f.homes, j.old)
		}
		f.due[shard] = f.due[shard][:0]
	}
}

// addJoin gives a join its place by (time, order in the log).
func (q *reorder) addJoin(j join) {
	i, _ := slices.BinarySearchFunc(q.joins, j, func(a, b join) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq))
	})
	q.joins = slices.Insert(q.joins, i, j)
}

// moveJoins gives the joins of profiles that move to the queue they move to.
func (q *reorder) moveJoins(moving []event.Hash, to *reorder) {
	q.joins = slices.DeleteFunc(q.joins, func(j join) bool {
		if !slices.Contains(moving, j.old) {
			return false
		}
		to.addJoin(j)
		return true
	})
}

// rehome takes out the rows of profiles that live in another shard now.
func (q *reorder) rehome(h homes, shard, shards int, move func(b *event.Batch, row uint32, to int)) {
	for i, r := range q.runs {
		kept := r[:0]
		for _, k := range r {
			to := shard
			if p := q.slab.Profile[k.slot]; !p.IsZero() {
				to = h.of(p).Shard(shards)
			}
			if to == shard {
				kept = append(kept, k)
				continue
			}
			move(q.slab, k.slot, to)
			q.free = append(q.free, k.slot)
			q.held--
			q.spend(1)
		}
		q.runs[i] = kept
	}
	q.runs = slices.DeleteFunc(q.runs, func(r []orderKey) bool { return len(r) == 0 })
}

// adopt takes a row that another shard gave up; its mark stands.
func (q *reorder) adopt(b *event.Batch, row uint32) {
	s := q.slot()
	q.slab.CopyRows([]uint32{s}, b, []uint32{row})
	q.held++
	q.push([]orderKey{{
		eff: q.slab.Eff(int(s)), time: q.slab.Time(int(s)), slot: s,
		rank: q.slab.Name[s].Rank(), onTime: !q.slab.IsLate(int(s)),
	}})
}

// renameFrom gives the rows of a profile that has joined another one, the given
// ones and all that wait, to that one.
func (q *reorder) renameFrom(rows []uint32, old, current event.Hash) {
	for _, s := range rows {
		if q.slab.Profile[s] == old {
			q.slab.Profile[s] = current
		}
	}
	for _, r := range q.runs {
		for _, k := range r {
			if q.slab.Profile[k.slot] == old {
				q.slab.Profile[k.slot] = current
			}
		}
	}
}
