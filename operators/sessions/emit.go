package sessions

import (
	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
)

// emit writes the session's row, or its tombstone.
func (h *shard) emit(t *pipeline.Turn, s *session, deleted bool) {
	s.revision++
	if s.revision > 1 {
		t.Count.Revisions++
	}
	isNew := h.isNewVisitor(s)
	s.marks &^= isDirty | wasNew
	if isNew {
		s.marks |= wasNew
	}
	tr := trade{}
	if s.trade != 0 {
		tr = *h.trades.At(s.trade)
	}
	currency, _ := cart.CutUnit(h.arena.Get(tr.goods))
	exit, _ := h.exit(s)
	text := allTexts(h.arena.Get(s.texts))
	key := text[deviceKey]
	h.key = append(append(append(h.key[:0], event.Ident(key[0]).String()...), ':'), key[1:]...)
	out := t.Out(0)
	out.Begin()
	out.UUID(s.id())
	out.Text(s.profile.AppendHex(h.scratch[:0]))
	out.Text(h.key)
	out.Text(text[channel])
	out.Time(s.start)
	out.Time(s.end)
	out.Int(s.engaged)
	out.Int(int64(s.events))
	out.Int(int64(s.pageViews))
	out.Int(int64(s.productViews))
	out.Int(int64(s.products))
	out.Int(int64(tr.searches))
	out.Int(int64(tr.adds))
	out.Int(int64(tr.removes))
	out.Money(tr.itemsMax)
	out.Money(tr.valueMax)
	out.Money(tr.value)
	out.Flag(s.is(hasCheckout))
	out.Int(int64(tr.orderCount))
	out.Money(h.revenue(t, &tr, currency))
	out.Text(currency)
	out.Text(text[entryPage])
	out.Text(exit)
	for _, f := range [...]field{referrer, campaign, deviceType, country, city, store} {
		out.Text(text[f])
	}
	out.Flag(s.marks&(hasActed|hasActedMore) == hasActed)
	out.Flag(isNew)
	out.Flag(s.is(isShared))
	out.Flag(s.is(isCut))
	out.Flag(s.is(isCapped))
	out.Flag(s.is(isBot))
	out.Int(int64(s.late))
	out.Int(int64(s.revision))
	out.Flag(deleted)
	out.End()
}
