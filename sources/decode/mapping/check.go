package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"touchstream/pipeline/event"
	"touchstream/pipeline/filter"
	"touchstream/pipeline/spell"
	"touchstream/sources/decode"
)

// problem is a fault of a configuration.
type problem struct {
	where   string // such as fields.price
	key     string
	message string
	fault   func(key, format string, args ...any)
}

func (p *problem) report() { p.fault(p.key, "%s", p.message) }

func (p *problem) error() error {
	if p.key == "" {
		return fmt.Errorf("%s: %s", p.where, p.message)
	}
	return fmt.Errorf("%s.%s: %s", p.where, p.key, p.message)
}

// checker gathers the faults of a configuration.
type checker struct {
	cfg   *Config
	found []problem
}

func (c *checker) add(key, format string, args ...any) {
	c.found = append(c.found, problem{"mapping", key, fmt.Sprintf(format, args...), c.cfg.fault})
}

func (c *checker) addField(where string, f *Field, key, format string, args ...any) {
	c.found = append(c.found, problem{where + "." + f.Name, key, fmt.Sprintf(format, args...), f.fault})
}

// problems are all faults that can be seen without data.
func (c *Config) problems() []problem {
	k := &checker{cfg: c}
	k.format()
	k.fields()
	k.items()
	for i := range c.Attributes {
		k.field("attributes", &c.Attributes[i], event.Text, k.depth())
	}
	k.where()
	return k.found
}

// Err joins all faults of the configuration.
func (c *Config) Err() error {
	var errs []error
	for _, p := range c.problems() {
		errs = append(errs, p.error())
	}
	for _, column := range []event.Column{event.Event, event.EventTime} {
		isMapped := slices.ContainsFunc(c.Fields, func(f Field) bool { return f.Name == column.String() })
		if !isMapped && !c.Defaulted.Has(column) {
			errs = append(errs, fmt.Errorf("fields: %s is not mapped; every event needs event and event_time", column))
		}
	}
	return errors.Join(errs...)
}

// depth is how many levels lie above the fields of an event.
func (c *checker) depth() int {
	if c.cfg.Expand != "" {
		return 1
	}
	return 0
}

func (c *checker) format() {
	cfg := c.cfg
	switch cfg.Format {
	case formatCSV:
		if d := cfg.Delimiter; d != "" && (len(d) != 1 || d[0] >= 0x80 || strings.ContainsAny(d, "\"\r\n\x00")) {
			c.add("delimiter", "%q is not one ASCII character other than a quote or a line break", d)
		}
		if cfg.Expand != "" {
			c.add("expand", "%s: a csv record has no array to expand, format jsonl has", cfg.Expand)
		}
		c.columns()
	case formatJSONL:
		if len(cfg.Columns) > 0 {
			c.add("columns", "columns belong to format csv, found format jsonl")
		}
	default:
		c.add("format", "%q is neither csv nor jsonl", cfg.Format)
	}
}

func (c *checker) columns() {
	cfg := c.cfg
	switch {
	case cfg.Header && len(cfg.Columns) > 0:
		c.add("columns", "columns name the cells of csv without a header, found header: true")
	case !cfg.Header && len(cfg.Columns) == 0:
		c.add("header", "header: false needs columns, found none")
	}
	seen := map[string]bool{}
	for _, name := range cfg.Columns {
		if name != "" && seen[name] {
			c.add("columns", "column %q is named twice", name)
		}
		seen[name] = true
	}
}

func (c *checker) fields() {
	cfg := c.cfg
	for i := range cfg.Fields {
		f := &cfg.Fields[i]
		column, ok := event.ColumnByName(f.Name)
		if !ok {
			c.addField("fields", f, "", "%s is no field of an event%s", f.Name, meant(f.Name, columnNames(event.NumColumns, func(i int) event.Column { return event.Column(i) })))
			continue
		}
		c.field("fields", f, column.Kind(), c.depth())
		if column == event.Price || column == event.Amount || f.Unit != unitMinor {
			continue
		}
		c.addField("fields", f, "unit", "unit belongs to price and amount, found %s", f.Name)
	}
}

func (c *checker) items() {
	cfg := c.cfg
	switch {
	case len(cfg.ItemsPath) == 0 && len(cfg.ItemFields) > 0:
		c.add("items", "items needs the path of an array, found fields alone")
	case len(cfg.ItemsPath) > 0 && len(cfg.ItemFields) == 0:
		c.add("items", "items needs fields, found the path alone")
	}
	for _, p := range cfg.ItemsPath {
		if message := c.path(p, c.depth()); message != "" {
			c.add("items", "path %s", message)
		}
	}
	for i := range cfg.ItemFields {
		f := &cfg.ItemFields[i]
		column, ok := itemColumn(f.Name)
		if !ok {
			names := columnNames(len(event.ItemColumns), func(i int) event.Column { return event.ItemColumns[i] })
			c.addField("items.fields", f, "", "%s is no field of an item%s", f.Name, meant(f.Name, names))
			continue
		}
		c.field("items.fields", f, column.Kind(), c.depth()+1)
		if column == event.Quantity && f.Unit == unitMinor {
			c.addField("items.fields", f, "unit", "unit belongs to price and amount, found quantity")
		}
	}
}

func itemColumn(name string) (event.Column, bool) {
	column, ok := event.ColumnByName(name)
	for _, c := range event.ItemColumns {
		if ok && c == column {
			return c, true
		}
	}
	return 0, false
}

// field checks one field; depth is how many levels lie above it.
func (c *checker) field(where string, f *Field, kind event.Kind, depth int) {
	given := 0
	for _, is := range []bool{len(f.Paths) > 0, f.Const != nil, f.Template != ""} {
		if is {
			given++
		}
	}
	if given != 1 {
		c.addField(where, f, "", "exactly one of path, const and template is needed, found %d", given)
	}
	for _, p := range f.Paths {
		if message := c.path(p, depth); message != "" {
			c.addField(where, f, "path", "%s", message)
		}
	}
	parts, err := parseTemplate(f.Template)
	if err != nil {
		c.addField(where, f, "template", "%v", err)
	}
	for _, p := range parts {
		if message := c.path(p.path, depth); p.path != "" && message != "" {
			c.addField(where, f, "template", "%s", message)
		}
	}
	for _, segment := range strings.Split(f.JSON, ".") {
		if f.JSON != "" && segment == "" {
			c.addField(where, f, "json", "path %q has an empty part", f.JSON)
		}
	}
	c.reading(where, f, kind)
}

// reading checks the keys that say how a text becomes a value.
func (c *checker) reading(where string, f *Field, kind event.Kind) {
	if kind != event.Time && (f.Format != "" || f.Zone != "") {
		c.addField(where, f, "format", "format and zone belong to times, %s is none", f.Name)
	}
	if kind == event.Time {
		if _, err := decode.NewTimeFormat(f.Format, f.Zone); err != nil {
			c.addField(where, f, "format", "%v", err)
		}
	}
	isNumber := kind == event.Money || kind == event.Number || kind == event.Float
	switch {
	case f.Decimal != "" && !isNumber:
		c.addField(where, f, "decimal", "decimal belongs to numbers, %s is none", f.Name)
	case f.Decimal != "" && f.Decimal != "." && f.Decimal != ",":
		c.addField(where, f, "decimal", "%q is neither a point nor a comma", f.Decimal)
	}
	if f.Unit == unitMinor && kind != event.Money {
		c.addField(where, f, "unit", "unit belongs to amounts, %s is none", f.Name)
	}
	c.constant(where, f, "const", f.Const, kind)
	c.constant(where, f, "default", f.Default, kind)
}

func (c *checker) constant(where string, f *Field, key string, value *string, kind event.Kind) {
	if value == nil {
		return
	}
	if _, ok := parseConstant(*value, kind); !ok {
		c.addField(where, f, key, "%q is not %s", *value, decode.KindWords(kind))
	}
}

// path checks a path; it returns what is wrong.
func (c *checker) path(p string, depth int) string {
	name := strings.TrimLeft(p, "^")
	up := len(p) - len(name)
	switch {
	case name == "":
		return fmt.Sprintf("%q names nothing", p)
	case up > depth && depth == 0:
		return fmt.Sprintf("%s reaches for a parent, but without expand there is none", p)
	case up > depth:
		return fmt.Sprintf("%s goes up %d levels, there are %d", p, up, depth)
	case c.cfg.Format == formatJSONL || depth > c.depth():
		for _, segment := range strings.Split(name, ".") {
			if segment == "" {
				return fmt.Sprintf("%q has an empty part", p)
			}
		}
	}
	return ""
}

func (c *checker) where() {
	if c.cfg.Where == "" {
		return
	}
	f, err := filter.CompileFields(c.cfg.Where)
	if err != nil {
		c.add("where", "%v", err)
		return
	}
	for _, p := range f.Fields() {
		if message := c.path(p, c.depth()); message != "" {
			c.add("where", "%s", message)
		}
	}
}

// columnNames are the names of n columns.
func columnNames(n int, at func(int) event.Column) []string {
	names := make([]string, n)
	for i := range names {
		names[i] = at(i).String()
	}
	return names
}

// meant names the field that a misspelled one most likely means.
func meant(name string, names []string) string {
	if near := spell.Nearest(name, names); near != "" {
		return "; did you mean " + near + "?"
	}
	return "; fields are " + strings.Join(names, ", ")
}
