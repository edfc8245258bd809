package abandonment

import (
	"bytes"
	"encoding/binary"
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
)

// viewedMax is the number of products looked at that an episode remembers.
const viewedMax = 16

// isKin reports whether the episode is of the family: carts, or the form.
func (h *shard) isKin(e *episode, isForm bool, form []byte) bool {
	return e.isForm() == isForm && (!isForm || bytes.Equal(h.text(e, formID), form))
}

// find gives the episode that an event at time t falls into: the current one
// if it was open by then, else the newest one that holds t; 0: none.
func (h *shard) find(p *profile, at int64, isForm bool, form []byte) uint32 {
	held := uint32(0)
	for id := p.newest; id != 0; {
		e := h.episodes.At(id)
		if e.opened <= at && h.isKin(e, isForm, form) {
			if e.isCurrent() {
				return id
			}
			if held == 0 && e.holds(at) {
				held = id
			}
		}
		id = e.older
	}
	return held
}

// following gives the first episode that opened after t; 0: none.
func (h *shard) following(p *profile, at int64, isForm bool, form []byte) uint32 {
	next := uint32(0)
	for id := p.newest; id != 0; {
		e := h.episodes.At(id)
		if e.opened > at && h.isKin(e, isForm, form) {
			next = id
		}
		id = e.older
	}
	return next
}

// shop takes activity of browse, cart or checkout.
func (h *shard) shop(t *pipeline.Turn, profileID uint32, r *event.Row, st stage) {
	p, at := h.profiles.MutAt(profileID), r.Time()
	b, row := r.At()
	id := h.find(p, at, false, nil)
	isEmptied := false
	if cart.IsChange(r.Name) {
		isEmptied = h.changeCart(t, p, b, row)
		if id != 0 && h.episodes.At(id).isFired() && h.changeLeft(id, b, row) {
			h.close(t, id, h.episodes.Mut(id), retracted, b, row)
		}
	}
	if isEmptied {
		p.lastEnd = max(p.lastEnd, at)
		if id != 0 {
			h.empty(t, id, b, row)
		}
		return
	}
	if h.cfg.After[st] == 0 {
		return
	}
	if id == 0 {
		isEnded := r.Late && p.lastEnd != event.Absent && at <= p.lastEnd
		if isEnded || r.Name == event.ProductRemoved && h.cart.Units() == 0 {
			return
		}
		id = h.begin(t, profileID, r, st, nil)
		// An add before the opening of a fired episode is in the cart that it
		// left. A view or a removal tells nothing of what was added since.
		if h.episodes.At(id).isFired() && isAdd(r.Name) {
			h.changeLeft(id, b, row)
		}
	}
	e := h.episodes.Mut(id)
	if e.state != open && e.state != fired {
		return
	}
	h.setText(e, cartID, b.Text(event.CartID, row))
	if st == browseStage {
		h.view(e, b, row)
	}
	h.extend(id, e, st, r)
}

func isAdd(n event.Name) bool {
	return n == event.ProductAdded || n == event.WishlistProductAddedToCart
}

// empty ends the episode whose cart was emptied.
func (h *shard) empty(t *pipeline.Turn, id uint32, b *event.Batch, row int) {
	e := h.episodes.Mut(id)
	if !e.isCurrent() || e.stage < cartStage && h.cfg.After[cartStage] == 0 {
		return
	}
	if e.isAhead {
		h.close(t, id, e, retracted, b, row)
	} else {
		h.close(t, id, e, emptied, b, row)
	}
}

// begin gives the episode that activity outside of any belongs to: the
// following one if it reaches it, else a new one.
func (h *shard) begin(t *pipeline.Turn, profileID uint32, r *event.Row, st stage, form []byte) uint32 {
	p, at, isForm := h.profiles.MutAt(profileID), r.Time(), st == formStage
	b, row := r.At()
	if id := h.following(p, at, isForm, form); id != 0 {
		if e := h.episodes.Mut(id); at+h.cfg.After[st] >= e.opened {
			if e.revision == 0 {
				e.opened, e.id = at, idOf(t.Hasher, isForm, b.Message[row])
				h.setOpening(t, e, b, row)
			}
			return id
		}
	}
	id := h.episodes.Alloc()
	e := h.episodes.Mut(id)
	*e = episode{id: idOf(t.Hasher, isForm, b.Message[row]), opened: at, stage: st, profile: profileID,
		visit: event.Absent, early: event.Absent, timer: math.MaxInt64}
	e.last = [formStage]int64{event.Absent, event.Absent, event.Absent}
	h.setOpening(t, e, b, row)
	h.setText(e, formID, form)
	h.link(t, p, id, e)
	return id
}

// extend notes activity of a stage and moves the due.
func (h *shard) extend(id uint32, e *episode, st stage, r *event.Row) {
	at, eff := r.Time(), r.Eff
	if r.Batch.Head[r.Index].Flags&event.IsBot != 0 {
		e.isBot = true
	}
	deepened := st > e.stage
	if st == formStage {
		e.last[0] = max(e.last[0], at)
	} else {
		e.last[st] = max(e.last[st], at)
		e.stage = max(e.stage, st)
	}
	if e.isFired() && deepened {
		h.change(id, e)
	}
	h.replan(id, e, eff)
}

// replan moves the due to where the activity puts it. One that has fired only
// moves on: past the present it becomes current again.
func (h *shard) replan(id uint32, e *episode, eff int64) {
	due := e.plan(h.cfg)
	if e.state == fired {
		if due <= e.due {
			return
		}
		e.due = due
		if !e.isAhead && due >= eff {
			e.isAhead = true
		} else if !e.isAhead {
			h.change(id, e)
		}
		h.arm(id, e)
		return
	}
	e.due = due
	h.arm(id, e)
	h.show(id, e, eff)
}

// postpone moves the due of the profile's current episodes behind a visit.
func (h *shard) postpone(p *profile, at, eff int64) {
	for id := p.newest; id != 0; {
		e := h.episodes.At(id)
		if e.opened <= at && (e.isCurrent() || e.state == fired && e.holds(at)) {
			x := h.episodes.Mut(id)
			x.visit = max(x.visit, at)
			h.replan(id, x, eff)
		}
		id = e.older
	}
}

// fill takes activity in a form.
func (h *shard) fill(t *pipeline.Turn, profileID uint32, r *event.Row) {
	if h.cfg.After[formStage] == 0 {
		return
	}
	b, row := r.At()
	p, form := h.profiles.MutAt(profileID), cutText(b.Text(event.FormID, row))
	id := h.find(p, r.Time(), true, form)
	if id == 0 {
		if r.Late && p.lastSubmit != event.Absent && r.Time() <= p.lastSubmit {
			return
		}
		id = h.begin(t, profileID, r, formStage, form)
	}
	e := h.episodes.Mut(id)
	if e.state != open && e.state != fired {
		return
	}
	if field := b.Text(event.Field, row); len(field) > 0 && r.Time() >= e.last[0] {
		if e.isFired() && !bytes.Equal(h.text(e, lastField), field) {
			h.change(id, e)
		}
		h.setText(e, lastField, field)
	}
	h.extend(id, e, formStage, r)
}

// submit ends the open episode of a form, or recovers the last fired one.
func (h *shard) submit(t *pipeline.Turn, profileID uint32, r *event.Row) {
	b, row := r.At()
	p, at, form := h.profiles.MutAt(profileID), r.Time(), cutText(b.Text(event.FormID, row))
	p.lastSubmit = max(p.lastSubmit, at)
	if id := h.find(p, at, true, form); id != 0 {
		switch e := h.episodes.Mut(id); {
		case e.state == open:
			h.close(t, id, e, cancelled, b, row)
		case e.isAhead || e.isFired():
			h.close(t, id, e, retracted, b, row)
		}
		return
	}
	for id := p.newest; id != 0; id = h.episodes.At(id).older {
		e := h.episodes.At(id)
		if h.isKin(e, true, form) && e.isFired() && e.due < at && at-e.due <= h.cfg.Recovery {
			h.close(t, id, h.episodes.Mut(id), recovered, b, row)
			return
		}
	}
}

// close ends an episode by an event.
func (h *shard) close(t *pipeline.Turn, id uint32, e *episode, s state, b *event.Batch, row int) {
	h.message = event.AppendMessageID(h.message[:0], b, row, t.Origins)
	h.closeBy(id, e, s, b.Time(row), b.Text(event.Channel, row), h.message)
}

// closeBy ends an episode.
func (h *shard) closeBy(id uint32, e *episode, s state, at int64, channel, message []byte) {
	if e.isCurrent() {
		h.keepCart(e)
	}
	e.state, e.closedAt, e.isAhead = s, at, false
	e.isNews = s == recovered || s == retracted
	h.setText(e, closedBy, channel)
	h.setText(e, closing, message)
	if h.cfg.Early == 0 && (s == cancelled || s == emptied) {
		h.forget(id, e)
		return
	}
	h.change(id, e)
	h.arm(id, e)
}

// view remembers the products that the event names.
func (h *shard) view(e *episode, b *event.Batch, row int) {
	if b.Name[row] == event.ProductListViewed {
		return
	}
	product := b.Text(event.ProductID, row)
	if len(product) == 0 {
		if product = b.Text(event.SKU, row); len(product) == 0 {
			return
		}
	}
	product = cutText(product)
	blob, n := h.arena.Get(e.viewed), 0
	for rest := blob; len(rest) > 0; n++ {
		var p []byte
		p, rest = nextName(rest)
		if bytes.Equal(p, product) {
			return
		}
	}
	if n == viewedMax {
		_, blob = nextName(blob)
	}
	h.scratch = append(h.scratch[:0], blob...)
	h.scratch = binary.AppendUvarint(h.scratch, uint64(len(product)))
	h.scratch = append(h.scratch, product...)
	e.viewed = h.arena.Replace(e.viewed, h.scratch)
}

// nextName cuts the first product off a list.
func nextName(blob []byte) (name, rest []byte) {
	n, k := binary.Uvarint(blob)
	end := k + int(n)
	return blob[k:end], blob[end:]
}
