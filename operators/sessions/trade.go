package sessions

import (
	"bytes"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// trade is the part of a session that only shoppers need.
type trade struct {
	searches, adds, removes   uint32
	orderCount                uint32
	itemsMax, valueMax, value int64    // of the cart
	currencyAt                int64    // when the event was that has the currency
	goods                     flat.Ref // currency and cart, see cart.CutUnit
	orders                    flat.Ref // []order
}

// tradeOf is the session's trade, made if need be.
func (h *shard) tradeOf(s *session) *trade {
	if s.trade == 0 {
		s.trade = h.trades.Alloc()
	}
	return h.trades.Mut(s.trade)
}

// countTrade applies an event to the session's cart, currency and orders.
func (h *shard) countTrade(t *pipeline.Turn, s *session, b *event.Batch, row int) {
	tr := h.tradeOf(s)
	currency, goods := cart.CutUnit(h.arena.Get(tr.goods))
	text := cut(b.Text(event.Currency, row), textMax)
	if len(text) > 0 && !hasAmount(b, row) {
		text = nil
	}
	if at := b.Time(row); len(text) > 0 && (len(currency) == 0 || at < tr.currencyAt) {
		currency, tr.currencyAt = text, at
	}
	isForeign := len(text) > 0 && !bytes.Equal(text, currency)
	if isForeign {
		t.Count.Ignored++
	}
	if b.Name[row] == event.OrderCompleted {
		h.addOrder(t, s, tr, b, row, currencyKey(t, text))
	}
	h.cart.Load(goods)
	h.cart.Apply(b, row, isForeign)
	h.storeGoods(s, tr, currency)
}

// currencyKey is the hash that tells currencies of orders apart, 0: none.
func currencyKey(t *pipeline.Turn, text []byte) uint32 {
	if len(text) == 0 {
		return 0
	}
	return uint32(t.Hasher.Sum(event.TagText, text).Lo) | 1
}

// hasAmount reports whether an order or cart change tells an amount or a price.
func hasAmount(b *event.Batch, row int) bool {
	if b.Num(event.Price, row) != event.Absent {
		return true
	}
	if b.Name[row] == event.OrderCompleted {
		return b.Num(event.Amount, row) != event.Absent
	}
	first := int(b.Head[row].ItemFirst)
	for i := first; i < first+int(b.Head[row].ItemCount); i++ {
		if b.ItemNum(event.Price, i) != event.Absent {
			return true
		}
	}
	return false
}

// storeGoods keeps the currency and the working cart, and takes the cart's
// figures.
func (h *shard) storeGoods(s *session, tr *trade, currency []byte) {
	tr.value = h.cart.Value()
	tr.itemsMax, tr.valueMax = max(tr.itemsMax, h.cart.Units()), max(tr.valueMax, tr.value)
	if h.cart.IsCut {
		s.marks |= isCapped
	}
	h.scratch = h.cart.Append(cart.AppendUnit(h.scratch[:0], currency))
	tr.goods = h.arena.Replace(tr.goods, h.scratch)
}

// joinTrades gives the older session what the newer one traded.
func (h *shard) joinTrades(older, newer *session) {
	if newer.trade == 0 {
		return
	}
	y := h.trades.Mut(newer.trade)
	x := h.tradeOf(older)
	x.searches += y.searches
	x.adds += y.adds
	x.removes += y.removes
	currency, before := cart.CutUnit(h.arena.Get(x.goods))
	later, after := cart.CutUnit(h.arena.Get(y.goods))
	h.other.Load(before)
	h.cart.Load(after)
	h.cart.Merge(&h.other)
	x.itemsMax, x.valueMax = max(x.itemsMax, y.itemsMax), max(x.valueMax, y.valueMax)
	if len(currency) == 0 {
		currency, x.currencyAt = later, y.currencyAt
	}
	h.storeGoods(older, x, currency)
	for _, o := range flat.Of[order](h.arena.Get(y.orders)) {
		h.putOrder(older, x, &o)
	}
}
