package segment

import (
	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// setColumns sets the columns of the table.
func (d *decoder) setColumns(row int, kind call) bool {
	b := d.Batch
	for i := range d.plan.rules {
		r := &d.plan.rules[i]
		slot := d.First(r.slotsFor(kind == page || kind == screen))
		if slot < 0 {
			continue
		}
		v := d.Cells[slot]
		ok := false
		if r.column.Kind() == event.Time {
			b.Int[r.column][row], ok = d.timeOf(v)
		} else {
			ok = decode.Set(b, r.column, row, v)
		}
		switch {
		case ok:
		case r.lenient:
			d.clearColumn(r.column, row)
		case r.column.Kind() == event.Time:
			return d.complain(event.BadTime, "%s: %s is no ISO 8601 time from 1970 on", r.column, d.raw(v))
		default:
			return d.complain(event.BadValue, "%s: %s is not %s", r.column, d.raw(v), decode.KindWords(r.column.Kind()))
		}
	}
	return true
}

func (d *decoder) clearColumn(c event.Column, row int) {
	if c.Kind() != event.Text {
		d.Batch.Int[c][row] = event.Absent
	}
}

// setItems adds the products of the event.
func (d *decoder) setItems(row int) bool {
	p, b := d.plan, d.Batch
	if p.products < 0 || d.First([]int32{p.products}) < 0 {
		return true
	}
	products := d.Cells[p.products]
	if products.Kind != decode.Array {
		return d.complain(event.BadValue, "products: %s is no array", d.raw(products))
	}
	g := &d.items
	g.Reset(b.Arena[:products.Off+products.Len], int(products.Off))
	g.Enter('[')
	first, last := p.item.Bounds()
	for n := 0; g.Next(']', n); n++ {
		if g.Peek() != decode.Object {
			v, _ := g.Value()
			return d.complain(event.BadValue, "products[%d]: %s is no object", n, d.raw(v))
		}
		clear(d.Cells[first:last])
		g.Gather(p.item)
		item := b.AddItem(row)
		for i := range p.items {
			r := &p.items[i]
			slot := d.First(r.slots)
			if slot >= 0 && !decode.SetItem(b, r.column, item, d.Cells[slot]) {
				return d.complain(event.BadValue, "products[%d].%s: %s is not %s", n, r.column, d.raw(d.Cells[slot]), decode.KindWords(r.column.Kind()))
			}
		}
	}
	return true
}

// setSpecial sets the columns that need more than the first value that is there.
func (d *decoder) setSpecial(row int, kind call) {
	b, p := d.Batch, d.plan
	if kind == alias && b.Str[event.AnonymousID] != nil && b.Str[event.AnonymousID][row].Len == 0 {
		if slot := d.First([]int32{p.previous}); slot >= 0 && d.Cells[slot].Kind < decode.Object {
			b.Str[event.AnonymousID][row] = d.Clean(slot)
		}
	}
	if p.channel != nil {
		b.Str[event.Channel][row] = d.channel()
	}
	if p.deviceType != nil {
		b.Str[event.DeviceType][row] = d.deviceType()
	}
	if p.path != nil {
		b.Str[event.PagePath][row] = d.pagePath(kind)
	}
}

// channel is the event's own, else follows from the library that sent it.
func (d *decoder) channel() event.Str {
	if s := d.Scalar(d.plan.channels...); s.Len > 0 {
		return s
	}
	return d.channelOf(d.Batch.Bytes(d.Scalar(d.plan.channel...)))
}

// channelOf is the channel of a library.
func (d *decoder) channelOf(library []byte) event.Str {
	switch string(library) {
	case "web", "browser":
		return d.words[wordWeb]
	case "mobile":
		return d.words[wordApp]
	}
	return event.Str{}
}

func (d *decoder) deviceType() event.Str {
	b := d.Batch
	for _, slot := range d.plan.deviceType {
		if s := d.Scalar(slot); s.Len > 0 {
			return d.typeOf(s)
		}
	}
	if agent := d.Scalar(d.plan.userAgent...); agent.Len > 0 {
		return d.words[d.devices.of(b.Bytes(agent))]
	}
	return event.Str{}
}

// typeOf is the type of device that a text stands for.
func (d *decoder) typeOf(s event.Str) event.Str {
	if kind := kindOfType(d.Batch.Bytes(s)); kind != noWord {
		return d.words[kind]
	}
	return s
}

// pagePath is a path without query; of a screen without one its name.
func (d *decoder) pagePath(kind call) event.Str {
	p := d.plan
	path, url := p.path, p.url
	if kind == page || kind == screen {
		path, url = p.pagePath, p.pageURL
	}
	if s := d.Scalar(path...); s.Len > 0 {
		return decode.CutQuery(d.Batch, s)
	}
	if s := d.Scalar(url...); s.Len > 0 {
		return d.pathOf(s)
	}
	if kind == screen {
		return d.Scalar(p.name)
	}
	return event.Str{}
}

// pathOf is the path of a URL, at least /.
func (d *decoder) pathOf(url event.Str) event.Str {
	if s := decode.PathOf(d.Batch, url); s.Len > 0 {
		return s
	}
	return d.words[wordRoot]
}

// setAttributes adds what the table leaves over.
func (d *decoder) setAttributes(row int, kind call, rest []decode.Member) {
	b, p := d.Batch, d.plan
	hasTraits := kind == identify || kind == group
	decode.AddRest(b, row, rest, func(r int32) bool { return r == restOfProperties || hasTraits && r == restOfTraits })
	for i := range p.rules {
		r := &p.rules[i]
		if !r.lenient || r.column.Kind() == event.Text || b.Int[r.column][row] != event.Absent || !b.Want.WantsAttr([]byte(r.column.String())) {
			continue
		}
		if s := d.Scalar(r.slots...); s.Len > 0 {
			b.AddAttr(row, b.Put([]byte(r.column.String())), s)
		}
	}
	isPage := kind == page || kind == screen
	for i := range p.leftovers {
		l := &p.leftovers[i]
		if isPage && l.isPage || !b.Want.WantsAttr([]byte(l.name)) || l.rule != nil && d.First(l.rule.slotsFor(isPage)) == l.slot {
			continue
		}
		if s := d.Scalar(l.slot); s.Len > 0 {
			b.AddAttr(row, b.Put([]byte(l.name)), s)
		}
	}
	if kind == group && b.Want.WantsAttr([]byte("group_id")) {
		if s := d.Scalar(p.group); s.Len > 0 {
			b.AddAttr(row, d.group, s)
		}
	}
}
