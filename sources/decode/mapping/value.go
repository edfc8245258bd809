package mapping

import (
	"bytes"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
	"touchstream/sources/decode"
)

// event adds the event whose cells are filled, unless where leaves it out or
// something is wrong with it.
func (d *decoder) event(record uint32, element int32) {
	if d.where != nil && !d.isKept() {
		d.b.Skipped++
		return
	}
	b := d.b
	row := b.Add()
	b.Record[row], b.Element[row] = record, element
	if !d.setFields(row) || !d.setItems(row) {
		b.Undo(row)
		b.Fail(record, element, d.code, d.complaint)
	}
}

func (d *decoder) setFields(row int) bool {
	b := d.b
	for i := range d.plan.fields {
		o := &d.plan.fields[i]
		s, isNumber, ok := d.text(o)
		if !ok {
			return false
		}
		if o.kind == event.Text {
			if s.Len == 0 && o.isRequired {
				return d.complain(event.MissingField, o, "is absent")
			}
			b.Str[o.column][row] = s
			continue
		}
		v, real, ok := d.number(o, s, isNumber)
		if !ok {
			return false
		}
		if o.kind == event.Float {
			b.Float[o.column][row] = real
		} else {
			b.Int[o.column][row] = v
		}
	}
	for i := range d.plan.attributes {
		o := &d.plan.attributes[i]
		s, _, ok := d.text(o)
		if !ok {
			return false
		}
		if s.Len > 0 {
			b.AddAttr(row, o.key, s)
		}
	}
	return true
}

// setItems adds the items of the event's array.
func (d *decoder) setItems(row int) bool {
	array := decode.Value{}
	for _, slot := range d.plan.itemSlots {
		if !d.isAbsent(slot) {
			array = d.cells[slot]
			break
		}
	}
	if array.Kind == decode.Missing {
		return true
	}
	if array.Kind == decode.String {
		s := decode.Text(d.b, array) // the JSON text of a csv cell
		array.Off, array.Len = s.Off, s.Len
	}
	data := d.b.Arena[: array.Off+array.Len : array.Off+array.Len]
	s := &d.inner
	s.Reset(data, int(array.Off))
	if !s.Enter('[') {
		return d.complainText(event.BadValue, "items", data[array.Off:], "is no array")
	}
	t := d.plan.trees[d.plan.levels+1]
	first, last := t.Bounds()
	for n := 0; s.Next(']', n); n++ {
		clear(d.cells[first:last])
		s.Gather(t)
		if !s.OK() {
			break
		}
		if !d.setItem(row) {
			d.complaint = fmt.Sprintf("items[%d].%s", n, d.complaint)
			return false
		}
	}
	if !s.End() {
		return d.complainText(event.BadValue, "items", data[array.Off:], "is no array of objects: "+s.Fault())
	}
	return true
}

func (d *decoder) setItem(row int) bool {
	b := d.b
	item := b.AddItem(row)
	for i := range d.plan.items {
		o := &d.plan.items[i]
		s, isNumber, ok := d.text(o)
		if !ok {
			return false
		}
		if o.kind == event.Text {
			b.Item.Str[o.column][item] = s
			continue
		}
		v, _, ok := d.number(o, s, isNumber)
		if !ok {
			return false
		}
		b.Item.Int[o.column][item] = v
	}
	return true
}

// isAbsent reports whether the cell counts as absent: it is not there, null, or
// a text of blanks alone.
func (d *decoder) isAbsent(slot int32) bool {
	switch d.cells[slot].Kind {
	case decode.Missing, decode.Null:
		return true
	case decode.String:
		return decode.IsBlank(d.b.Bytes(d.clean(slot)))
	}
	return false
}

// clean gives a cell's text and keeps it, if it had to be written out.
func (d *decoder) clean(slot int32) event.Str {
	v := &d.cells[slot]
	if v.Kind >= decode.Object {
		return d.valid(*v)
	}
	s := decode.Text(d.b, *v)
	if v.Dirty {
		v.Off, v.Len, v.Dirty = s.Off, s.Len, false
	}
	return s
}

// valid gives the JSON text of an object or array.
func (d *decoder) valid(v decode.Value) event.Str {
	b := d.b
	if raw := b.Arena[v.Off : v.Off+v.Len]; !utf8.Valid(raw) {
		off := len(b.Arena)
		b.Arena = decode.AppendValid(b.Arena, raw)
		return event.Str{Off: uint32(off), Len: uint32(len(b.Arena) - off)}
	}
	return event.Str{Off: v.Off, Len: v.Len}
}

// text makes a field's text; constants of other kinds than text are left to
// number. isNumber: it is a JSON number.
func (d *decoder) text(o *op) (s event.Str, isNumber, ok bool) {
	if o.isConst {
		return o.fallback.place, false, true
	}
	if o.template != nil {
		s = d.compose(o)
	} else {
		for _, slot := range o.slots {
			if d.isAbsent(slot) {
				continue
			}
			v := d.cells[slot]
			if v.Kind >= decode.Object && o.json == nil && !d.keepsJSON(o) {
				return s, false, d.complainText(event.BadValue, d.subject(o), d.b.Arena[v.Off:v.Off+v.Len], "is not "+decode.KindWords(o.kind))
			}
			s, isNumber = d.clean(slot), v.Kind == decode.Number
			break
		}
	}
	if o.json != nil && s.Len > 0 {
		if s, isNumber, ok = d.dig(o, s); !ok {
			return s, false, false
		}
	}
	if s.Len > 0 && o.trim {
		s = d.trim(s)
	}
	if s.Len > 0 && o.lower {
		s = d.lower(s)
	}
	if o.hasMap {
		if i, found := slices.BinarySearchFunc(o.mapping, d.b.Bytes(s), comparePair); found {
			return o.mapping[i].place, false, true
		}
		if o.hasFallback {
			s = event.Str{}
		}
	}
	if s.Len == 0 && o.hasFallback {
		return o.fallback.place, false, true
	}
	return s, isNumber, true
}

func comparePair(p pair, text []byte) int {
	if p.from < string(text) {
		return -1
	}
	if p.from > string(text) {
		return 1
	}
	return 0
}

// keepsJSON reports whether the field is an attribute, which keeps the text of
// objects and arrays.
func (d *decoder) keepsJSON(o *op) bool { return o.key.Len > 0 }

func (d *decoder) trim(s event.Str) event.Str {
	whole := d.b.Bytes(s)
	t := bytes.TrimSpace(whole)
	if len(t) == 0 {
		return event.Str{}
	}
	front := cap(whole) - cap(t)
	return event.Str{Off: s.Off + uint32(front), Len: uint32(len(t))}
}

func (d *decoder) lower(s event.Str) event.Str {
	b := d.b
	off := len(b.Arena)
	for text := b.Bytes(s); len(text) > 0; {
		r, n := utf8.DecodeRune(text)
		b.Arena = utf8.AppendRune(b.Arena, unicode.ToLower(r))
		text = text[n:]
	}
	return event.Str{Off: uint32(off), Len: uint32(len(b.Arena) - off)}
}

// compose writes a template's text; nothing if one of its fields is absent.
func (d *decoder) compose(o *op) event.Str {
	for i := range o.template {
		if t := &o.template[i]; t.path != "" && d.isAbsent(t.slot) {
			return event.Str{}
		}
	}
	b := d.b
	off := len(b.Arena)
	for i := range o.template {
		t := &o.template[i]
		b.Arena = append(b.Arena, t.literal...)
		if t.path != "" {
			b.Arena = append(b.Arena, b.Bytes(d.clean(t.slot))...)
		}
	}
	return event.Str{Off: uint32(off), Len: uint32(len(b.Arena) - off)}
}

// dig reads the JSON text of a column.
func (d *decoder) dig(o *op, s event.Str) (found event.Str, isNumber, ok bool) {
	data := d.b.Arena[: s.Off+s.Len : s.Off+s.Len]
	scan := &d.deep
	scan.Reset(data, int(s.Off))
	spare := int32(len(d.cells) - 1)
	d.cells[spare] = decode.Value{}
	if scan.Peek() == decode.Null {
		scan.Value()
	} else {
		scan.Gather(o.json)
	}
	if !scan.End() {
		return found, false, d.complainText(event.BadValue, d.subject(o), data[s.Off:], "is no JSON object: "+scan.Fault())
	}
	if d.isAbsent(spare) {
		return found, false, true
	}
	v := d.cells[spare]
	if v.Kind >= decode.Object && !d.keepsJSON(o) {
		return found, false, d.complainText(event.BadValue, d.subject(o), data[v.Off:v.Off+v.Len], "is not "+decode.KindWords(o.kind))
	}
	return d.clean(spare), v.Kind == decode.Number, true
}

// number reads a field's text as its kind.
func (d *decoder) number(o *op, s event.Str, isNumber bool) (v int64, real float64, ok bool) {
	b := d.b
	if o.hasFallback && s == o.fallback.place && s.Len > 0 {
		return o.fallback.num, o.fallback.real, true
	}
	if s.Len == 0 {
		if o.isRequired {
			return 0, 0, d.complain(event.MissingField, o, "is absent")
		}
		return event.Absent, nan, true
	}
	text := decode.TrimBlanks(b.Bytes(s))
	comma := o.comma
	if isNumber {
		comma = '.'
	}
	switch o.kind {
	case event.Time:
		if v, ok = o.time.Parse(text); !ok {
			return 0, 0, d.complainText(event.BadTime, d.subject(o), text, fmt.Sprintf("is no time of format %s from 1970 on", o.time))
		}
	case event.Money:
		v, ok = money.ParseScaled(text, comma, o.shift)
	case event.Number:
		v, ok = decode.Int(text, comma)
	case event.Flag:
		v, ok = decode.Flag(text)
	case event.Float:
		real, ok = decode.Float(d.withPoint(text, comma))
	}
	if !ok {
		return 0, 0, d.complainText(event.BadValue, d.subject(o), text, "is not "+decode.KindWords(o.kind))
	}
	return v, real, true
}

// withPoint writes a number with a decimal point.
func (d *decoder) withPoint(text []byte, comma byte) []byte {
	if comma == '.' {
		return text
	}
	if bytes.IndexByte(text, '.') >= 0 {
		return nil
	}
	i := bytes.IndexByte(text, comma)
	if i < 0 {
		return text
	}
	d.scratch = append(d.scratch[:0], text...)
	d.scratch[i] = '.'
	return d.scratch
}
