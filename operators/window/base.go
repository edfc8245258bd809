package window

import (
	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// base is what shards of all kinds of windows have.
type base struct {
	plan     *plan
	lateness int64
	limit    int // windows
	store    *store
	groups   *flat.Table[group]
	timers   *flat.Timers // of open windows or sessions, by the last instant before they close
	expiry   *flat.Timers // of closed ones, by the last instant at which they take events
	changed  []uint32     // windows or sessions to look at when a step ends, marked isQueued
	closing  []uint32     // those that close in this step
	expired  []uint32     // those that are to be forgotten
	units    units
	key      []byte
	// shut is the greatest end of a window that was given up for want of room;
	// windows that end there or before are not opened again.
	shut    int64
	hasShut bool
}

// group is one combination of key values that has windows.
type group struct {
	key  flat.Ref
	refs uint32 // windows and panes, or sessions
	head uint32 // the session that starts last
}

// Marks of a window or a session.
const (
	isClosed = 1 << iota // its end has passed
	isQueued             // it stands in changed
)

func flatKey(h event.Hash) flat.Key { return flat.Key{Hi: h.Hi, Lo: h.Lo} }

// numbered joins a group's hash with the number of a pane or window.
func numbered(h event.Hash, n int64) flat.Key {
	return flat.Key{Hi: h.Hi + uint64(n)*0x9e3779b97f4a7c15, Lo: h.Lo ^ uint64(n)*0xc2b2ae3d27d4eb4f}
}

// hold finds or makes the group and takes a share in it.
func (s *base) hold(h event.Hash, b *event.Batch, row, item uint32) uint32 {
	id, isNew := s.groups.PutID(flatKey(h))
	g := s.groups.MutAt(id)
	if isNew {
		s.key = appendKey(s.key[:0], s.plan.keys, b, row, item)
		g.key = s.store.arena.Put(s.key)
	}
	g.refs++
	return id
}

// letGo gives up a share in a group.
func (s *base) letGo(id uint32) {
	g := s.groups.MutAt(id)
	if g.refs--; g.refs == 0 {
		s.store.arena.Free(g.key)
		s.groups.DeleteID(id)
	}
}

func (s *base) hashOf(group uint32) event.Hash {
	k := s.groups.KeyAt(group)
	return event.Hash{Hi: k.Hi, Lo: k.Lo}
}

// push adds a unit to those that wait to be folded.
func (s *base) push(row, item uint32, cells []int64) {
	s.units.row = append(s.units.row, row)
	s.units.item = append(s.units.item, item)
	s.units.cells = append(s.units.cells, cells)
}

// flush folds the units that wait. Cells must not be freed before.
func (s *base) flush() {
	if len(s.units.row) > 0 {
		s.store.fold(&s.units)
		s.units.row, s.units.item, s.units.cells = s.units.row[:0], s.units.item[:0], s.units.cells[:0]
		s.units.generation++
	}
}

// giveUp notes that a window was given up for want of room.
func (s *base) giveUp(t *pipeline.Turn, end int64) {
	if !s.hasShut || end > s.shut {
		s.shut, s.hasShut = end, true
	}
	t.Count.Evicted++
}

// isShut reports whether a window that ends there was given up for want of room.
func (s *base) isShut(end int64) bool { return s.hasShut && end <= s.shut }

// countLate counts late events once, whatever their items.
func countLate(t *pipeline.Turn, b *event.Batch, row, item uint32) {
	if item == noItem || item == b.Head[row].ItemFirst {
		t.Count.Late++
	}
}

// emission is a row to be written.
type emission struct {
	id         uint32
	start, end int64
	hash       event.Hash
}

func (a *emission) compare(b *emission) int {
	switch {
	case a.end != b.end:
		return sign(a.end < b.end)
	case a.start != b.start:
		return sign(a.start < b.start)
	case a.hash != b.hash:
		return sign(a.hash.Less(b.hash))
	}
	return 0
}

func sign(less bool) int {
	if less {
		return -1
	}
	return 1
}

// write writes one row.
func (s *base) write(t *pipeline.Turn, group uint32, start, end int64, cells []int64, revision uint32, isFinal, isDeleted bool) {
	out := t.Out(0)
	out.Begin()
	writeKey(s.store.arena.Get(s.groups.At(group).key), s.plan.keys, out)
	out.Time(start)
	out.Time(end)
	s.store.write(cells, out)
	out.Int(int64(revision))
	out.Flag(isFinal)
	out.Flag(isDeleted)
	out.End()
	if revision > 1 {
		t.Count.Revisions++
	}
}

// writesOpen reports whether changed windows that are open are written at the
// end of this step.
func (s *base) writesOpen(t *pipeline.Turn) bool {
	switch s.plan.emit {
	case OnChange:
		return true
	case Early:
		return t.Watermark != event.Absent && (t.Before == event.Absent ||
			floorDiv(t.Before, s.plan.early) != floorDiv(t.Watermark, s.plan.early))
	}
	return false
}

// Bytes is the memory of what both kinds of shard have.
func (s *base) bytes() int {
	return s.store.arena.Bytes() + s.groups.Bytes() + s.timers.Bytes() + s.expiry.Bytes()
}
