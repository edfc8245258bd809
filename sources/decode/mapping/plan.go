package mapping

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
	"touchstream/sources/decode"
)

// plan is a mapping made ready for what a batch wants. It belongs to one
// decoder, because times remember their zone and constants their place in the
// batch's arena.
type plan struct {
	trees  []*decode.Node // record, element with expand, item
	levels int            // above the fields of an event
	slots  int32          // of all trees, and behind them one for json
	expand int32          // slot of the array, -1

	fields     []op
	attributes []op
	items      []op
	itemSlots  []int32
	where      []int32 // slots of the condition's fields
	columns    []mappedColumn
}

// mappedColumn is a csv column that something reads.
type mappedColumn struct {
	name string
	slot int32
}

// op makes one field.
type op struct {
	name       string
	column     event.Column
	kind       event.Kind
	isRequired bool

	slots    []int32
	paths    []string
	template []part
	json     *decode.Node
	trim     bool
	lower    bool
	mapping  []pair
	hasMap   bool
	// fallback is the default, or the value itself with isConst.
	fallback    constant
	hasFallback bool
	isConst     bool

	time  *decode.TimeFormat
	comma byte
	shift int

	key event.Str // of an attribute, in the batch at hand
}

// part of a template: a literal, then a field.
type part struct {
	literal string
	path    string // "": the literal alone
	slot    int32
}

// pair of a map.
type pair struct {
	from, to string
	place    event.Str // of to in the batch at hand
}

// constant is a value written in the configuration.
type constant struct {
	text  string
	num   int64
	real  float64
	place event.Str
}

// parseConstant reads a value as it would stand in an event.
func parseConstant(s string, kind event.Kind) (c constant, ok bool) {
	c.text = s
	b := []byte(s)
	switch kind {
	case event.Text:
		ok = true
	case event.Time:
		c.num, ok = decode.RFC3339(b)
	case event.Number:
		c.num, ok = decode.Int(b, '.')
	case event.Money:
		c.num, ok = money.Parse(b, '.')
	case event.Float:
		c.real, ok = decode.Float(b)
	case event.Flag:
		c.num, ok = decode.Flag(b)
	}
	return c, ok
}

// parseTemplate cuts {a}/{b} into parts; {{ and }} are braces.
func parseTemplate(s string) ([]part, error) {
	var parts []part
	literal := ""
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			literal, s = literal+s, ""
			break
		}
		literal += s[:i]
		if i+1 < len(s) && s[i+1] == s[i] {
			literal, s = literal+s[i:i+1], s[i+2:]
			continue
		}
		end := strings.IndexByte(s, '}')
		if s[i] == '}' || end < 0 {
			return nil, fmt.Errorf("a brace without its partner; a brace itself is written twice")
		}
		path := strings.TrimSpace(s[i+1 : end])
		if path == "" {
			return nil, fmt.Errorf("{} names no field")
		}
		parts = append(parts, part{literal: literal, path: path})
		literal, s = "", s[end+1:]
	}
	if literal != "" {
		parts = append(parts, part{literal: literal})
	}
	return parts, nil
}

// compile makes the plan of a configuration without problems.
func compile(cfg *Config, want event.Want, whereFields []string) *plan {
	p := &plan{expand: -1}
	places := &places{csv: cfg.IsCSV()}
	if cfg.Expand != "" {
		p.levels = 1
	}
	for range p.levels + 2 {
		places.levels = append(places.levels, decode.NewTree())
	}
	p.fields = compileFields(cfg.Fields, func(f *Field) (event.Column, bool) {
		c, ok := event.ColumnByName(f.Name)
		return c, ok && (want.Columns.Has(c) || c == event.Event || c == event.EventTime)
	})
	slices.SortStableFunc(p.fields, func(a, b op) int { return cmp.Compare(a.order(), b.order()) })
	for i := range p.fields {
		p.fields[i].isRequired = p.fields[i].order() < 2 && !cfg.Defaulted.Has(p.fields[i].column)
	}
	p.attributes = compileFields(cfg.Attributes, func(f *Field) (event.Column, bool) {
		return event.Event, want.WantsAttr([]byte(f.Name))
	})
	itemsPath := cfg.ItemsPath
	if want.Items {
		p.items = compileFields(cfg.ItemFields, func(f *Field) (event.Column, bool) { return itemColumn(f.Name) })
	} else {
		itemsPath = nil
	}
	ops := [][]op{p.fields, p.attributes, p.items}
	from := []int{p.levels, p.levels, p.levels + 1}
	for k := range ops {
		for i := range ops[k] {
			ops[k][i].eachPath(func(path string) { places.add(path, from[k]) })
		}
	}
	for _, path := range append(slices.Clone(itemsPath), whereFields...) {
		places.add(path, p.levels)
	}
	if cfg.Expand != "" {
		places.add(cfg.Expand, 0)
	}
	p.slots = places.number()
	for k := range ops {
		for i := range ops[k] {
			ops[k][i].resolve(places, from[k], p.slots)
		}
	}
	for _, path := range itemsPath {
		p.itemSlots = append(p.itemSlots, places.slot(path, p.levels))
	}
	for _, path := range whereFields {
		p.where = append(p.where, places.slot(path, p.levels))
	}
	if cfg.Expand != "" {
		p.expand = places.slot(cfg.Expand, 0)
	}
	p.trees = places.levels
	if cfg.IsCSV() {
		for _, kid := range p.trees[0].Kids() {
			p.columns = append(p.columns, mappedColumn{kid.Key, kid.Slot()})
		}
	}
	return p
}

// order puts event and event_time before the other fields.
func (o *op) order() int {
	switch o.column {
	case event.Event:
		return 0
	case event.EventTime:
		return 1
	}
	return 2
}

func compileFields(fields []Field, column func(*Field) (event.Column, bool)) []op {
	var ops []op
	for i := range fields {
		if c, ok := column(&fields[i]); ok {
			ops = append(ops, compileField(&fields[i], c))
		}
	}
	return ops
}

func compileField(f *Field, column event.Column) op {
	o := op{
		name: f.Name, column: column, kind: column.Kind(), paths: f.Paths, trim: f.Trim, lower: f.Lower, comma: '.',
	}
	if f.Decimal != "" {
		o.comma = f.Decimal[0]
	}
	if f.Unit == unitMinor {
		o.shift = -2
	}
	if o.kind == event.Time {
		o.time, _ = decode.NewTimeFormat(f.Format, f.Zone)
	}
	o.template, _ = parseTemplate(f.Template)
	for _, m := range f.Map {
		o.mapping = append(o.mapping, pair{from: m.Name, to: m.Value})
	}
	slices.SortFunc(o.mapping, func(a, b pair) int { return strings.Compare(a.from, b.from) })
	o.hasMap = len(o.mapping) > 0
	given := f.Default
	if f.Const != nil {
		given, o.isConst = f.Const, true
	}
	if given != nil {
		o.fallback, _ = parseConstant(*given, o.kind)
		o.hasFallback = true
	}
	if f.JSON != "" {
		o.json = decode.NewTree()
		o.json.Add(strings.Split(f.JSON, ".")...)
	}
	return o
}

// eachPath calls the function for each path that the field reads.
func (o *op) eachPath(f func(path string)) {
	for _, p := range o.paths {
		f(p)
	}
	for i := range o.template {
		if o.template[i].path != "" {
			f(o.template[i].path)
		}
	}
}

// resolve fixes the slots of the field's paths; spare is the slot for json.
func (o *op) resolve(places *places, from int, spare int32) {
	for _, p := range o.paths {
		o.slots = append(o.slots, places.slot(p, from))
	}
	for i := range o.template {
		if t := &o.template[i]; t.path != "" {
			t.slot = places.slot(t.path, from)
		}
	}
	if o.json != nil {
		o.json.Number(spare)
	}
}

// place puts the field's constants into the batch.
func (o *op) place(b *event.Batch) {
	put := func(s string) event.Str {
		if s == "" {
			return event.Str{}
		}
		off := len(b.Arena)
		b.Arena = append(b.Arena, s...)
		return event.Str{Off: uint32(off), Len: uint32(len(s))}
	}
	o.fallback.place = put(o.fallback.text)
	for i := range o.mapping {
		o.mapping[i].place = put(o.mapping[i].to)
	}
}
