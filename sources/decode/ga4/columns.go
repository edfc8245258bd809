package ga4

import (
	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// setColumns sets the columns of the table.
func (d *decoder) setColumns(row int) bool {
	b := d.Batch
	for i := range d.plan.rules {
		r := &d.plan.rules[i]
		slot := d.first(r.slots...)
		if slot >= 0 && !decode.Set(b, r.column, row, d.Cells[slot]) {
			code := event.BadValue
			if r.column.Kind() == event.Time {
				code = event.BadTime
			}
			return d.complain(code, "%s: %s is not %s", r.column, d.raw(d.Cells[slot]), decode.KindWords(r.column.Kind()))
		}
	}
	return true
}

// amountSlot is where the event's amount stands.
func (d *decoder) amountSlot(name event.Name, product int) int32 {
	p := d.plan
	switch {
	case product >= 0 && len(d.items) > 1:
		return -1
	case name == event.OrderCompleted && d.isThere(p.purchased):
		return p.purchased
	case name == event.OrderRefunded && d.isThere(p.refunded):
		return p.refunded
	}
	return p.value
}

func (d *decoder) setAmount(row int, name event.Name, product int) bool {
	if d.Batch.Int[event.Amount] == nil {
		return true
	}
	slot := d.amountSlot(name, product)
	if slot >= 0 && d.isThere(slot) && !decode.Set(d.Batch, event.Amount, row, d.Cells[slot]) {
		return d.complain(event.BadValue, "amount: %s is not a number", d.raw(d.Cells[slot]))
	}
	return true
}

// setSpecial sets the columns that need more than the first value that is there.
func (d *decoder) setSpecial(row int, name event.Name) {
	b, p := d.Batch, d.plan
	if p.channel != nil {
		b.Str[event.Channel][row] = d.channel()
	}
	if p.deviceType >= 0 {
		s := d.scalar(p.deviceType)
		if string(b.Bytes(s)) == "mobile" {
			s = d.words[wordPhone]
		}
		b.Str[event.DeviceType][row] = s
	}
	if p.path >= 0 {
		b.Str[event.PagePath][row] = d.pagePath(name)
	}
	if name == event.CheckoutStepCompleted && b.Str[event.Step] != nil && b.Str[event.Step][row].Len == 0 {
		b.Str[event.Step][row] = d.words[wordShipping]
	}
}

// channel is the event's own parameter, else follows from where it was made.
func (d *decoder) channel() event.Str {
	own, platform, app := d.plan.channel[0], d.plan.channel[1], d.plan.channel[2]
	if s := d.scalar(own); s.Len > 0 {
		return s
	}
	switch string(d.Batch.Bytes(d.scalar(platform))) {
	case "WEB", "web":
		return d.words[wordWeb]
	case "ANDROID", "IOS", "android", "ios":
		return d.words[wordApp]
	}
	if d.isThere(app) {
		return d.words[wordApp]
	}
	return event.Str{}
}

func (d *decoder) pagePath(name event.Name) event.Str {
	p := d.plan
	if s := d.scalar(p.path); s.Len > 0 {
		return decode.CutQuery(d.Batch, s)
	}
	if s := d.scalar(p.url); s.Len > 0 {
		if s = decode.PathOf(d.Batch, s); s.Len == 0 {
			return d.words[wordRoot]
		}
		return s
	}
	if name == event.Screen {
		return d.scalar(p.screen...)
	}
	return event.Str{}
}

// setAttributes adds what no column takes.
func (d *decoder) setAttributes(row int, name event.Name) {
	b, p := d.Batch, d.plan
	decode.AddRest(b, row, d.rest, func(int32) bool { return true })
	for i, w := range [...]word{wordFirstCampaign, wordFirstSource, wordFirstMedium} {
		d.attribute(row, d.words[w], d.scalar(p.first[i]))
	}
	if d.amountSlot(name, -1) != p.value && b.Want.WantsAttr([]byte("value")) {
		d.attribute(row, b.Put([]byte("value")), d.scalar(p.value))
	}
}

func (d *decoder) attribute(row int, key, value event.Str) {
	if b := d.Batch; value.Len > 0 && b.Want.WantsAttr(b.Bytes(key)) {
		b.AddAttr(row, key, value)
	}
}
