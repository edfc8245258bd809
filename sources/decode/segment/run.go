package segment

import (
	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// run adds the event of a message whose shape was matched; false if that is not
// plain, then nothing was added.
func (d *decoder) run(record uint32, element int32, s *decode.Shape) bool {
	b, values := d.Batch, d.outer.Spans(s)
	if d.outer.IsDirty() {
		var ok bool
		if values, ok = d.clean(s, values); !ok {
			return false
		}
	}
	all, _ := s.Memo.(*programs)
	if all == nil {
		all = &programs{kind: d.newCompiler(s).first(d.plan.kind)}
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
		q = d.newCompiler(s).compile(kind)
		all.of[kind] = q
	}
	if !q.rows {
		return false
	}
	row := b.Add()
	if !d.setNumbers(q, s, values, row) || s.Items > 0 && !d.addGoods(q, s, row) {
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
		d.addAttr(&q.attrs[i], s, values, row)
	}
	return true
}

// clean gives the values with the dirty ones written out; false if one is of
// blanks, which would make it absent. The shape's own spans stay as they are, for
// the places of keys follow from them.
func (d *decoder) clean(s *decode.Shape, values []decode.Span) ([]decode.Span, bool) {
	d.cleaned = append(d.cleaned[:0], values...)
	for i := range values {
		if v := d.outer.ValueOf(s, i); v.Dirty {
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
func (d *decoder) setNumbers(q *program, s *decode.Shape, values []decode.Span, row int) bool {
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
		v := d.outer.ValueOf(s, int(n.value))
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

func (d *decoder) addGoods(q *program, s *decode.Shape, row int) bool {
	b := d.Batch
	first := b.Item.N
	for range s.Items {
		b.AddItem(row)
	}
	for _, g := range q.goods {
		if !decode.SetItem(b, g.column, first+int(g.item), d.outer.ValueOf(s, int(g.value))) {
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

func (d *decoder) addAttr(a *attrOp, s *decode.Shape, values []decode.Span, row int) {
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
		k := s.Parts[a.value].Key(d.outer.Spans(s)[a.value].Str().Off)
		key = event.Str{Off: k.Off, Len: k.Len}
	}
	b.AddAttr(row, key, values[a.value].Str())
}
