package segment

import (
	"fmt"
	"hash/maphash"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/sources/decode"
)

// New makes decoders, one for each goroutine. They fill what the batch wants.
func New(Config) func() event.Decoder {
	return func() event.Decoder {
		d := &decoder{devices: devices{seed: maphash.MakeSeed()}}
		d.outer.Use(&d.index)
		d.inner.Use(&d.index)
		d.items.Use(&d.index)
		return d
	}
}

// decoder is one goroutine's decoder.
type decoder struct {
	plan *plan // for want
	want event.Want

	decode.Slots
	index   decode.Index
	outer   decode.Gatherer // the record
	inner   decode.Gatherer // messages of a batch
	items   decode.Gatherer
	shared  []decode.Value // cells that a batch lends to its messages
	cleaned []decode.Span  // values of a message, dirty ones written out
	devices devices
	day     decode.Day
	kinds   [len(kindNames)]event.Str // texts of calls in the batch at hand
	words   [len(words)]event.Str
	group   event.Str

	// complaint says what is wrong with the event at hand.
	code      event.ReasonCode
	complaint string
}

// call is the kind of a message.
type call uint8

const (
	track call = iota
	page
	screen
	identify
	alias
	group
)

var kindNames = [...]string{track: "track", page: "page", screen: "screen", identify: "identify", alias: "alias", group: "group"}

// callOf finds the kind of a message by its name.
func callOf(name []byte) (call, bool) {
	switch string(name) {
	case "track":
		return track, true
	case "page":
		return page, true
	case "screen":
		return screen, true
	case "identify":
		return identify, true
	case "alias":
		return alias, true
	case "group":
		return group, true
	}
	return track, false
}

// Decode implements event.Decoder.
func (d *decoder) Decode(c *event.Chunk, b *event.Batch) {
	d.bind(b)
	d.Batch = b
	d.index.BuildFor(c)
	for i := range c.Recs {
		if start, end, ok := decode.Record(c, i); ok {
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
		d.outer.Cells, d.inner.Cells, d.items.Cells = d.Cells, d.Cells, d.Cells
	}
	for k := range d.kinds {
		d.kinds[k] = b.Put([]byte(kindNames[k]))
	}
	d.group = b.Put([]byte("group_id"))
	for w := range d.words {
		d.words[w] = b.Put([]byte(words[w]))
	}
}

func (d *decoder) record(record uint32, data []byte, start int) {
	p, g := d.plan, &d.outer
	g.Reset(data, start)
	shape := g.Match(p.message)
	if shape != nil && g.End() && d.run(g, record, 0, shape, false) {
		return
	}
	clear(d.Cells)
	g.Rest = g.Rest[:0]
	g.Reset(data, start)
	if g.Peek() == decode.Array {
		v, _ := g.Value()
		if !g.End() {
			d.Batch.Fail(record, -1, event.Malformed, g.Fault())
			return
		}
		clear(d.shared)
		d.messages(record, data, v)
		return
	}
	g.Walk(p.message)
	if shape == nil && g.OK() {
		g.Learn(p.message, start)
	}
	if !g.End() {
		d.Batch.Fail(record, -1, event.Malformed, g.Fault())
		return
	}
	batch := d.Cells[p.batch]
	if batch.Kind != decode.Array {
		d.message(record, 0, g.Rest)
		return
	}
	clear(d.shared)
	copy(d.shared[p.contextFirst:p.contextLast], d.Cells[p.contextFirst:p.contextLast])
	d.shared[p.sentAt], d.shared[p.receivedAt] = d.Cells[p.sentAt], d.Cells[p.receivedAt]
	d.messages(record, data, batch)
}

// messages decodes the messages of a batch.
func (d *decoder) messages(record uint32, data []byte, batch decode.Value) {
	g, p := &d.inner, d.plan
	isLent := func(v decode.Value) bool { return v.Kind != decode.Missing }
	lendsMore := slices.ContainsFunc(d.shared[p.contextFirst:p.contextLast], isLent) || isLent(d.shared[p.receivedAt])
	lendsTime := isLent(d.shared[p.sentAt])
	g.Reset(data[:batch.Off+batch.Len], int(batch.Off))
	g.Enter('[')
	for n := 0; g.Next(']', n); n++ {
		if g.Peek() != decode.Object {
			v, _ := g.Value()
			d.Batch.Fail(record, int32(n), event.Malformed, fmt.Sprintf("batch[%d]: %s is no object", n, decode.Cut(data[v.Off:v.Off+v.Len])))
			continue
		}
		start := g.Pos()
		shape := g.Match(d.plan.message)
		if shape != nil && !lendsMore && d.run(g, record, int32(n), shape, lendsTime) {
			continue
		}
		g.Seek(start)
		copy(d.Cells, d.shared)
		g.Rest = g.Rest[:0]
		g.Walk(d.plan.message)
		if shape == nil && g.OK() {
			g.Learn(d.plan.message, start)
		}
		d.message(record, int32(n), g.Rest)
	}
}

// message adds the event whose cells are filled, unless something is wrong.
func (d *decoder) message(record uint32, element int32, rest []decode.Member) {
	b := d.Batch
	row := b.Add()
	b.Record[row], b.Element[row] = record, element
	kind, ok := d.setName(row)
	if !ok || !d.setTime(row) || !d.setColumns(row, kind) || !d.setItems(row) {
		b.Undo(row)
		b.Fail(record, element, d.code, d.complaint)
		return
	}
	d.setSpecial(row, kind)
	if b.Want.AllAttrs || len(b.Want.Attrs) > 0 {
		d.setAttributes(row, kind, rest)
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

// setName sets the event's name from the kind of the message.
func (d *decoder) setName(row int) (call, bool) {
	b, p := d.Batch, d.plan
	kind, isKnown := track, false
	slot := d.First([]int32{p.kind})
	if slot >= 0 {
		if kind, isKnown = callOf(b.Bytes(d.Clean(slot))); !isKnown {
			return track, d.complain(event.BadValue, "type: %s is none of track, page, screen, identify, alias, group", d.raw(d.Cells[slot]))
		}
	}
	if kind != track {
		b.Str[event.Event][row] = d.kinds[kind]
		return kind, true
	}
	switch slot := d.First([]int32{p.event}); {
	case slot < 0:
		return track, d.complain(event.MissingField, "event is absent")
	case d.Cells[slot].Kind >= decode.Object:
		return track, d.complain(event.BadValue, "event: %s is not a text", d.raw(d.Cells[slot]))
	default:
		b.Str[event.Event][row] = d.Clean(slot)
	}
	return track, true
}

// setTime sets the event time from the first of the times that is there.
func (d *decoder) setTime(row int) bool {
	b, p := d.Batch, d.plan
	slot := d.First([]int32{p.timestamp, p.original, p.sentAt, p.receivedAt})
	if slot < 0 {
		return d.complain(event.MissingField, "event_time is absent: timestamp, originalTimestamp, sentAt and receivedAt are")
	}
	v := d.Cells[slot]
	ms, ok := d.timeOf(v)
	if !ok {
		return d.complain(event.BadTime, "event_time: %s is no ISO 8601 time from 1970 on", d.raw(v))
	}
	b.Int[event.EventTime][row] = ms
	return true
}

// timeOf reads an ISO 8601 time; without an offset it is UTC.
func (d *decoder) timeOf(v decode.Value) (int64, bool) {
	if v.Kind != decode.String {
		return 0, false
	}
	return d.day.ISO8601(d.Raw(v))
}
