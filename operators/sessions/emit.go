package sessions

import (
	"touchstream/pipeline"
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
	tr, revenue := trade{}, int64(0)
	if s.trade != 0 {
		tr = *h.trades.At(s.trade)
		revenue = h.revenue(&tr)
	}
	texts := h.arena.Get(s.texts)
	text := func(f field) []byte {
		_, v := findText(texts, f)
		return v
	}
	key := text(deviceKey)
	h.key = append(append(append(h.key[:0], event.Ident(key[0]).String()...), ':'), key[1:]...)
	out := t.Out(0)
	out.Begin()
	out.UUID(s.id)
	out.Text(s.profile.AppendHex(h.scratch[:0]))
	out.Text(h.key)
	out.Text(text(channel))
	out.Time(s.start)
	out.Time(s.end)
	out.Int(s.engaged)
	out.Int(int64(s.events))
	out.Int(int64(s.pageViews))
	out.Int(int64(s.productViews))
	out.Int(int64(s.products.Len() / 8))
	out.Int(int64(tr.searches))
	out.Int(int64(tr.adds))
	out.Int(int64(tr.removes))
	out.Money(tr.itemsMax)
	out.Money(tr.valueMax)
	out.Money(tr.value)
	out.Flag(s.is(hasCheckout))
	out.Int(int64(tr.orderCount))
	out.Money(revenue)
	out.Text(text(currency))
	out.Text(text(entryPage))
	out.Text(h.exitPage(s))
	for _, f := range [...]field{referrer, campaign, deviceType, country, city, store} {
		out.Text(text(f))
	}
	out.Flag(s.events-s.pings == 1)
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
