package abandonment

import (
	"unicode/utf8"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/money"
)

// look gives the episode's texts and its currency, loads what its cart holds into
// the other working cart and lists the products: those in the cart, else those
// looked at.
func (h *shard) look(e *episode) (texts [numTexts][]byte, currency []byte) {
	texts = h.texts(e)
	currency, goods := h.goodsOf(e, texts[left])
	h.other.Load(goods)
	h.names = h.names[:0]
	for i := range h.other.Lines {
		if l := &h.other.Lines[i]; l.Units > 0 {
			h.names = append(h.names, l.Product)
		}
	}
	if len(h.names) > 0 {
		return texts, currency
	}
	for rest := h.arena.Get(e.viewed); len(rest) > 0; {
		var p []byte
		p, rest = nextName(rest)
		h.names = append(h.names, p)
	}
	return texts, currency
}

func (h *shard) profileKey(e *episode) event.Hash { return event.Hash(h.profiles.KeyAt(e.profile)) }

// emit writes the episode's row, or its tombstone.
func (h *shard) emit(t *pipeline.Turn, e *episode, deleted bool) {
	e.revision++
	if e.revision > 1 {
		t.Count.Revisions++
	}
	texts, currency := h.look(e)
	firedAt, closedAt := int64(event.Absent), int64(event.Absent)
	if e.state == fired || e.state >= recovered {
		firedAt = e.due
	}
	if e.state > fired {
		closedAt = e.closedAt
	}
	var hex [32]byte
	out := t.Out(0)
	out.Begin()
	out.Text(e.id.AppendHex(hex[:0]))
	out.Text(h.profileKey(e).AppendHex(hex[:0]))
	out.String(e.stage.String())
	out.Text(texts[cartID])
	out.Text(texts[formID])
	out.Text(texts[lastField])
	out.Time(e.opened)
	out.Time(e.due)
	out.Time(firedAt)
	out.Time(closedAt)
	out.String(e.state.String())
	out.Text(texts[closedBy])
	out.Money(h.other.Units())
	out.Texts(len(h.names), func(i int) []byte { return h.names[i] })
	out.Money(h.other.Value())
	out.Money(paymentOf(texts[payer]).revenue)
	out.Text(currency)
	out.Int(int64(e.revision))
	out.Flag(deleted)
	out.End()
}

// announce sends the trigger that a closing calls for.
func (h *shard) announce(t *pipeline.Turn, e *episode) {
	if !e.isNews {
		return
	}
	e.isNews = false
	if e.state == recovered {
		h.trigger(t, e, "abandonment.recovered")
	} else {
		h.trigger(t, e, "abandonment.retracted")
	}
}

// trigger sends what happened to the episode, unless a bot took part.
func (h *shard) trigger(t *pipeline.Turn, e *episode, kind string) {
	if e.isBot {
		return
	}
	var subject, entity [32]byte
	who := h.profileKey(e)
	g := pipeline.Trigger{
		Kind: kind, Purpose: "marketing", Subject: who.AppendHex(subject[:0]), Profile: who,
		Entity: e.id.AppendHex(entity[:0]), Payload: h.payload(e),
	}
	if e.state == fired {
		g.Occurred, g.Due, g.Causation = e.activity(), e.due, h.text(e, opening)
		g.Reason = h.op.reasons[e.stage]
	} else {
		g.Occurred, g.Due, g.Causation = e.closedAt, e.closedAt, h.text(e, closing)
		g.Reason = "closed by " + orUnknown(h.text(e, closedBy))
	}
	g.Decided = g.Due
	g.Expires = g.Due + h.cfg.ExpiresAfter
	t.Trigger(&g)
}

func orUnknown(channel []byte) string {
	if len(channel) == 0 {
		return "an event without channel"
	}
	return "channel " + string(channel)
}

// payload is the trigger's JSON: what a message to the person needs.
func (h *shard) payload(e *episode) []byte {
	texts, _ := h.look(e)
	j := append(h.json[:0], `{"stage":`...)
	j = appendJSON(j, []byte(e.stage.String()))
	if e.isForm() {
		j = append(j, `,"form_id":`...)
		j = appendJSON(j, texts[formID])
		j = append(j, `,"last_field":`...)
		j = appendJSON(j, texts[lastField])
	} else {
		j = append(j, `,"items":`...)
		j = money.Append(j, h.other.Units())
		j = append(j, `,"value":`...)
		j = money.Append(j, h.other.Value())
		j = append(j, `,"currency":`...)
		currency, _ := cart.CutUnit(texts[left])
		j = appendJSON(j, currency)
		j = append(j, `,"products":[`...)
		for i, p := range h.names {
			if i > 0 {
				j = append(j, ',')
			}
			j = appendJSON(j, p)
		}
		j = append(j, `],"cart_id":`...)
		j = appendJSON(j, texts[cartID])
	}
	if e.state == recovered {
		j = append(j, `,"recovered_revenue":`...)
		j = money.Append(j, paymentOf(texts[payer]).revenue)
	}
	if e.state > fired {
		j = append(j, `,"closed_by_channel":`...)
		j = appendJSON(j, texts[closedBy])
	}
	h.json = append(j, '}')
	return h.json
}

// appendJSON writes a JSON string.
func appendJSON(dst, s []byte) []byte {
	dst = append(dst, '"')
	for len(s) > 0 {
		r, n := utf8.DecodeRune(s)
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			const hex = "0123456789abcdef"
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
		s = s[n:]
	}
	return append(dst, '"')
}

// refs are all blobs that the episode owns.
func (e *episode) refs() [2]*flat.Ref { return [...]*flat.Ref{&e.texts, &e.viewed} }
