package sessions

import (
	"encoding/binary"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
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
	a.pings += b.pings
	a.pageViews += b.pageViews
	a.productViews += b.productViews
	a.late += b.late
	a.marks |= b.marks & (isShared | isCut | isCapped | isBot | hasCheckout)
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
	for _, p := range flat.Of[uint64](h.arena.Get(b.products)) {
		h.addProduct(a, p)
	}
	h.joinTrades(a, b)
	h.unlink(d, newerID, b)
	h.drop(b)
	h.release(newerID, b)
}

func (h *shard) joinTrades(a, b *session) {
	if b.trade == 0 {
		return
	}
	y := h.trades.Mut(b.trade)
	x := h.tradeOf(a)
	x.searches += y.searches
	x.adds += y.adds
	x.removes += y.removes
	h.other.Load(h.arena.Get(x.cart))
	h.cart.Load(h.arena.Get(y.cart))
	h.cart.Merge(&h.other)
	x.itemsMax, x.valueMax = max(x.itemsMax, y.itemsMax), max(x.valueMax, y.valueMax)
	h.storeCart(a, x)
	if x.currency == 0 {
		x.currency = y.currency
	}
	for _, o := range flat.Of[order](h.arena.Get(y.orders)) {
		h.putOrder(a, x, &o)
	}
}

// tradeOf is the session's trade, made if need be.
func (h *shard) tradeOf(s *session) *trade {
	if s.trade == 0 {
		s.trade = h.trades.Alloc()
	}
	return h.trades.Mut(s.trade)
}

// storeCart keeps the working cart and takes its figures.
func (h *shard) storeCart(s *session, tr *trade) {
	tr.value = h.cart.Value()
	tr.itemsMax, tr.valueMax = max(tr.itemsMax, h.cart.Units()), max(tr.valueMax, tr.value)
	if h.cart.IsCut {
		s.marks |= isCapped
	}
	h.scratch = h.cart.Append(h.scratch[:0])
	tr.cart = h.arena.Replace(tr.cart, h.scratch)
}

// open makes a session that begins with the event.
func (h *shard) open(t *pipeline.Turn, b *event.Batch, row int, deviceID, older, newer uint32) (uint32, *session) {
	id := h.sessions.Alloc()
	s := h.sessions.Mut(id)
	h.alive++
	at := b.Time(row)
	s.start, s.end, s.device, s.older = at, at, deviceID, older
	s.id = idOf(t.Hasher, at, b.Head[row].Device, b.Message[row])
	if newer == 0 {
		h.devices.MutAt(deviceID).newest = id
	} else {
		h.sessions.Mut(newer).older = id
	}
	kind := b.Head[row].DeviceKind
	h.key = append(append(h.key[:0], byte(kind)), cut(b.Text(kind.Column(), row), textMax)...)
	h.drafts = append(h.drafts[:0], draft{deviceKey, at, h.key})
	h.writeTexts(s)
	return id, s
}

// idOf is a UUIDv7: 48 bits of time, the rest from the hash of key and message.
func idOf(hasher *event.Hasher, start int64, device, message event.Hash) [16]byte {
	h := hasher.Mix(event.TagSession, device, message)
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(start)<<16|0x7000|h.Hi&0x0fff)
	binary.BigEndian.PutUint64(id[8:], 1<<63|h.Lo>>2)
	return id
}

// isNewVisitor reports whether the device was unseen for new_after before the session.
func (h *shard) isNewVisitor(s *session) bool {
	last := h.devices.At(s.device).lastEnd
	if s.older != 0 {
		last = max(last, h.sessions.At(s.older).end)
	}
	return last == event.Absent || s.start-last > h.cfg.NewAfter
}
