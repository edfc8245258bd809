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

func (j join) compare(o join) int { return cmp.Or(cmp.Compare(j.at, o.at), cmp.Compare(j.seq, o.seq)) }

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
		moving, at := f.lodgers(g.Old), max(g.At, b.floor)
		if old != current {
			f.move(moving, old, current)
			b.queues[old].moveJoins(moving, b.queues[current])
		}
		if len(moving) > 1 {
			f.redirect(b.queues[current], g.Old, g.Current, at)
		}
		f.lodge(g.Old, g.Current)
		f.joins++
		b.queues[current].addJoin(join{at: at, seq: f.joins, old: g.Old, current: g.Current})
	}
	for shard, q := range b.queues {
		q.rehome(f.homes, shard, f.cfg.Shards, func(from *reorder, k orderKey, to int) { b.queues[to].adopt(from, k) })
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

// lodgers are a profile and those that wait to join it, also by way of others.
func (f *fold) lodgers(p event.Hash) []event.Hash {
	out := []event.Hash{p}
	for i := 0; i < len(out); i++ {
		out = append(out, f.guests[out[i]]...)
	}
	return out
}

// lodge makes p wait to join current.
func (f *fold) lodge(p, current event.Hash) {
	f.homes[p] = current
	f.guests[current] = append(f.guests[current], p)
}

// leave lets p wait no more.
func (f *fold) leave(p event.Hash) {
	current := f.homes[p]
	rest := slices.DeleteFunc(f.guests[current], func(g event.Hash) bool { return g == p })
	if delete(f.homes, p); len(rest) == 0 {
		delete(f.guests, current)
	} else {
		f.guests[current] = rest
	}
}

// redirect lets those that would join old after it has joined current, itself
// before them in time though behind them in the log, join current.
func (f *fold) redirect(q *reorder, old, current event.Hash, at int64) {
	for i := range q.joins {
		if j := &q.joins[i]; j.current == old && j.at > at {
			f.leave(j.old)
			f.lodge(j.old, current)
			j.current = current
		}
	}
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
		j.row, _ = slices.BinarySearchFunc(rows, j.at, func(row event.Row, at int64) int { return cmp.Compare(row.Eff, at) })
	}
	if n > 0 {
		q.rename(rows, due)
	}
	f.due[shard] = due
}

// foldRows lets a member fold the released rows, with the joins between them if
// it is keyed by profile: what is due before a join fires before it.
func (m *member) foldRows(t *Turn, shard int, rows []event.Row, due []join) {
	before, watermark, from := t.Before, t.Watermark, 0
	self := m.shards[shard]
	merger, merges := self.(Merger)
	for _, j := range due {
		if !merges {
			break
		}
		if j.row > from {
			self.Fold(t, rows[from:j.row])
			from = j.row
		}
		t.Before, t.Watermark = j.at, j.at
		self.Advance(t)
		merger.Merge(t, self, j.old, j.current)
		t.Before, t.Watermark = before, watermark
	}
	if from < len(rows) {
		self.Fold(t, rows[from:])
	}
}

// settle forgets the homes of profiles that have joined.
func (f *fold) settle() {
	for shard := range f.due {
		for _, j := range f.due[shard] {
			f.leave(j.old)
		}
		f.due[shard] = f.due[shard][:0]
	}
}

// addJoin gives a join its place by (time, order in the log).
func (q *reorder) addJoin(j join) {
	i, _ := slices.BinarySearchFunc(q.joins, j, join.compare)
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
func (q *reorder) rehome(h homes, shard, shards int, move func(from *reorder, k orderKey, to int)) {
	for i := range q.runs {
		keys := q.ownRun(i)
		kept := keys[:0]
		for _, k := range keys {
			to := shard
			from := q.row(k)
			if p := from.Batch.Profile[from.Index]; !p.IsZero() {
				to = h.of(p).Shard(shards)
			}
			if to == shard {
				kept = append(kept, k)
				continue
			}
			q.held--
			move(q, k, to)
		}
		q.runs[i].keys = kept
	}
	q.runs = slices.DeleteFunc(q.runs, func(r run) bool { return len(r.keys) == 0 })
}

// adopt takes a row that another shard gave up; its mark stands.
func (q *reorder) adopt(from *reorder, k orderKey) {
	if k.view == 0 {
		slot := k.slot
		k.slot = q.copy(from.slab, []uint32{slot})[0]
		from.kept--
		from.freeSlots([]uint32{slot})
		from.spend(1)
	}
	q.held++
	q.push([]orderKey{k})
}

// rename gives the released rows behind each join, and all that wait, the
// profile that goes on.
func (q *reorder) rename(rows []event.Row, due []join) {
	q.ownProfiles()
	joined := make(homes, len(due))
	next := 0
	for i, s := range rows {
		for ; next < len(due) && due[next].row <= i; next++ {
			joined[due[next].old] = due[next].current
		}
		if next > 0 {
			p := &s.Batch.Profile[s.Index]
			*p = joined.of(*p)
		}
	}
	for _, j := range due[next:] {
		joined[j.old] = j.current
	}
	for _, r := range q.runs {
		for _, k := range r.keys {
			x := q.row(k)
			p := &x.Batch.Profile[x.Index]
			*p = joined.of(*p)
		}
	}
}
