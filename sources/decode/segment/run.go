package segment

import (
	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// run adds the event of a message whose shape g matched; false if that is not
// plain, then nothing was added. hasLentTime: a batch stands in with a time of
// its own if the message has none.
func (d *decoder) run(g *decode.Gatherer, record uint32, element int32, s *decode.Shape, hasLentTime bool) bool {
	b, values := d.Batch, g.Spans(s)
	if g.IsDirty() {
		var ok bool
		if values, ok = d.clean(g, s, values); !ok {
			return false
		}
	}
	all, _ := s.Memo.(*programs)
	if all == nil {
		all = &programs{kind: d.newCompiler(g, s).first(d.plan.kind)}
		s.Memo = all
	}
	kind := track
	if all.kind >= 0 {
		var ok bool
		if kind, ok = callOf(b.Bytes(values[all.kind].Str())); !ok {
			return false
		}
	}
	q := all.of[kind]
	if q == nil {
		q = d.newCompiler(g, s).compile(kind)
		all.of[kind] = q
	}
	if !q.rows || hasLentTime && !q.hasOwnTime {
		return false
	}
	row := b.Add()
	if !d.setNumbers(q, g, s, values, row) || s.Items > 0 && !d.addGoods(q, g, s, row) {
		b.Undo(row)
		return false
	}
	b.Record[row], b.Element[row] = record, element
	if q.event >= 0 {
		b.Str[event.Event][row] = values[q.event].Str()
	} else {
		b.Str[event.Event][row] = d.kinds[kind]
	}
	for _, t := range q.texts {
		b.Str[t.column][row] = values[t.value].Str()
	}
	d.runSpecial(q, values, row)
	for i := range q.attrs {
		d.addAttr(&q.attrs[i], s, g.Spans(s), values, row)
	}
	return true
}

// clean gives the values with the dirty ones written out; false if one is of
// blanks, which would make it absent. The shape's own spans stay as they are, for
// the places of keys follow from them.
func (d *decoder) clean(g *decode.Gatherer, s *decode.Shape, values []decode.Span) ([]decode.Span, bool) {
	d.cleaned = append(d.cleaned[:0], values...)
	for i := range values {
		if v := g.ValueOf(s, i); v.Dirty {
			t := decode.Text(d.Batch, v)
			if decode.IsBlank(d.Batch.Bytes(t)) {
				return nil, false
			}
			d.cleaned[i] = decode.SpanOf(t)
		}
	}
	return d.cleaned, true
}

// setNumbers sets the columns whose values may not be readable.
func (d *decoder) setNumbers(q *program, g *decode.Gatherer, s *decode.Shape, values []decode.Span, row int) bool {
	b := d.Batch
	var ok bool
	if b.Int[event.EventTime][row], ok = d.day.ISO8601(b.Bytes(values[q.time].Str())); !ok {
		return false
	}
	for _, n := range q.amounts {
		if b.Int[n.column][row], ok = decode.Amount(b.Arena, values[n.value].Str()); !ok {
			return false
		}
	}
	for _, n := range q.others {
		v := g.ValueOf(s, int(n.value))
		if n.column.Kind() == event.Time {
			b.Int[n.column][row], ok = d.timeOf(v)
		} else {
			ok = decode.Set(b, n.column, row, v)
		}
		if !ok {
			if !n.lenient {
				return false
			}
			d.clearColumn(n.column, row)
		}
	}
	return true
}

func (d *decoder) addGoods(q *program, g *decode.Gatherer, s *decode.Shape, row int) bool {
	b := d.Batch
	first := b.Item.N
	for range s.Items {
		b.AddItem(row)
	}
	for _, o := range q.goods {
		if !decode.SetItem(b, o.column, first+int(o.item), g.ValueOf(s, int(o.value))) {
			return false
		}
	}
	return true
}

// runSpecial does what setSpecial does.
func (d *decoder) runSpecial(q *program, values []decode.Span, row int) {
	b := d.Batch
	if q.channelWord >= 0 {
		b.Str[event.Channel][row] = d.channelOf(b.Bytes(values[q.channelWord].Str()))
	}
	if q.deviceType >= 0 {
		b.Str[event.DeviceType][row] = d.typeOf(values[q.deviceType].Str())
	} else if q.userAgent >= 0 {
		b.Str[event.DeviceType][row] = d.words[d.devices.of(b.Bytes(values[q.userAgent].Str()))]
	}
	if q.path >= 0 {
		b.Str[event.PagePath][row] = decode.CutQuery(b, values[q.path].Str())
	} else if q.url >= 0 {
		b.Str[event.PagePath][row] = d.pathOf(values[q.url].Str())
	}
}

func (d *decoder) addAttr(a *attrOp, s *decode.Shape, spans, values []decode.Span, row int) {
	b := d.Batch
	if a.column != 0 && b.Int[a.column][row] != event.Absent {
		return
	}
	var key event.Str
	switch {
	case a.isGroup:
		key = d.group
	case a.name != "":
		key = b.Put([]byte(a.name))
	default:
		k := s.Parts[a.value].Key(spans[a.value].Str().Off)
		key = event.Str{Off: k.Off, Len: k.Len}
	}
	b.AddAttr(row, key, values[a.value].Str())
}
