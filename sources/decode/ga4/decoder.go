package ga4

import (
	"bytes"
	"fmt"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// New makes decoders, one for each goroutine. They fill what the batch wants.
func New(cfg Config) func() event.Decoder {
	return func() event.Decoder {
		d := &decoder{skip: cfg.Skip}
		d.outer.Use(&d.index)
		d.inner.Use(&d.index)
		d.nested.Use(&d.index)
		return d
	}
}

// decoder is one goroutine's decoder.
type decoder struct {
	plan *plan // for want
	want event.Want
	skip []string

	decode.Slots
	index  decode.Index
	outer  decode.Gatherer // the record
	inner  decode.Gatherer // rows and events in an array
	nested decode.Gatherer // parameters, items
	shared []decode.Value  // cells that a request lends to its events
	lent   []decode.Member // and what it has beside
	rest   []decode.Member
	items  []decode.Value
	words  [len(words)]event.Str
	names  [event.NumNames]event.Str

	came    int64 // record timestamp of a request, else absent
	element int32 // of the next event of the record

	// complaint says what is wrong with the event at hand.
	code      event.ReasonCode
	complaint string
}

// word is a text that decoding writes by itself.
type word uint8

const (
	wordWeb word = iota
	wordApp
	wordPhone
	wordRoot
	wordShipping
	wordFirstCampaign
	wordFirstSource
	wordFirstMedium
	wordUser
)

var words = [...]string{
	wordWeb: "web", wordApp: "app", wordPhone: "phone", wordRoot: "/", wordShipping: "shipping",
	wordFirstCampaign: "first_campaign", wordFirstSource: "first_source", wordFirstMedium: "first_medium", wordUser: "user.",
}

// Decode implements event.Decoder.
func (d *decoder) Decode(c *event.Chunk, b *event.Batch) {
	d.bind(b)
	d.Batch = b
	d.index.BuildFor(c)
	for i := range c.Recs {
		if start, end, ok := decode.Record(c, i); ok {
			d.came = c.Recs[i].Timestamp
			d.record(c.First+uint32(i), c.Data[:end:end], start)
		} else {
			b.Skipped++
		}
	}
	d.Batch = nil
}

// bind makes the plan for what the batch wants and puts constant texts into it.
func (d *decoder) bind(b *event.Batch) {
	w := &b.Want
	if d.plan == nil || w.Columns != d.want.Columns || w.Items != d.want.Items || w.AllAttrs != d.want.AllAttrs || !slices.Equal(w.Attrs, d.want.Attrs) {
		d.want, d.plan = *w, compile(*w)
		d.Cells = make([]decode.Value, d.plan.slots)
		d.shared = make([]decode.Value, d.plan.slots)
		d.outer.Cells, d.inner.Cells, d.nested.Cells = d.Cells, d.Cells, d.Cells
	}
	for i := range words {
		d.words[i] = b.Put([]byte(words[i]))
	}
	d.names = [event.NumNames]event.Str{}
}

func (d *decoder) record(record uint32, data []byte, start int) {
	p, g := d.plan, &d.outer
	d.element = 0
	clear(d.Cells)
	clear(d.shared)
	g.Rest, d.lent = g.Rest[:0], d.lent[:0]
	g.Reset(data, start)
	if g.Peek() == decode.Array {
		v, _ := g.Value()
		if !g.End() {
			d.Batch.Fail(record, -1, event.Malformed, g.Fault())
			return
		}
		d.came = event.Absent
		d.list(record, data, v)
		return
	}
	g.Gather(p.row)
	if !g.End() {
		d.Batch.Fail(record, -1, event.Malformed, g.Fault())
		return
	}
	events := d.Cells[p.events]
	if events.Kind != decode.Array {
		d.came = event.Absent
		d.rest = append(d.rest[:0], g.Rest...)
		d.event(record)
		return
	}
	copy(d.shared, d.Cells)
	first, last := p.params.Bounds()
	clear(d.shared[first:last])
	d.shared[p.events], d.shared[p.name], d.shared[p.eventName] = decode.Value{}, decode.Value{}, decode.Value{}
	for _, m := range g.Rest {
		if m.Rest == restOfUser {
			d.lent = append(d.lent, m)
		}
	}
	d.list(record, data, events)
}

// list decodes the rows or events of an array.
func (d *decoder) list(record uint32, data []byte, array decode.Value) {
	g := &d.inner
	g.Reset(data[:array.Off+array.Len], int(array.Off))
	g.Enter('[')
	for n := 0; g.Next(']', n); n++ {
		if g.Peek() != decode.Object {
			v, _ := g.Value()
			d.Batch.Fail(record, d.element, event.Malformed, fmt.Sprintf("events[%d]: %s is no object", n, decode.Cut(data[v.Off:v.Off+v.Len])))
			d.element++
			continue
		}
		copy(d.Cells, d.shared)
		g.Rest = g.Rest[:0]
		g.Gather(d.plan.row)
		d.rest = append(append(d.rest[:0], d.lent...), g.Rest...)
		d.event(record)
	}
}

// event adds the event whose cells are filled, one for each product if it is
// about one product.
func (d *decoder) event(record uint32) {
	p := d.plan
	slot := d.first(p.name, p.eventName)
	if slot < 0 {
		d.fail(record, event.MissingField, "event is absent: neither event_name nor name is there")
		return
	}
	if d.Cells[slot].Kind >= decode.Object {
		d.fail(record, event.BadValue, fmt.Sprintf("event: %s is not a text", d.raw(d.Cells[slot])))
		return
	}
	text := d.Clean(slot)
	raw := d.Batch.Bytes(text)
	for _, s := range d.skip {
		if s == string(raw) {
			d.Batch.Skipped++
			return
		}
	}
	name := names[string(raw)]
	if !d.readLists() {
		d.fail(record, d.code, d.complaint)
		return
	}
	if name != event.Custom {
		text = d.nameText(name)
	}
	if !isOfOneProduct(name) || len(d.items) == 0 {
		d.row(record, name, text, -1)
		return
	}
	for i := range d.items {
		d.row(record, name, text, i)
	}
}

// nameText is the canonical text of a name in the batch at hand.
func (d *decoder) nameText(n event.Name) event.Str {
	if d.names[n].Len == 0 {
		d.names[n] = d.Batch.Put([]byte(n.String()))
	}
	return d.names[n]
}

func (d *decoder) fail(record uint32, code event.ReasonCode, detail string) {
	d.Batch.Fail(record, d.element, code, detail)
	d.element++
}

// row adds one event; of product, if not -1, it takes the item's fields.
func (d *decoder) row(record uint32, name event.Name, text event.Str, product int) {
	b := d.Batch
	row := b.Add()
	b.Record[row], b.Element[row] = record, d.element
	b.Str[event.Event][row] = text
	ok := d.setTime(row) && d.setColumns(row) && d.setAmount(row, name, product)
	if ok && product >= 0 {
		ok = d.setProduct(row, product)
	} else if ok {
		ok = d.setItems(row, name)
	}
	if !ok {
		b.Undo(row)
		d.fail(record, d.code, d.complaint)
		return
	}
	d.element++
	d.setSpecial(row, name)
	if d.plan.hasAttrs {
		d.setAttributes(row, name)
	}
}

// complain notes what is wrong with the event at hand; it returns false.
func (d *decoder) complain(code event.ReasonCode, format string, args ...any) bool {
	d.code, d.complaint = code, fmt.Sprintf(format, args...)
	return false
}

// raw quotes a value, cut to 100 bytes.
func (d *decoder) raw(v decode.Value) string {
	return fmt.Sprintf("%q", decode.Cut(d.Raw(v)))
}

var notSet = []byte("(not set)")

// isThere reports whether the slot has a value other than null, blanks and
// "(not set)".
func (d *decoder) isThere(slot int32) bool {
	return d.IsThere(slot) && !(d.Cells[slot].Kind == decode.String && bytes.Equal(d.Raw(d.Cells[slot]), notSet))
}

// first gives the first slot with a value that is there; -1 if none has.
func (d *decoder) first(slots ...int32) int32 {
	for _, s := range slots {
		if d.isThere(s) {
			return s
		}
	}
	return -1
}

// scalar is the text of the first slot with a value that is there; nothing if
// that is an object or an array.
func (d *decoder) scalar(slots ...int32) event.Str {
	if slot := d.first(slots...); slot >= 0 && d.Cells[slot].Kind < decode.Object {
		return d.Clean(slot)
	}
	return event.Str{}
}

func (d *decoder) setTime(row int) bool {
	b, p := d.Batch, d.plan
	slot := d.first(p.stamp, p.micros)
	if slot < 0 {
		if d.came != event.Absent {
			b.Int[event.EventTime][row] = d.came
			return true
		}
		return d.complain(event.MissingField, "event_time is absent: neither event_timestamp nor timestamp_micros is there")
	}
	v := d.Cells[slot]
	ms, ok := decode.UnixMicros(decode.TrimBlanks(d.Raw(v)))
	if !ok {
		return d.complain(event.BadTime, "event_time: %s is no time in microseconds from 1970 on", d.raw(v))
	}
	b.Int[event.EventTime][row] = ms
	return true
}
