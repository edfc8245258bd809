package ga4

import (
	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// readLists reads the export's lists of parameters and user properties into
// their cells and finds the items.
func (d *decoder) readLists() bool {
	p := d.plan
	if !d.readPairs("event_params", p.paramList, p.params, restOfParams) || !d.readPairs("user_properties", p.userList, p.user, restOfUser) {
		return false
	}
	d.nameUser()
	d.items = d.items[:0]
	slot := d.first(p.itemList, p.paramItems)
	if slot < 0 {
		return true
	}
	list := d.Cells[slot]
	if list.Kind != decode.Array {
		return d.complain(event.BadValue, "items: %s is no array", d.raw(list))
	}
	g := d.open(list)
	for n := 0; g.Next(']', n); n++ {
		v, _ := g.Value()
		if v.Kind != decode.Object {
			return d.complain(event.BadValue, "items[%d]: %s is no object", n, d.raw(v))
		}
		d.items = append(d.items, v)
	}
	return true
}

// open starts to walk over an array.
func (d *decoder) open(array decode.Value) *decode.Gatherer {
	g := &d.nested
	g.Reset(d.Batch.Arena[:array.Off+array.Len], int(array.Off))
	g.Enter('[')
	return g
}

// readPairs reads a list of {key, value: {string_value, int_value, …}}.
func (d *decoder) readPairs(what string, slot int32, node *decode.Node, rest int32) bool {
	p, b := d.plan, d.Batch
	list := d.Cells[slot]
	switch list.Kind {
	case decode.Array:
	case decode.Missing, decode.Null:
		return true
	default:
		if list.Kind == decode.Object && slot == p.userList {
			return true // a request's user properties are an object
		}
		return d.complain(event.BadValue, "%s: %s is no array", what, d.raw(list))
	}
	g := d.open(list)
	first, last := p.pair.Bounds()
	for n := 0; g.Next(']', n); n++ {
		clear(d.Cells[first:last])
		start := g.Pos()
		g.Gather(p.pair)
		key := d.scalar(p.key)
		if !g.OK() || key.Len == 0 {
			return d.complain(event.BadValue, "%s[%d]: %q is no pair of key and value", what, n, decode.Cut(b.Arena[start:list.Off+list.Len]))
		}
		v := decode.Value{}
		if at := d.First(p.values); at >= 0 && d.Cells[at].Kind < decode.Object {
			v = d.Cells[at]
		}
		if kid := node.Find(b.Bytes(key)); kid != nil {
			if kid.Slot() >= 0 {
				d.Cells[kid.Slot()] = v
			}
		} else if p.hasAttrs {
			d.rest = append(d.rest, decode.Member{Rest: rest, Key: decode.Value{Off: key.Off, Len: key.Len, Kind: decode.String}, Value: v})
		}
	}
	return true
}

// readItem fills the item's cells.
func (d *decoder) readItem(i int) {
	first, last := d.plan.item.Bounds()
	clear(d.Cells[first:last])
	v := d.items[i]
	g := &d.nested
	g.Reset(d.Batch.Arena[:v.Off+v.Len], int(v.Off))
	g.Gather(d.plan.item)
}

// setItems adds the items of an event of several products.
func (d *decoder) setItems(row int, name event.Name) bool {
	p, b := d.plan, d.Batch
	isPromotion := name == event.PromotionViewed || name == event.PromotionClicked
	for i := range d.items {
		if !p.hasItems && !(isPromotion && i == 0) {
			break
		}
		d.readItem(i)
		if isPromotion && i == 0 && b.Str[event.PromotionID] != nil && b.Str[event.PromotionID][row].Len == 0 {
			b.Str[event.PromotionID][row] = d.scalar(p.promotion)
		}
		if !p.hasItems {
			break
		}
		item := b.AddItem(row)
		for k := range p.items {
			r := &p.items[k]
			slot := d.first(r.slots...)
			if slot >= 0 && !decode.SetItem(b, r.column, item, d.Cells[slot]) {
				return d.complainItem(i, r.column, slot)
			}
		}
	}
	return true
}

// setProduct gives the event of one product the fields of its item.
func (d *decoder) setProduct(row, i int) bool {
	p, b := d.plan, d.Batch
	d.readItem(i)
	for k := range p.items {
		r := &p.items[k]
		if b.Str[r.column] == nil && b.Int[r.column] == nil {
			continue
		}
		if r.column == event.Amount && b.Int[event.Amount][row] != event.Absent {
			continue
		}
		slot := d.first(r.slots...)
		if slot >= 0 && !decode.Set(b, r.column, row, d.Cells[slot]) {
			return d.complainItem(i, r.column, slot)
		}
	}
	return true
}

func (d *decoder) complainItem(i int, c event.Column, slot int32) bool {
	return d.complain(event.BadValue, "items[%d].%s: %s is not %s", i, c, d.raw(d.Cells[slot]), decode.KindWords(c.Kind()))
}

// nameUser names the user properties beside the table user.<name> and takes
// their values out of a request's {value: …}.
func (d *decoder) nameUser() {
	p, b := d.plan, d.Batch
	first, last := p.pair.Bounds()
	whole := p.values[len(p.values)-1]
	for i := range d.rest {
		m := &d.rest[i]
		if m.Rest != restOfUser {
			continue
		}
		key := decode.Text(b, m.Key)
		off := len(b.Arena)
		b.Arena = append(append(b.Arena, words[wordUser]...), b.Bytes(key)...)
		m.Key = decode.Value{Off: uint32(off), Len: uint32(len(b.Arena) - off), Kind: decode.String}
		if m.Value.Kind == decode.Object {
			clear(d.Cells[first:last])
			g := &d.nested
			g.Reset(b.Arena[:m.Value.Off+m.Value.Len], int(m.Value.Off))
			g.Gather(p.pair)
			m.Value = d.Cells[whole]
		}
	}
}
