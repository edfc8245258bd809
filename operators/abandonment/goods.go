package abandonment

import (
	"bytes"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
)

// changeCart applies the event to the profile's cart and reports whether that
// emptied it.
func (h *shard) changeCart(t *pipeline.Turn, p *profile, b *event.Batch, row int) bool {
	currency, goods := cart.CutUnit(h.arena.Get(p.goods))
	currency, isForeign := judgeCurrency(t, currency, b, row)
	h.cart.Load(goods)
	before := h.cart.Units()
	h.cart.Apply(b, row, isForeign)
	isEmptied := before > 0 && h.cart.Units() == 0
	if isEmptied {
		currency = nil
	}
	p.goods = h.arena.Replace(p.goods, h.goods(currency))
	p.cartAt = max(p.cartAt, b.Time(row))
	return isEmptied
}

// goods is the blob of the working cart with a currency, good until the next.
func (h *shard) goods(currency []byte) []byte {
	h.scratch = h.cart.Append(cart.AppendUnit(h.scratch[:0], currency))
	return h.scratch
}

// judgeCurrency gives the currency of a cart behind the event, which the first
// priced change decides, and whether the event's prices are in another one.
func judgeCurrency(t *pipeline.Turn, currency []byte, b *event.Batch, row int) (unit []byte, isForeign bool) {
	seen := cutText(b.Text(event.Currency, row))
	if len(seen) == 0 || !hasPrice(b, row) {
		return currency, false
	}
	if len(currency) == 0 {
		return seen, false
	}
	if bytes.Equal(currency, seen) {
		return currency, false
	}
	t.Count.Ignored++
	return currency, true
}

func hasPrice(b *event.Batch, row int) bool {
	if b.Num(event.Price, row) != event.Absent {
		return true
	}
	first := int(b.Head[row].ItemFirst)
	for i := first; i < first+int(b.Head[row].ItemCount); i++ {
		if b.ItemNum(event.Price, i) != event.Absent {
			return true
		}
	}
	return false
}

// changeLeft applies a late event to the cart that a fired episode left behind
// and reports whether that emptied it.
func (h *shard) changeLeft(id uint32, b *event.Batch, row int) bool {
	e := h.episodes.Mut(id)
	currency, goods := cart.CutUnit(h.text(e, left))
	seen := b.Text(event.Currency, row)
	isForeign := len(seen) > 0 && len(currency) > 0 && !bytes.Equal(currency, seen)
	h.cart.Load(goods)
	before := h.cart.Units()
	h.cart.Apply(b, row, isForeign)
	h.putText(e, left, h.goods(currency))
	h.change(id, e)
	return before > 0 && h.cart.Units() == 0
}

// keepCart copies the profile's cart into the episode, which leaves it behind.
// Where the profile's has no currency the episode keeps what it knew.
func (h *shard) keepCart(e *episode) {
	if e.isForm() {
		return
	}
	was := h.text(e, left)
	currency, goods := cart.CutUnit(h.arena.Get(h.profiles.At(e.profile).goods))
	if len(currency) == 0 {
		currency, _ = cart.CutUnit(was)
	}
	if len(was)+len(currency)+len(goods) > 0 {
		h.scratch = append(cart.AppendUnit(h.scratch[:0], currency), goods...)
		h.putText(e, left, h.scratch)
	}
}

// emptyCart takes all units out of the profile's cart.
func (h *shard) emptyCart(p *profile) {
	_, goods := cart.CutUnit(h.arena.Get(p.goods))
	h.cart.Load(goods)
	h.cart.Empty()
	p.goods = h.arena.Replace(p.goods, h.goods(nil))
}

// goodsOf gives the currency and the cart that the episode is about; left is
// its text of that name.
func (h *shard) goodsOf(e *episode, left []byte) (currency, goods []byte) {
	if e.isCurrent() && !e.isForm() {
		left = h.arena.Get(h.profiles.At(e.profile).goods)
	}
	return cart.CutUnit(left)
}
