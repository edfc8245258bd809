package abandonment

import (
	"bytes"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
)

// order is an order of the instant being folded: its lines together, or the
// whole. Its texts are lent.
type order struct {
	profile  uint32
	key      uint64
	at, eff  int64
	amount   int64 // event.Absent: none known
	isWhole  bool
	currency []byte
	channel  []byte
	message  []byte
	products [][]byte
}

// gather takes an Order Completed; it acts once all its lines of the instant
// are there.
func (h *shard) gather(t *pipeline.Turn, r *event.Row, profileID uint32) {
	b, row := r.At()
	key := b.Message[row].Lo
	if id := b.Text(event.OrderID, row); len(id) > 0 {
		key = t.Hasher.Sum(event.TagOrder, id).Lo
	}
	product := b.Text(event.ProductID, row)
	isWhole := len(product) == 0
	for i := range h.orders {
		if o := &h.orders[i]; o.profile == profileID && o.key == key && o.at == r.Time() {
			if !isWhole {
				o.addLine(b.Num(event.Amount, row), product)
			}
			return
		}
	}
	if len(h.orders) > 0 {
		h.settleOrders(t, profileID)
	}
	from := len(h.messages)
	h.messages = event.AppendMessageID(h.messages, b, row, t.Origins)
	o := h.newOrder()
	*o = order{
		profile: profileID, key: key, at: r.Time(), eff: r.Eff, amount: b.Num(event.Amount, row), isWhole: isWhole,
		currency: b.Text(event.Currency, row), channel: b.Text(event.Channel, row), message: h.messages[from:],
		products: o.products[:0],
	}
	if !isWhole {
		o.products = append(o.products, product)
	}
	first := int(b.Head[row].ItemFirst)
	for i := first; i < first+int(b.Head[row].ItemCount); i++ {
		p := b.ItemText(event.ProductID, i)
		if len(p) == 0 {
			p = b.ItemText(event.SKU, i)
		}
		o.products = append(o.products, p)
	}
}

// newOrder gives the next entry, with the memory of one before it.
func (h *shard) newOrder() *order {
	if n := len(h.orders); n < cap(h.orders) {
		h.orders = h.orders[:n+1]
	} else {
		h.orders = append(h.orders, order{})
	}
	return &h.orders[len(h.orders)-1]
}

func (o *order) addLine(amount int64, product []byte) {
	o.products = append(o.products, product)
	if o.amount == event.Absent {
		o.amount = amount
	} else if amount != event.Absent {
		o.amount += amount
	}
}

// settleOrders lets the orders of a profile act, 0: of all.
func (h *shard) settleOrders(t *pipeline.Turn, profileID uint32) {
	kept := 0
	for i := range h.orders {
		if o := &h.orders[i]; profileID == 0 || o.profile == profileID {
			h.place(t, o)
			continue
		}
		h.orders[kept], h.orders[i] = h.orders[i], h.orders[kept]
		kept++
	}
	if h.orders = h.orders[:kept]; kept == 0 {
		h.messages = h.messages[:0]
	}
}

// place lets an order end, retract and recover episodes.
func (h *shard) place(t *pipeline.Turn, o *order) {
	p := h.profiles.MutAt(o.profile)
	if h.addLines(t, p, o) {
		return
	}
	ended, isRecovered := false, false
	for id := p.newest; id != 0; {
		e := h.episodes.Mut(id)
		older := e.older
		switch {
		case e.isForm() || !h.covers(e, o):
		case e.state == open && e.opened <= o.at:
			h.endOpen(id, e, o)
			ended = true
		case e.isAhead && e.opened <= o.at, e.isFired() && e.holds(o.at):
			h.closeByOrder(t, id, e, retracted, o)
			ended = true
		case !isRecovered && e.isFired() && e.due < o.at && o.at-e.due <= h.cfg.Recovery:
			h.closeByOrder(t, id, e, recovered, o)
			isRecovered, ended = true, true
		}
		id = older
	}
	if h.cfg.Policy == anyOrder || ended {
		p.lastEnd = max(p.lastEnd, o.at)
		if p.cartAt <= o.at {
			h.emptyCart(p)
		}
	}
}

// addLines takes a later line of an order that closed an episode already.
func (h *shard) addLines(t *pipeline.Turn, p *profile, o *order) bool {
	for id := p.newest; id != 0; id = h.episodes.At(id).older {
		e := h.episodes.Mut(id)
		if e.state != recovered && e.state != retracted {
			continue
		}
		p := paymentOf(h.text(e, payer))
		if p.order != o.key {
			continue
		}
		if e.state == recovered && !o.isWhole && !e.isWhole {
			p.revenue += h.amountFor(t, e, o)
			h.setPayment(e, p)
			h.change(id, e)
		}
		return true
	}
	return false
}

// endOpen cancels an open episode; activity of it after a late order goes on.
func (h *shard) endOpen(id uint32, e *episode, o *order) {
	goesOn := false
	for st := range formStage {
		if e.last[st] > o.at {
			e.stage, goesOn = st, true
		} else {
			e.last[st] = event.Absent
		}
	}
	if goesOn {
		h.replan(id, e, o.eff)
		return
	}
	h.closeBy(id, e, cancelled, o.at, o.channel, o.message)
}

func (h *shard) closeByOrder(t *pipeline.Turn, id uint32, e *episode, s state, o *order) {
	e.isWhole = o.isWhole
	h.closeBy(id, e, s, o.at, o.channel, o.message)
	p := payment{order: o.key}
	if s == recovered {
		p.revenue = h.amountFor(t, e, o)
	}
	h.setPayment(e, p)
}

// amountFor is the order's amount in the episode's currency.
func (h *shard) amountFor(t *pipeline.Turn, e *episode, o *order) int64 {
	if o.amount == event.Absent {
		return 0
	}
	if len(o.currency) > 0 {
		currency, goods := cart.CutUnit(h.text(e, left))
		if len(currency) == 0 {
			h.scratch = append(cart.AppendUnit(h.scratch[:0], cutText(o.currency)), goods...)
			h.putText(e, left, h.scratch)
		} else if !bytes.Equal(currency, cutText(o.currency)) {
			t.Count.Ignored++
			return 0
		}
	}
	return o.amount
}

// covers reports whether the policy lets the order close the episode.
func (h *shard) covers(e *episode, o *order) bool {
	if h.cfg.Policy == anyOrder {
		return true
	}
	_, goods := h.goodsOf(e, h.text(e, left))
	h.other.Load(goods)
	for i := range h.other.Lines {
		if l := &h.other.Lines[i]; l.Units > 0 && !contains(o.products, l.Product) {
			return false
		}
	}
	return true
}

func contains(products [][]byte, product []byte) bool {
	for _, p := range products {
		if bytes.Equal(p, product) {
			return true
		}
	}
	return false
}
