package abandonment

import (
	"bytes"
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// Merge moves what is held of the profile old to the profile current: fired
// episodes stay, of two open ones the earlier opening's goes on.
func (h *shard) Merge(t *pipeline.Turn, from pipeline.Shard, old, current event.Hash) {
	src := from.(*shard)
	oldID := src.profiles.ID(flat.Key(old))
	if oldID == 0 || old == current && src == h {
		return
	}
	q := src.profiles.MutAt(oldID)
	id := h.profileOf(t, current, q.lastSeen, 0)
	p := h.profiles.MutAt(id)
	h.joinCarts(src, p, q)
	p.lastSeen = max(p.lastSeen, q.lastSeen)
	p.lastEnd, p.lastSubmit = max(p.lastEnd, q.lastEnd), max(p.lastSubmit, q.lastSubmit)
	for q.newest != 0 {
		h.adopt(t, src, q.newest, id)
	}
	// The timer of the old profile forgets its empty entry.
	q.lastSeen, q.lastEnd, q.lastSubmit, q.cartAt = event.Absent, event.Absent, event.Absent, event.Absent
	h.joinCurrent(t, p)
}

// joinCarts keeps the larger quantity of each product.
func (h *shard) joinCarts(src *shard, p, q *profile) {
	currency, newer := cart.CutUnit(h.arena.Get(p.goods))
	second, older := cart.CutUnit(src.arena.Get(q.goods))
	if q.cartAt > p.cartAt {
		newer, older = older, newer
	}
	h.cart.Load(newer)
	h.other.Load(older)
	h.cart.Merge(&h.other)
	if len(currency) == 0 {
		currency = second
	}
	p.goods = h.arena.Replace(p.goods, h.goods(currency))
	p.cartAt = max(p.cartAt, q.cartAt)
	src.arena.Free(q.goods)
	q.goods = 0
}

// adopt moves one episode to a profile of this shard.
func (h *shard) adopt(t *pipeline.Turn, src *shard, from, profileID uint32) {
	x := src.episodes.Mut(from)
	moved := *x
	for _, r := range moved.refs() {
		*r = h.arena.Put(src.arena.Get(*r))
	}
	src.forget(from, x)
	id := h.episodes.Alloc()
	e := h.episodes.Mut(id)
	*e = moved
	e.profile, e.older = profileID, 0
	e.timer, e.early, e.isDirty = math.MaxInt64, event.Absent, false
	h.link(t, h.profiles.MutAt(profileID), id, e)
	h.arm(id, e)
	h.show(id, e, t.Before)
}

// joinCurrent lets the episode that opened first take in every other current
// one of its family.
func (h *shard) joinCurrent(t *pipeline.Turn, p *profile) {
	for id := p.newest; id != 0; {
		e := h.episodes.Mut(id)
		older := e.older
		if first := h.firstKin(older, e); first != 0 {
			h.absorb(t, first, id)
		}
		id = older
	}
}

// firstKin finds, from an episode on, the earliest current one of e's family.
func (h *shard) firstKin(from uint32, e *episode) uint32 {
	if !e.isCurrent() {
		return 0
	}
	found := uint32(0)
	for id := from; id != 0; id = h.episodes.At(id).older {
		if x := h.episodes.At(id); x.isCurrent() && h.isKin(x, e.isForm(), h.text(e, formID)) {
			found = id
		}
	}
	return found
}

// absorb joins the second of two current episodes with the first.
func (h *shard) absorb(t *pipeline.Turn, firstID, secondID uint32) {
	a, b := h.episodes.Mut(firstID), h.episodes.Mut(secondID)
	if b.state == fired {
		// It fired before: it stays, as it was left.
		h.keepCart(b)
		b.isAhead = false
		h.change(secondID, b)
		h.arm(secondID, b)
		return
	}
	if b.revision > 0 {
		h.emit(t, b, true)
	}
	for i := range a.last {
		a.last[i] = max(a.last[i], b.last[i])
	}
	a.stage, a.visit, a.isBot = max(a.stage, b.stage), max(a.visit, b.visit), a.isBot || b.isBot
	if b.activity() >= a.activity() {
		h.setText(a, lastField, h.text(b, lastField))
	}
	if len(h.text(a, cartID)) == 0 {
		h.setText(a, cartID, h.text(b, cartID))
	}
	h.joinViews(a, b)
	h.forget(secondID, b)
	h.replan(firstID, a, t.Before)
}

// joinViews adds the products that only b looked at, as far as there is room.
func (h *shard) joinViews(a, b *episode) {
	h.scratch = append(h.scratch[:0], h.arena.Get(a.viewed)...)
	n := 0
	for rest := h.scratch; len(rest) > 0; n++ {
		_, rest = nextName(rest)
	}
	for rest := h.arena.Get(b.viewed); len(rest) > 0 && n < viewedMax; {
		whole := rest
		var name []byte
		name, rest = nextName(rest)
		if !h.hasView(a, name) {
			h.scratch = append(h.scratch, whole[:len(whole)-len(rest)]...)
			n++
		}
	}
	a.viewed = h.arena.Replace(a.viewed, h.scratch)
}

func (h *shard) hasView(e *episode, product []byte) bool {
	for rest := h.arena.Get(e.viewed); len(rest) > 0; {
		var p []byte
		if p, rest = nextName(rest); bytes.Equal(p, product) {
			return true
		}
	}
	return false
}
