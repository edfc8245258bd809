package segment

import (
	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// run adds the event of a message whose shape was matched; false if that is not
// plain, then nothing was added.
func (d *decoder) run(record uint32, element int32, s *decode.Shape) bool {
	b, values := d.Batch, d.outer.Values(s)
	if d.outer.IsDirty() && !d.cleanValues(values) {
		return false
	}
	all, _ := s.Memo.(*programs)
	if all == nil {
		all = &programs{kind: d.newCompiler(s).first(d.plan.kind)}
		s.Memo = all
	}
	kind := track
	if all.kind >= 0 {
		var ok bool
		if kind, ok = callOf(d.Raw(values[all.kind])); !ok {
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
	if !d.setNumbers(q, values, row) || s.Items > 0 && !d.addGoods(q, s, values, row) {
		b.Undo(row)
		return false
	}
	b.Record[row], b.Element[row] = record, element
	if q.event >= 0 {
		b.Str[event.Event][row] = str(values[q.event])
	} else {
		b.Str[event.Event][row] = d.kinds[kind]
	}
	for _, t := range q.texts {
		b.Str[t.column][row] = str(values[t.value])
	}
	d.runSpecial(q, values, row)
	for i := range q.attrs {
		d.addAttr(&q.attrs[i], s, values, row)
	}
	return true
}

// str is a text as it stands.
func str(v decode.Value) event.Str { return event.Str{Off: v.Off, Len: v.Len} }

// cleanValues writes dirty values out; false if one is of blanks, which would
// make it absent.
func (d *decoder) cleanValues(values []decode.Value) bool {
	for i := range values {
		if v := &values[i]; v.Dirty {
			t := decode.Text(d.Batch, *v)
			v.Off, v.Len, v.Dirty = t.Off, t.Len, false
			if decode.IsAbsent(d.Batch, *v) {
				return false
			}
		}
	}
	return true
}

// setNumbers sets the columns whose values may not be readable.
func (d *decoder) setNumbers(q *program, values []decode.Value, row int) bool {
	b := d.Batch
	var ok bool
	if b.Int[event.EventTime][row], ok = d.timeOf(values[q.time]); !ok {
		return false
	}
	for _, n := range q.amounts {
		if b.Int[n.column][row], ok = decode.Amount(b.Arena, values[n.value]); !ok {
			return false
		}
	}
	for _, n := range q.others {
		if n.column.Kind() == event.Time {
			b.Int[n.column][row], ok = d.timeOf(values[n.value])
		} else {
			ok = decode.Set(b, n.column, row, values[n.value])
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

func (d *decoder) addGoods(q *program, s *decode.Shape, values []decode.Value, row int) bool {
	b := d.Batch
	first := b.Item.N
	for range s.Items {
		b.AddItem(row)
	}
	for _, g := range q.goods {
		if !decode.SetItem(b, g.column, first+int(g.item), values[g.value]) {
			return false
		}
	}
	return true
}

// runSpecial does what setSpecial does.
func (d *decoder) runSpecial(q *program, values []decode.Value, row int) {
	b := d.Batch
	if q.channelWord >= 0 {
		b.Str[event.Channel][row] = d.channelOf(d.Raw(values[q.channelWord]))
	}
	if q.deviceType >= 0 {
		b.Str[event.DeviceType][row] = d.typeOf(str(values[q.deviceType]))
	} else if q.userAgent >= 0 {
		b.Str[event.DeviceType][row] = d.words[d.devices.of(d.Raw(values[q.userAgent]))]
	}
	if q.path >= 0 {
		b.Str[event.PagePath][row] = decode.CutQuery(b, str(values[q.path]))
	} else if q.url >= 0 {
		b.Str[event.PagePath][row] = d.pathOf(str(values[q.url]))
	}
}

func (d *decoder) addAttr(a *attrOp, s *decode.Shape, values []decode.Value, row int) {
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
		key = str(s.Parts[a.value].Key(values[a.value]))
	}
	b.AddAttr(row, key, str(values[a.value]))
}
