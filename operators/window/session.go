package window

import (
	"math"
	"slices"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// sessionShard holds session windows: for each group a list of sessions, those
// that start last first, more than the gap apart.
type sessionShard struct {
	base
	sessions *flat.Slab[session]
}

// session is one window of a group.
type session struct {
	start, last int64 // times of its first and last event
	due         int64
	cells       flat.Ref
	group       uint32
	older       uint32
	revision    uint32
	marks       uint32
}

// Fold is not called: rows come as units.
func (s *sessionShard) Fold(*pipeline.Turn, []event.Row) {}

// FoldUnits adds units to their sessions.
func (s *sessionShard) FoldUnits(t *pipeline.Turn, b *event.Batch, u *pipeline.Units) {
	s.units.batch, s.store.count = b, &t.Count
	for i, row := range u.Row {
		at, isLate := b.Time(int(row)), b.IsLate(int(row))
		if isLate && add(at, s.plan.gap+s.lateness) < b.Limit[row] {
			continue
		}
		id := s.find(t, b, row, u.Item[i], u.Key[i], at)
		if id == 0 {
			t.Count.Evicted++
			continue
		}
		if isLate {
			countLate(t, b, row, u.Item[i])
		}
		s.touch(id)
		s.push(row, u.Item[i], s.store.cells(s.sessions.Mut(id).cells))
	}
	s.flush()
}

// find gives the session that an event at a time belongs to, extended to it:
// one that is there, two that it joins, or a new one; 0 when there is no room.
func (s *sessionShard) find(t *pipeline.Turn, b *event.Batch, row, item uint32, h event.Hash, at int64) uint32 {
	newer, id := uint32(0), uint32(0)
	if g := s.groups.ID(flatKey(h)); g != 0 {
		id = s.groups.At(g).head
	}
	for ; id != 0; newer, id = id, s.sessions.At(id).older {
		x := s.sessions.At(id)
		if add(x.last, s.plan.gap) < at {
			break
		}
		if at >= x.start-s.plan.gap {
			return s.extend(t, id, at)
		}
	}
	return s.begin(t, b, row, item, h, newer, at)
}

// extend lets a session reach to a time at most the gap away, which may join
// it with the one before.
func (s *sessionShard) extend(t *pipeline.Turn, id uint32, at int64) uint32 {
	x := s.sessions.Mut(id)
	x.last = max(x.last, at)
	if older := x.older; at < x.start && older != 0 && add(s.sessions.At(older).last, s.plan.gap) >= at {
		s.join(t, id, older)
		id = older
	} else if at < x.start {
		s.bury(t, id)
		x.start, x.revision = at, 0
	}
	if x = s.sessions.Mut(id); x.marks&isClosed != 0 && add(x.last, s.plan.gap) >= t.Before {
		// It has not ended after all.
		x.marks &^= isClosed
		s.await(id)
	}
	return id
}

// join moves a session into the one before it.
func (s *sessionShard) join(t *pipeline.Turn, id, older uint32) {
	s.flush()
	x, o := s.sessions.At(id), s.sessions.Mut(older)
	s.bury(t, id)
	o.last = x.last
	s.store.merge(s.store.cells(o.cells), s.store.cells(x.cells))
	s.remove(id)
}

// bury writes the tombstone of a session whose row is no more.
func (s *sessionShard) bury(t *pipeline.Turn, id uint32) {
	if x := s.sessions.At(id); x.revision > 0 {
		s.write(t, x.group, x.start, add(x.last, s.plan.gap), s.store.empty, x.revision+1, x.marks&isClosed != 0, true)
	}
}

// begin opens a session behind newer in its group's list.
func (s *sessionShard) begin(t *pipeline.Turn, b *event.Batch, row, item uint32, h event.Hash, newer uint32, at int64) uint32 {
	end := add(at, s.plan.gap)
	if s.isShut(end) {
		return 0
	}
	if s.sessions.Len() >= s.limit {
		if newer != 0 {
			s.sessions.Mut(newer).marks |= isPinned
		}
		ok := s.makeRoom(t, end)
		if newer != 0 {
			s.sessions.Mut(newer).marks &^= isPinned
		}
		if !ok {
			return 0
		}
	}
	group := s.hold(h, b, row, item)
	id := s.sessions.Alloc()
	*s.sessions.Mut(id) = session{start: at, last: at, cells: s.store.alloc(), group: group}
	link := &s.groups.MutAt(group).head
	if newer != 0 {
		link = &s.sessions.Mut(newer).older
	}
	s.sessions.Mut(id).older, *link = *link, id
	s.await(id)
	return id
}

// isPinned keeps a session from being given up.
const isPinned = 1 << 7

// await sets the timer of an open session.
func (s *sessionShard) await(id uint32) {
	x := s.sessions.Mut(id)
	x.due = add(x.last, s.plan.gap)
	s.timers.Set(x.due, id)
}

// kept is the last instant at which an event can still join a closed session.
func (s *sessionShard) kept(x *session) int64 { return add(x.last, 2*s.plan.gap+s.lateness) }

// touch queues a session that may have to be written when the step ends.
func (s *sessionShard) touch(id uint32) {
	x := s.sessions.Mut(id)
	if x.marks&isQueued == 0 && (x.marks&isClosed != 0 || s.plan.emit != OnClose) {
		x.marks |= isQueued
		s.changed = append(s.changed, id)
	}
}

// makeRoom gives up the closed session that would be forgotten first or, when
// there is none, the open one that is next to close, if it ends before the
// given end.
func (s *sessionShard) makeRoom(t *pipeline.Turn, end int64) bool {
	id := s.firstDue(s.expiry, isClosed)
	if id == 0 {
		id = s.firstDue(s.timers, 0)
	}
	if id == 0 {
		return false
	}
	x := s.sessions.Mut(id)
	ends := add(x.last, s.plan.gap)
	if ends >= end || x.marks&isPinned != 0 {
		return false
	}
	s.flush()
	if x.marks&isClosed == 0 || x.marks&isQueued != 0 {
		x.marks |= isClosed
		s.emit(t, id)
	}
	s.giveUp(t, ends)
	s.remove(id)
	return true
}

// firstDue is the session whose timer is the next in the queue, 0 if there is
// none. Timers that are early are set anew.
func (s *sessionShard) firstDue(q *flat.Timers, closed uint32) uint32 {
	for {
		least, ok := q.Min()
		if !ok || least == math.MaxInt64 {
			return 0
		}
		due, id, _ := q.PopDue(least + 1)
		if !s.sessions.Live(id) || s.sessions.At(id).due != due || s.sessions.At(id).marks&isClosed != closed {
			continue
		}
		x := s.sessions.Mut(id)
		real := add(x.last, s.plan.gap)
		if closed != 0 {
			real = s.kept(x)
		}
		x.due = real
		q.Set(real, id)
		if real == due {
			return id
		}
	}
}

// Advance closes, writes and forgets sessions.
func (s *sessionShard) Advance(t *pipeline.Turn) {
	s.store.count = &t.Count
	s.closing, s.expired = s.closing[:0], s.expired[:0]
	for {
		id := s.firstDue(s.timers, 0)
		if id == 0 || s.sessions.At(id).due >= t.Watermark {
			break
		}
		x := s.sessions.Mut(id)
		x.marks |= isClosed
		x.due = s.kept(x)
		s.expiry.Set(x.due, id)
		s.closing = append(s.closing, id)
	}
	for {
		id := s.firstDue(s.expiry, isClosed)
		if id == 0 || s.sessions.At(id).due >= t.Watermark {
			break
		}
		s.expiry.PopDue(s.sessions.At(id).due + 1)
		s.expired = append(s.expired, id)
	}
	s.writeChanged(t)
	for _, id := range s.expired {
		s.remove(id)
	}
}

// writeChanged writes the sessions that close and those that have changed.
func (s *sessionShard) writeChanged(t *pipeline.Turn) {
	var rows []emission
	queue := func(id uint32) {
		x := s.sessions.At(id)
		rows = append(rows, emission{id, x.start, x.last, s.hashOf(x.group)})
	}
	for _, id := range s.closing {
		s.sessions.Mut(id).marks &^= isQueued
		queue(id)
	}
	writesOpen, waiting := s.writesOpen(t), s.changed[:0]
	for _, id := range s.changed {
		if !s.sessions.Live(id) || s.sessions.At(id).marks&isQueued == 0 {
			continue
		}
		x := s.sessions.Mut(id)
		switch {
		case x.marks&isClosed != 0 || writesOpen:
			x.marks &^= isQueued
			queue(id)
		case s.plan.emit == OnClose:
			x.marks &^= isQueued
		default:
			waiting = append(waiting, id)
		}
	}
	s.changed = waiting
	slices.SortFunc(rows, func(a, b emission) int { return a.compare(&b) })
	for i := range rows {
		s.emit(t, rows[i].id)
	}
}

// emit writes a session as it stands.
func (s *sessionShard) emit(t *pipeline.Turn, id uint32) {
	x := s.sessions.Mut(id)
	x.revision++
	s.write(t, x.group, x.start, add(x.last, s.plan.gap), s.store.cells(x.cells), x.revision, x.marks&isClosed != 0, false)
}

// remove takes a session out of its group's list.
func (s *sessionShard) remove(id uint32) {
	x := *s.sessions.At(id)
	link := &s.groups.MutAt(x.group).head
	for *link != id {
		link = &s.sessions.Mut(*link).older
	}
	*link = x.older
	s.store.release(x.cells)
	s.sessions.Free(id)
	s.letGo(x.group)
}

// Entries is the number of sessions in memory.
func (s *sessionShard) Entries() int { return s.sessions.Len() }

// Bytes is the memory taken.
func (s *sessionShard) Bytes() int { return s.bytes() + s.sessions.Bytes() }
