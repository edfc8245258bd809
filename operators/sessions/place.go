package sessions

import (
	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// isNear reports whether events this far apart belong together.
func (h *shard) isNear(apart int64) bool {
	return apart < h.cfg.Gap || apart == h.cfg.Gap && h.cfg.GapInclusive
}

// place finds the session that an event at time t belongs to, joining two when
// it bridges them; 0: a new one between older and newer (0: none). Sessions
// that are cut apart here are marked.
func (h *shard) place(t *pipeline.Turn, d *device, at, eff int64) (id, older, newer uint32, isCutOff bool) {
	older = d.newest
	for older != 0 {
		s := h.sessions.At(older)
		if s.start <= at {
			break
		}
		newer, older = older, s.older
	}
	var left, right *session
	if older != 0 {
		if s := h.sessions.Mut(older); h.isNear(at - s.end) {
			left = s
		}
	}
	if newer != 0 {
		if s := h.sessions.Mut(newer); h.isNear(s.start - at) {
			right = s
		}
	}
	if left != nil && at <= left.end {
		return older, older, newer, false
	}
	if left != nil && right != nil && right.end-left.start < h.cfg.MaxDuration {
		h.join(t, d, older, newer)
		return older, older, h.after(d, older), false
	}
	toLeft := left != nil && at-left.start < h.cfg.MaxDuration
	toRight := right != nil && right.end-at < h.cfg.MaxDuration
	if left != nil && (right != nil || !toLeft) {
		h.cutOff(older, left, eff)
	}
	if right != nil && (left != nil || !toRight) {
		h.cutOff(newer, right, eff)
	}
	switch {
	case toLeft:
		return older, older, newer, false
	case toRight:
		return newer, older, newer, false
	}
	return 0, older, newer, left != nil || right != nil
}

// cutOff marks a session that max_duration parted from its neighbour.
func (h *shard) cutOff(id uint32, s *session, eff int64) {
	if !s.is(isCut) {
		s.marks |= isCut
		h.touch(id, s, eff)
	}
}

// after is the device's session that follows the given one.
func (h *shard) after(d *device, id uint32) uint32 {
	next := uint32(0)
	for at := d.newest; at != 0 && at != id; at = h.sessions.At(at).older {
		next = at
	}
	return next
}

// join merges the newer of two neighbours into the older one.
func (h *shard) join(t *pipeline.Turn, d *device, olderID, newerID uint32) {
	a, b := h.sessions.Mut(olderID), h.sessions.Mut(newerID)
	if b.revision > 0 {
		h.emit(t, b, true)
	}
	a.engaged += b.engaged + min(h.cfg.EngagedGap, b.start-a.end)
	a.end = b.end
	a.events += b.events
	a.pageViews += b.pageViews
	a.productViews += b.productViews
	a.late += b.late
	if b.is(hasActed) {
		a.act()
	}
	a.marks |= b.marks & (isShared | isCut | isCapped | isBot | hasCheckout | hasActedMore)
	a.setUser(b.user)
	a.setProfile(b.profile, b.profileAt, b.is(isIdentified))
	if b.minute == a.minute && a.minuteEvents > 0 {
		b.minuteEvents += a.minuteEvents
	}
	a.minute, a.minuteEvents = b.minute, b.minuteEvents
	if int64(a.minuteEvents) > h.env.EventsPerMinuteMax {
		a.marks |= isBot
	}
	h.mergeTexts(a, b)
	h.mergeRecent(a, b)
	h.joinTrades(a, b)
	h.unlink(d, newerID, b)
	h.drop(b)
	h.release(newerID, b)
}

// open makes a session that begins with the event.
func (h *shard) open(t *pipeline.Turn, b *event.Batch, row int, deviceID, older, newer uint32) (uint32, *session) {
	id := h.sessions.Alloc()
	s := h.sessions.Mut(id)
	h.alive++
	at := b.Time(row)
	s.start, s.end, s.device, s.older = at, at, deviceID, older
	s.name(t.Hasher, b.Head[row].Device, b.Message[row])
	if newer == 0 {
		h.devices.MutAt(deviceID).newest = id
	} else {
		h.sessions.Mut(newer).older = id
	}
	return id, s
}

// isNewVisitor reports whether the device was unseen for new_after before the session.
func (h *shard) isNewVisitor(s *session) bool {
	last := h.devices.At(s.device).lastEnd
	if s.older != 0 {
		last = max(last, h.sessions.At(s.older).end)
	}
	return last == event.Absent || s.start-last > h.cfg.NewAfter
}
