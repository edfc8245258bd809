package ropo

import (
	"math/bits"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// writeOrder writes the rows of all lines of an order that changed.
func (s *shard) writeOrder(id, o uint32) {
	for l := s.orders.At(o).lines; l != 0; l = s.lines.At(l).next {
		s.write(id, o, l)
	}
}

// net is what is left of a line after refunds.
func (s *shard) net(o *order, l *line) (quantity, revenue int64, refunded bool) {
	quantity, revenue = l.quantity+l.wholeQuantity, l.revenue+l.wholeRevenue
	if o.refunded || l.refunded {
		return 0, 0, true
	}
	quantity -= l.refundedQuantity
	revenue -= l.refundedRevenue + s.share(o, l)
	refunded = l.refundedQuantity > 0 && quantity <= 0 || (l.refundedRevenue > 0 || o.refund > 0) && revenue <= 0
	if refunded {
		return 0, 0, true
	}
	return quantity, revenue, false
}

// share is the line's part of refunds that named no product, by revenue; the
// last line takes the remainder.
func (s *shard) share(o *order, l *line) int64 {
	if o.refund == 0 {
		return 0
	}
	total, before, last := int64(0), int64(0), uint32(0)
	for x := o.lines; x != 0; x = s.lines.At(x).next {
		total += s.lines.At(x).revenue + s.lines.At(x).wholeRevenue
		last = x
	}
	if total <= 0 || o.refund >= total {
		return l.revenue + l.wholeRevenue
	}
	part := func(v int64) int64 { return proportion(o.refund, v, total) }
	for x := o.lines; x != last; x = s.lines.At(x).next {
		before += part(s.lines.At(x).revenue + s.lines.At(x).wholeRevenue)
	}
	if s.lines.At(last).product == l.product {
		return o.refund - before
	}
	return part(l.revenue + l.wholeRevenue)
}

// proportion is amount × part ÷ whole, rounded down, for part ≤ whole; nothing
// of what is not positive.
func proportion(amount, part, whole int64) int64 {
	if amount <= 0 || part <= 0 || whole <= 0 {
		return 0
	}
	hi, lo := bits.Mul64(uint64(amount), uint64(min(part, whole)))
	q, _ := bits.Div64(hi, lo, uint64(whole))
	return int64(q)
}

// write writes the line's row unless it says what the newest one said.
func (s *shard) write(id, o, l uint32) {
	e, m := s.orders.At(o), s.lines.Mut(l)
	if !e.known || m.revision == 0 && m.quantity|m.revenue|m.wholeQuantity|m.wholeRevenue == 0 && (m.refundedQuantity != 0 || m.refunded) {
		return
	}
	owner := event.Hash{}
	if !s.profiles.At(id).nobody {
		key := s.profiles.KeyAt(id)
		owner = event.Hash{Hi: key.Hi, Lo: key.Lo}
	}
	out := s.turn.Out(0)
	from := out.N
	s.put(out, owner, e, m)
	if digest := s.digest(out, from); m.revision > 0 && digest == m.digest {
		out.Truncate(from)
		return
	} else if m.digest = digest; m.revision > 0 {
		s.turn.Count.Revisions++
	}
	m.revision++
	out.Cols[Table.Column("revision")].I64[from] = int64(m.revision)
}

// digest sums up a row but for its revision, which is still 0.
func (s *shard) digest(out *schema.Rows, row int) uint64 {
	b := s.scratch[:0]
	for i := range out.Cols {
		c := &out.Cols[i]
		if len(c.Str) > row {
			b = append(append(b, out.Bytes(c.Str[row])...), 0)
		}
		if len(c.I64) > row {
			v := c.I64[row]
			b = append(b, byte(v), byte(v>>8), byte(v>>16), byte(v>>24), byte(v>>32), byte(v>>40), byte(v>>48), byte(v>>56))
		}
	}
	s.scratch = b
	return s.turn.Hasher.Sum(event.TagFact, b).Lo
}

func (s *shard) put(out *schema.Rows, profile event.Hash, o *order, l *line) {
	var hex [32]byte
	v, name := &level{}, ""
	if best := l.best(); best >= 0 {
		v, name = &l.levels[best], levelNames[best]
	}
	direction := s.direction(profile, o, name != "")
	if direction == "unknown" {
		v, name = &level{}, ""
	}
	texts, names := s.arena.Get(o.texts), s.arena.Get(l.texts)
	first, last := s.arena.Get(v.firstTexts), s.arena.Get(v.lastTexts)
	quantity, revenue, refunded := s.net(o, l)
	out.Begin()
	out.Text(unpack(texts, orderID))
	out.Text(unpack(names, lineProduct))
	out.Text(profile.AppendHex(hex[:0]))
	out.String(direction)
	out.Text(unpack(texts, orderChannel))
	out.String(name)
	out.Text(unpack(names, lineCategory))
	out.Text(unpack(texts, orderStore))
	out.Time(o.at)
	out.Text(unpack(last, touchChannel))
	out.Text(unpack(last, touchDevice))
	out.Text(unpack(first, touchCampaign))
	out.Text(unpack(last, touchCampaign))
	firstAt, lastAt, lag := int64(event.Absent), int64(event.Absent), int64(event.Absent)
	if v.touches > 0 {
		firstAt, lastAt, lag = v.first, v.last, o.at-v.last
	}
	out.Time(firstAt)
	out.Time(lastAt)
	out.Int(int64(v.touches))
	out.Int(int64(len(flat.Of[int32](s.arena.Get(v.days)))))
	out.Int(lag)
	for _, f := range []uint8{lagInStore, lagOnTheWay, lag1d, lag2dPlus, lag7dPlus} {
		out.Flag(v.lags&f != 0)
	}
	out.Money(quantity)
	out.Money(revenue)
	out.Text(unpack(texts, orderCurrency))
	out.Flag(refunded)
	out.Flag(o.capped)
	out.Int(0)
	out.Flag(false)
	out.End()
}
