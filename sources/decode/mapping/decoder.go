package mapping

import (
	"bytes"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"touchstream/pipeline/event"
	"touchstream/pipeline/filter"
	"touchstream/sources/decode"
)

// New makes decoders of a mapping, one for each goroutine. They fill what the
// batch wants. A mapped csv column that a file does not have is warned of once
// for all of them.
func New(cfg Config) (func() event.Decoder, error) {
	if err := cfg.Err(); err != nil {
		return nil, err
	}
	warned := &sync.Map{}
	var where *filter.FieldFilter
	if cfg.Where != "" {
		where, _ = filter.CompileFields(cfg.Where) // it was checked above
	}
	return func() event.Decoder {
		d := &decoder{cfg: &cfg, where: where, warned: warned}
		d.field = d.fieldValue
		if !cfg.IsCSV() {
			d.outer.Use(&d.index)
			d.inner.Use(&d.index)
			d.deep.Use(&d.index)
		}
		if where != nil {
			d.eval = where.NewEval()
		}
		return d
	}, nil
}

// decoder is one goroutine's decoder.
type decoder struct {
	cfg    *Config
	where  *filter.FieldFilter
	warned *sync.Map
	eval   *filter.FieldEval
	field  func(i int) ([]byte, filter.FieldKind)

	plan  *plan // for want
	want  event.Want
	cells []decode.Value

	b       *event.Batch
	topic   string
	index   decode.Index
	outer   decode.Gatherer // the record, then its elements
	inner   decode.Gatherer // items
	deep    decode.Gatherer // json inside a text
	scratch []byte

	header      []byte
	hasHeader   bool
	headerFault string
	slotOf      []int32 // by csv column; -1: nothing reads it

	// complaint says what is wrong with the event at hand.
	code      event.ReasonCode
	complaint string
}

// Decode implements event.Decoder.
func (d *decoder) Decode(c *event.Chunk, b *event.Batch) {
	d.bind(b)
	d.b, d.topic = b, c.Origin.Topic
	if d.cfg.IsCSV() {
		d.readHeader(c)
	} else {
		d.index.BuildFor(c)
	}
	for i := range c.Recs {
		start, end, ok := decode.Record(c, i)
		data := c.Data[:end:end]
		switch {
		case d.cfg.IsCSV() && (ok || isRowOfBlanks(data[start:], d.cfg.Comma())):
			d.decodeCSV(c.First+uint32(i), data, start)
		case ok:
			d.decodeJSON(c.First+uint32(i), data, start)
		default:
			b.Skipped++
		}
	}
	d.b = nil
}

// bind makes the plan for what the batch wants and puts the constants into it.
func (d *decoder) bind(b *event.Batch) {
	w := &b.Want
	if d.plan == nil || w.Columns != d.want.Columns || w.Items != d.want.Items || w.AllAttrs != d.want.AllAttrs || !slices.Equal(w.Attrs, d.want.Attrs) {
		var fields []string
		if d.where != nil {
			fields = d.where.Fields()
		}
		d.want, d.plan, d.hasHeader = *w, compile(d.cfg, *w, fields), false
		d.cells = make([]decode.Value, d.plan.slots+1)
		d.outer.Cells, d.inner.Cells, d.deep.Cells = d.cells, d.cells, d.cells
	}
	for _, ops := range [...][]op{d.plan.fields, d.plan.attributes, d.plan.items} {
		for i := range ops {
			ops[i].place(b)
		}
	}
	for i := range d.plan.attributes {
		o := &d.plan.attributes[i]
		o.key = b.Put([]byte(o.name))
	}
}

func (d *decoder) decodeJSON(record uint32, data []byte, start int) {
	p := d.plan
	clear(d.cells)
	s := &d.outer
	s.Reset(data, start)
	s.Gather(p.trees[0])
	if !s.End() {
		d.b.Fail(record, -1, event.Malformed, s.Fault())
		return
	}
	if p.expand < 0 {
		d.event(record, 0)
		return
	}
	array := d.cells[p.expand]
	switch array.Kind {
	case decode.Missing, decode.Null:
		d.b.Fail(record, -1, event.MissingField, d.cfg.Expand+": the array to expand is absent")
		return
	case decode.Array:
	default:
		d.b.Fail(record, -1, event.BadValue, fmt.Sprintf("%s: %s is no array to expand", d.cfg.Expand, decode.Cut(d.b.Arena[array.Off:array.Off+array.Len])))
		return
	}
	s.Reset(data, int(array.Off))
	s.Enter('[')
	for n := 0; s.Next(']', n); n++ {
		first, _ := p.trees[1].Bounds()
		clear(d.cells[first:])
		if s.Peek() != decode.Object {
			v, _ := s.Value()
			d.b.Fail(record, int32(n), event.Malformed, fmt.Sprintf("%s[%d]: %s is no object", d.cfg.Expand, n, decode.Cut(data[v.Off:v.Off+v.Len])))
			continue
		}
		s.Gather(p.trees[1])
		d.event(record, int32(n))
	}
}

// isRowOfBlanks reports whether a record of blanks alone is a row, because its
// delimiter is a blank.
func isRowOfBlanks(record []byte, comma byte) bool {
	return (comma == ' ' || comma == '\t') && bytes.IndexByte(record, comma) >= 0
}

// readHeader finds the mapped columns in the header of the chunk's file.
func (d *decoder) readHeader(c *event.Chunk) {
	if d.hasHeader && (!d.cfg.Header || bytes.Equal(d.header, c.Header)) {
		return
	}
	d.hasHeader = true
	d.header = append(d.header[:0], c.Header...)
	names := d.cfg.Columns
	d.headerFault = ""
	if d.cfg.Header {
		names = d.headerNames()
	}
	d.slotOf = d.slotOf[:0]
	found := make([]bool, d.plan.slots+1)
	for _, name := range names {
		slot := int32(-1)
		for _, m := range d.plan.columns {
			if m.name == name {
				slot = m.slot
			}
		}
		if slot >= 0 && found[slot] && d.headerFault == "" {
			d.headerFault = fmt.Sprintf("the header names column %q twice", name)
		}
		if slot >= 0 {
			found[slot] = true
		}
		d.slotOf = append(d.slotOf, slot)
	}
	if d.headerFault == "" {
		d.warn(found)
	}
}

// headerNames reads the header line, trimmed of blanks and byte order mark.
func (d *decoder) headerNames() []string {
	line := bytes.TrimPrefix(d.header, []byte("\xef\xbb\xbf"))
	line = decode.TrimBreak(line)
	if len(line) == 0 {
		d.headerFault = "no header names the columns; csv without one needs header: false and columns"
		return nil
	}
	var cells decode.Cells
	cells.Reset(line, 0, d.cfg.Comma())
	var names []string
	for v, ok := cells.Next(); ok; v, ok = cells.Next() {
		name := decode.AppendCell(nil, line[v.Off:v.Off+v.Len], v.Quoted)
		names = append(names, string(decode.TrimBlanks(name)))
	}
	if cells.Fault() != "" {
		d.headerFault = "header: " + cells.Fault()
	}
	return names
}

// warn tells, once for all files, which fields have no column.
func (d *decoder) warn(found []bool) {
	missing := func(slots []int32, what string, columns any) {
		if len(slots) == 0 || slices.ContainsFunc(slots, func(s int32) bool { return found[s] }) {
			return
		}
		if _, again := d.warned.LoadOrStore(what, true); !again {
			slog.Warn("a mapped column is not in the file; the field is absent there", "file", d.topic, "field", what, "column", columns)
		}
	}
	for _, ops := range [...][]op{d.plan.fields, d.plan.attributes} {
		for i := range ops {
			o := &ops[i]
			missing(o.slots, o.name, o.paths)
			for _, t := range o.template {
				if t.path != "" {
					missing([]int32{t.slot}, o.name+" "+t.path, t.path)
				}
			}
		}
	}
	missing(d.plan.itemSlots, "items", d.cfg.ItemsPath)
	for i, slot := range d.plan.where {
		missing([]int32{slot}, "where "+d.where.Fields()[i], d.where.Fields()[i])
	}
}

func (d *decoder) decodeCSV(record uint32, data []byte, start int) {
	if d.headerFault != "" {
		d.b.Fail(record, -1, event.Malformed, d.headerFault)
		return
	}
	clear(d.cells)
	var cells decode.Cells
	cells.Reset(data, start, d.cfg.Comma())
	n := 0
	for v, ok := cells.Next(); ok; v, ok = cells.Next() {
		if n < len(d.slotOf) && d.slotOf[n] >= 0 {
			s := decode.CellText(d.b, v)
			d.cells[d.slotOf[n]] = decode.Value{Kind: decode.String, Off: s.Off, Len: s.Len}
		}
		n++
	}
	switch {
	case cells.Fault() != "":
		d.b.Fail(record, -1, event.Malformed, fmt.Sprintf("cell %d: %s", n+1, cells.Fault()))
	case n != len(d.slotOf):
		d.b.Fail(record, -1, event.Malformed, fmt.Sprintf("the row has %d cells, its header has %d", n, len(d.slotOf)))
	default:
		d.event(record, 0)
	}
}
