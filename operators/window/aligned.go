package window

import (
	"math"
	"slices"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// alignedShard holds tumbling and sliding windows: cells of panes, and windows
// that are put together from them.
type alignedShard struct {
	base
	grid    grid
	panes   *flat.Table[pane]
	windows *flat.Table[window]
	places  [placesMax]place
}

// pane holds what one group's events of one pane add up to.
type pane struct {
	number int64
	cells  flat.Ref
	group  uint32
	live   uint32 // windows in memory that it is part of
	// late is the first of those cells that only a part of its windows takes.
	late flat.Ref
	// opened is the first window that was opened for it, touched the step in
	// which its windows were queued.
	opened  int64
	touched int64
}

// lateCells are cells of events that came too late for the pane's windows
// before from.
type lateCells struct {
	from  int64
	cells flat.Ref
	next  flat.Ref
}

// window is one group's window.
type window struct {
	number     int64
	start, end int64
	due        int64
	group      uint32
	revision   uint32
	marks      uint32
}

// Fold is not called: rows come as units.
func (s *alignedShard) Fold(*pipeline.Turn, []event.Row) {}

// FoldUnits adds units to their panes.
func (s *alignedShard) FoldUnits(t *pipeline.Turn, b *event.Batch, u *pipeline.Units) {
	s.units.batch, s.store.count = b, &t.Count
	times, marks, keys, items := b.Int[event.EventTime], b.Mark, u.Key[:len(u.Row)], u.Item[:len(u.Row)]
	isQuiet := s.plan.emit == OnClose
	for i, row := range u.Row {
		at, h := times[row], &keys[i]
		p := s.grid.paneOf(at)
		if at < marks[row] {
			s.foldLate(t, b, row, items[i], *h, p)
			continue
		}
		known := &s.places[(h.Lo^uint64(p))%placesMax]
		if !isQuiet || known.cells == nil || known.hash != *h || known.number != p {
			first, last := s.grid.windowsOf(p)
			id := s.open(t, b, row, items[i], *h, p, first, last)
			if id == 0 {
				t.Count.Evicted++
				continue
			}
			if !isQuiet {
				s.touch(t, id, *h, first, last)
			}
			s.settle(known)
			*known = place{hash: *h, number: p, cells: s.store.cells(s.panes.MutAt(id).cells)}
		}
		if s.plan.onlyCounts {
			known.units++
		} else {
			s.push(row, items[i], known.cells)
		}
	}
	s.leavePlaces()
	s.flush()
}

// foldLate adds a late unit to those of its windows that still take it.
func (s *alignedShard) foldLate(t *pipeline.Turn, b *event.Batch, row, item uint32, h event.Hash, p int64) {
	natural, last := s.grid.windowsOf(p)
	first := natural
	for ; first <= last; first++ {
		if _, end := s.grid.bounds(first); add(end, s.lateness) >= b.Limit[row] {
			break
		}
	}
	if first > last {
		return
	}
	id := s.open(t, b, row, item, h, p, first, last)
	if id == 0 {
		t.Count.Evicted++
		return
	}
	countLate(t, b, row, item)
	cells := s.panes.MutAt(id).cells
	if first > natural {
		cells = s.lateCells(id, first)
	}
	s.panes.MutAt(id).touched = 0
	s.touch(t, id, h, first, last)
	s.panes.MutAt(id).touched = 0 // It may have been a part of its windows.
	s.push(row, item, s.store.cells(cells))
}

// lateCells finds or makes the pane's cells that count from a window on.
func (s *alignedShard) lateCells(id uint32, from int64) flat.Ref {
	pane := s.panes.MutAt(id)
	for r := pane.late; r != 0; {
		l := flat.Of[lateCells](s.store.arena.Get(r))[0]
		if l.from == from {
			return l.cells
		}
		r = l.next
	}
	l := []lateCells{{from, s.store.alloc(), pane.late}}
	pane.late = s.store.arena.Put(flat.Bytes(l))
	return l[0].cells
}

// open finds or makes the pane and its windows from first to last; 0 when
// there is no room for any of them.
func (s *alignedShard) open(t *pipeline.Turn, b *event.Batch, row, item uint32, h event.Hash, p, first, last int64) uint32 {
	key := numbered(h, p)
	if id := s.panes.ID(key); id != 0 && s.panes.At(id).opened <= first {
		return id
	}
	id, isNew := s.panes.PutID(key)
	if isNew {
		*s.panes.MutAt(id) = pane{number: p, opened: math.MaxInt64, cells: s.store.alloc(), group: s.hold(h, b, row, item)}
		natural, to := s.grid.windowsOf(p)
		for w := natural; w <= to; w++ {
			if s.windows.ID(numbered(h, w)) != 0 {
				s.panes.MutAt(id).live++
			}
		}
	}
	// While windows are made, others may be given up, and panes with them.
	s.panes.MutAt(id).live++
	for w := first; w <= last; w++ {
		if s.windows.ID(numbered(h, w)) == 0 {
			s.openWindow(t, b, row, item, h, w)
		}
	}
	pane := s.panes.MutAt(id)
	pane.opened = min(pane.opened, first)
	if pane.live--; pane.live == 0 {
		s.freePane(id)
		return 0
	}
	return id
}

func (s *alignedShard) openWindow(t *pipeline.Turn, b *event.Batch, row, item uint32, h event.Hash, w int64) {
	start, end := s.grid.bounds(w)
	if s.isShut(end) || s.windows.Len() >= s.limit && !s.makeRoom(t, end) {
		return
	}
	id, _ := s.windows.PutID(numbered(h, w))
	*s.windows.MutAt(id) = window{number: w, start: start, end: end, due: end - 1, group: s.hold(h, b, row, item)}
	s.timers.Set(end-1, id)
	s.eachPane(h, w, func(id uint32) { s.panes.MutAt(id).live++ })
}

// eachPane calls f for the panes of a window that are in memory.
func (s *alignedShard) eachPane(h event.Hash, w int64, f func(id uint32)) {
	from, end := s.grid.panesOf(w)
	for p := from; p < end; p++ {
		if id := s.panes.ID(numbered(h, p)); id != 0 {
			f(id)
		}
	}
}

// makeRoom gives up the closed window that would be forgotten first or, when
// there is none, the open one that is next to close, if it ends before the
// given end.
func (s *alignedShard) makeRoom(t *pipeline.Turn, end int64) bool {
	id := s.firstDue(s.expiry)
	if id == 0 {
		id = s.firstDue(s.timers)
	}
	if id == 0 || s.windows.At(id).end >= end {
		return false
	}
	s.leavePlaces()
	s.flush()
	w := s.windows.MutAt(id)
	if w.marks&isClosed == 0 || w.marks&isQueued != 0 {
		w.marks |= isClosed
		s.emit(t, id)
	}
	s.giveUp(t, w.end)
	s.drop(id)
	return true
}

// firstDue is the window whose timer is the next in the queue, 0 if there is
// none. The timer stays.
func (s *alignedShard) firstDue(q *flat.Timers) uint32 {
	for {
		least, ok := q.Min()
		if !ok || least == math.MaxInt64 {
			return 0
		}
		due, id, _ := q.PopDue(least + 1)
		if s.windows.Live(id) && s.windows.At(id).due == due {
			q.Set(due, id)
			return id
		}
	}
}

// touch queues the pane's windows that may have to be written when the step ends.
func (s *alignedShard) touch(t *pipeline.Turn, id uint32, h event.Hash, first, last int64) {
	pane := s.panes.MutAt(id)
	if pane.touched == t.Step {
		return
	}
	pane.touched = t.Step
	for w := first; w <= last; w++ {
		wid := s.windows.ID(numbered(h, w))
		if wid == 0 {
			continue
		}
		x := s.windows.MutAt(wid)
		if x.marks&isQueued == 0 && (x.marks&isClosed != 0 || s.plan.emit != OnClose) {
			x.marks |= isQueued
			s.changed = append(s.changed, wid)
		}
	}
}

// Advance closes, writes and forgets windows.
func (s *alignedShard) Advance(t *pipeline.Turn) {
	s.store.count = &t.Count
	s.closing, s.expired = s.closing[:0], s.expired[:0]
	for {
		due, id, ok := s.timers.PopDue(t.Watermark)
		if !ok {
			break
		}
		if !s.windows.Live(id) || s.windows.At(id).due != due {
			continue
		}
		w := s.windows.MutAt(id)
		w.marks |= isClosed
		w.due = add(w.end, s.lateness)
		s.expiry.Set(w.due, id)
		s.closing = append(s.closing, id)
	}
	for {
		due, id, ok := s.expiry.PopDue(t.Watermark)
		if !ok {
			break
		}
		if s.windows.Live(id) && s.windows.At(id).due == due {
			s.expired = append(s.expired, id)
		}
	}
	s.writeChanged(t)
	for _, id := range s.expired {
		s.drop(id)
	}
}

// writeChanged writes the windows that close and those that have changed.
func (s *alignedShard) writeChanged(t *pipeline.Turn) {
	var rows []emission
	queue := func(id uint32) {
		w := s.windows.At(id)
		rows = append(rows, emission{id, w.start, w.end, s.hashOf(w.group)})
	}
	for _, id := range s.closing {
		s.windows.MutAt(id).marks &^= isQueued
		queue(id)
	}
	writesOpen, waiting := s.writesOpen(t), s.changed[:0]
	for _, id := range s.changed {
		if !s.windows.Live(id) || s.windows.At(id).marks&isQueued == 0 {
			continue
		}
		w := s.windows.MutAt(id)
		if w.marks&isClosed == 0 && !writesOpen {
			waiting = append(waiting, id)
			continue
		}
		w.marks &^= isQueued
		queue(id)
	}
	s.changed = waiting
	slices.SortFunc(rows, func(a, b emission) int { return a.compare(&b) })
	for i := range rows {
		s.emit(t, rows[i].id)
	}
}

// emit writes a window as it stands.
func (s *alignedShard) emit(t *pipeline.Turn, id uint32) {
	w := s.windows.MutAt(id)
	w.revision++
	h := s.hashOf(w.group)
	if s.grid.span == 1 {
		from, _ := s.grid.panesOf(w.number)
		if p := s.panes.ID(numbered(h, from)); p != 0 && s.panes.At(p).late == 0 {
			s.write(t, w.group, w.start, w.end, s.store.cells(s.panes.At(p).cells), w.revision, w.marks&isClosed != 0, false)
			return
		}
	}
	sum := s.store.alloc()
	cells := s.store.cells(sum)
	s.eachPane(h, w.number, func(id uint32) {
		p := s.panes.At(id)
		s.store.merge(cells, s.store.cells(p.cells))
		for r := p.late; r != 0; {
			l := flat.Of[lateCells](s.store.arena.Get(r))[0]
			if l.from <= w.number {
				s.store.merge(cells, s.store.cells(l.cells))
			}
			r = l.next
		}
	})
	s.write(t, w.group, w.start, w.end, cells, w.revision, w.marks&isClosed != 0, false)
	s.store.release(sum)
}

// drop forgets a window and the panes that no other window needs.
func (s *alignedShard) drop(id uint32) {
	w := *s.windows.At(id)
	s.eachPane(s.hashOf(w.group), w.number, func(id uint32) {
		p := s.panes.MutAt(id)
		if p.live--; p.live == 0 {
			s.freePane(id)
		}
	})
	s.windows.DeleteID(id)
	s.letGo(w.group)
}

func (s *alignedShard) freePane(id uint32) {
	p := *s.panes.At(id)
	s.store.release(p.cells)
	for r := p.late; r != 0; {
		l := flat.Of[lateCells](s.store.arena.Get(r))[0]
		s.store.release(l.cells)
		s.store.arena.Free(r)
		r = l.next
	}
	s.panes.DeleteID(id)
	s.letGo(p.group)
}

// Entries is the number of windows in memory.
func (s *alignedShard) Entries() int { return s.windows.Len() }

// Bytes is the memory taken.
func (s *alignedShard) Bytes() int { return s.bytes() + s.panes.Bytes() + s.windows.Bytes() }
