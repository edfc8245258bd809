package mapping

import (
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
)

// Config is a mapping as configured.
type Config struct {
	Format    string // csv | jsonl
	Delimiter string
	// Header: the first record of each csv file names its columns; otherwise
	// Columns does.
	Header  bool
	Columns []string

	Expand     string
	Fields     []Field
	ItemsPath  []string
	ItemFields []Field
	Attributes []Field
	Where      string

	// Defaulted are the columns that the source fills where an event lacks
	// them, so that their absence is no fault.
	Defaulted event.Set

	fault func(key, format string, args ...any)
}

// Field is how one field of an event, an item or an attribute is made.
type Field struct {
	Name     string
	Paths    []string
	Const    *string
	Template string
	Map      []config.Pair
	HasMap   bool
	Default  *string
	Format   string
	Zone     string
	Decimal  string
	Unit     string
	Lower    bool
	Trim     bool
	JSON     string

	fault func(key, format string, args ...any)
}

// IsCSV reports whether records are csv.
func (c *Config) IsCSV() bool { return c.Format == formatCSV }

// Comma is the csv delimiter.
func (c *Config) Comma() byte {
	if c.Delimiter == "" {
		return ','
	}
	return c.Delimiter[0]
}

const (
	formatCSV   = "csv"
	formatJSONL = "jsonl"
	unitMajor   = "major"
	unitMinor   = "minor"
)

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	c.fault = s.Fault
	s.Enum("format", &c.Format, "", "How records are written.", formatCSV, formatJSONL).Required()
	s.String("delimiter", &c.Delimiter, ",", "Between the cells of a csv record; one ASCII character.")
	s.Bool("header", &c.Header, true, "The first record of each csv file names its columns.")
	s.Strings("columns", &c.Columns, nil, "The columns of csv without a header, in their order.")
	s.String("expand", &c.Expand, "", "The path of an array; each of its elements is an event, ^x reaches a field of its parent.")
	c.Fields = declareFields(s, "fields", "How each field of an event is made; event and event_time must be there.")
	s.Section("items", config.Func(func(s *config.Section) {
		s.Strings("path", &c.ItemsPath, nil, "The path of the array of products; the first that is there.")
		c.ItemFields = declareFields(s, "fields", "How each field of an item is made.")
	}), "The products of an event.")
	c.Attributes = declareFields(s, "attributes", "Anything else, by name.")
	s.String("where", &c.Where, "", "Which events are kept: a condition over source fields.")
	if s.Describing() || c.Format == "" {
		return // without a format nothing else can be judged
	}
	for _, p := range c.problems() {
		p.report()
	}
}

func declareFields(s *config.Section, key, doc string) []Field {
	var fields []Field
	s.Values(key, "path, list of paths or mapping", doc, func(name string, v *config.Value) {
		f := Field{Name: name}
		f.fault = func(_, format string, args ...any) { v.Fault(format, args...) }
		if paths, ok := v.Texts(); ok {
			f.Paths = paths
		} else if !v.Section(config.Func(f.declare)) {
			v.Expected("a path, a list of paths or a mapping")
			return
		}
		fields = append(fields, f)
	})
	return fields
}

func (f *Field) declare(s *config.Section) {
	f.fault = s.Fault
	s.Strings("path", &f.Paths, nil, "The source field; of a list the first that is there.").NonEmptyElements()
	f.Const = text(s, "const", "The same value for all events.")
	s.String("template", &f.Template, "", "A text with source fields in braces, such as {receipt}/{line}; {{ is a brace.")
	f.HasMap = s.Has("map")
	s.Pairs("map", &f.Map, "Source values and what they become.")
	f.Default = text(s, "default", "The value if there is none; beside a map also for values that the map lacks.")
	s.String("format", &f.Format, "", "Of a time: unix_s, unix_ms, unix_us, rfc3339 (default) or a Go layout.")
	s.String("zone", &f.Zone, "", "The time zone of times without an offset, such as Europe/Warsaw.")
	s.String("decimal", &f.Decimal, "", "The decimal sign of numbers in text: . (default) or a comma.")
	s.Enum("unit", &f.Unit, unitMajor, "Whether amounts are in major or minor units (cents).", unitMajor, unitMinor)
	s.Bool("lower", &f.Lower, false, "Make the text lower case.")
	s.Bool("trim", &f.Trim, false, "Cut blanks from both ends.")
	s.String("json", &f.JSON, "", "A path in the JSON text that the column holds.")
}

// text declares a scalar of any type, nil if it is not there.
func text(s *config.Section, key, doc string) *string {
	v := s.Any(key, "scalar", "", doc)
	if !v.Present() {
		return nil
	}
	t, ok := v.Text()
	if !ok {
		v.Expected("a text, a number or a flag")
		return nil
	}
	return &t
}
