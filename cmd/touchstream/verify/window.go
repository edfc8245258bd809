package verify

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"touchstream/operators/window"
	"touchstream/pipeline/event"
)

const dayMs = 86_400_000

// windowScope is what window.sql adds to the parameters.
type windowScope struct {
	Name       string
	OverItems  bool
	Where      string
	Keys       []term
	KeyList    string
	Inputs     []term
	Calls      []call
	Aggregates []term // over the results of Calls

	Gap         int64  // of session windows, else 0
	Zone        string // of windows of whole local days, else empty
	Size, Slide int64  // ms, or days with a zone
	Pane        int64  // their greatest common divisor when windows overlap, else 0
	Origin      int64
	OffsetDays  int64
	OffsetMs    int64
	Clock       string // of OffsetMs, as " 00:00:00.000"
}

type term struct{ Name, SQL string }

// call is an aggregate function over units.
type call struct{ Name, Function, Arguments string }

// call adds one, and returns the name of its result.
func (s *windowScope) call(function, arguments string) string {
	name := fmt.Sprintf("call_%d", len(s.Calls))
	s.Calls = append(s.Calls, call{name, function, arguments})
	return name
}

// Order is that of units.
func (s *windowScope) Order() string {
	if s.OverItems {
		return "seq, item"
	}
	return "seq"
}

// window makes the table of one window.
func (p *Params) window(c *window.Config) (*Table, error) {
	t := &Table{Name: "window_" + c.Name, Start: "window_start", Settled: "toUnixTimestamp64Milli(window_end)"}
	s := &windowScope{Name: c.Name, Gap: c.Session}
	parts, err := p.windowParts(c, t, s)
	var slow errSlow
	if errors.As(err, &slow) {
		t.Why = slow.Error()
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	if err := s.shape(c); err != nil {
		return nil, err
	}
	if s.Gap > 0 {
		t.Settled += " + 1" // it closes when the watermark is past its end
	}
	if t.SQL, err = p.statement("window", s); err != nil {
		return nil, err
	}
	t.Columns = append(t.Columns, Column{Name: "window_end"}, Column{Name: "is_final", Derived: "true"})
	t.Columns = append(t.Columns, parts...)
	// The table's view gives merged profiles their present names.
	for _, k := range s.Keys {
		t.Key = append(t.Key, k.Name)
	}
	t.Key = append(t.Key, "window_start")
	t.Behind = fmt.Sprintf("at >= %s AND at < %s + %d", ms("window_start"), ms("window_start"), max(c.Tumbling, c.Size, c.Session))
	for i, k := range s.Keys {
		if o, err := operandOf(c.Key[i], false); err == nil && o.kind == event.Text && !o.item {
			t.Behind += " AND " + o.sql + " = {" + k.Name + "}"
		}
	}
	return t, nil
}

// windowParts fills in keys, condition and aggregates. Whether a window runs
// over items is known when all of them have been read once.
func (p *Params) windowParts(c *window.Config, t *Table, s *windowScope) ([]Column, error) {
	read := func() (out []Column, items bool, err error) {
		s.Keys, s.Inputs, s.Calls, s.Aggregates, t.Left = nil, nil, nil, nil, nil
		cond := condition{overItems: s.OverItems}
		if s.Where, err = cond.sql(c.Where); err != nil {
			return nil, false, err
		}
		items = cond.items
		for _, k := range c.Key {
			o, err := operandOf(k, s.OverItems)
			if err != nil {
				return nil, false, err
			}
			items = items || o.item
			s.Keys = append(s.Keys, term{o.name, o.sql})
		}
		for i, a := range c.Aggregates {
			col, in, err := s.aggregate(t, i, a.Name, a.Value)
			if err != nil {
				return nil, false, err
			}
			items = items || in
			if col != nil {
				out = append(out, *col)
			}
		}
		return out, items, nil
	}
	out, items, err := read()
	if err == nil && items {
		s.OverItems = true
		out, _, err = read()
	}
	names := []string{"1"}
	for _, k := range s.Keys {
		names = append(names, field(k.Name))
	}
	s.KeyList = strings.Join(names[min(1, len(names)-1):], ", ")
	return out, err
}

// aggregate adds one call such as sum(amount).
func (s *windowScope) aggregate(t *Table, i int, name, call string) (*Column, bool, error) {
	function, rest, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(call), ")"), "(")
	function = strings.TrimSpace(function)
	argument, number := strings.TrimSpace(rest), ""
	if at := strings.LastIndexByte(rest, ','); at >= 0 && (function == "quantile" || function == "top") {
		argument, number = strings.TrimSpace(rest[:at]), strings.TrimSpace(rest[at+1:])
	}
	col := &Column{Name: name}
	if argument == "" {
		s.Aggregates = append(s.Aggregates, term{name, s.call("count", "")})
		return col, false, nil
	}
	o, err := operandOf(argument, s.OverItems)
	if err != nil {
		return nil, false, err
	}
	x := fmt.Sprintf("input_%d", i)
	s.Inputs = append(s.Inputs, term{x, o.sql})
	there := x + " IS NOT NULL"
	if o.kind == event.Text {
		there = x + " != ''"
	}
	isText := o.kind == event.Text
	// Amounts and other measures are summed with four places, the rest whole.
	exact := "toInt64(" + x + ")"
	switch o.kind {
	case event.Money:
		exact = "toDecimal256(" + x + ", 4)"
	case event.Float:
		exact = "toDecimal256(round(" + x + ", 4), 4)"
	}
	order := "(" + s.Order() + ")"
	sql := ""
	switch function {
	case "count":
		sql = s.call("countIf", there)
	case "sum":
		sql = s.call("sumOrNull", exact)
	case "avg":
		sql, col.Within = s.call("avgOrNull", "toFloat64("+x+")"), 1e-9
	case "stddev":
		sql, col.Within = "if("+s.call("count", x)+" < 2, NULL, "+s.call("stddevSampStable", "toFloat64("+x+")")+")", 1e-6
	case "min", "max":
		if isText {
			sql = s.call(function+"If", x+", "+there)
		} else {
			sql = s.call(function+"OrNull", x)
		}
	case "first", "last":
		arg := map[string]string{"first": "argMin", "last": "argMax"}[function]
		if !isText {
			arg += "OrNull"
		}
		sql = s.call(arg+"If", x+", "+order+", "+there)
	case "uniq":
		sql = s.call("uniqExactIf", x+", "+there)
		col.Within, col.From = 0.05, 512
		t.Left = append(t.Left, name+": within 5 % above 512 values (HyperLogLog with precision 14)")
	case "uniq_exact":
		sql = s.call("uniqExactIf", x+", "+there)
	case "quantile":
		q, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, false, err
		}
		sql = fmt.Sprintf("if(%[1]s = 0, NULL, arraySort(%[2]s)[toUInt64(floor(%[3]v * (%[1]s - 1))) + 1])", s.call("count", x), s.call("groupArray", "toFloat64("+x+")"), q)
		col.Within = 0.0101
		t.Left = append(t.Left, name+": within 1 % (DDSketch)")
	case "top":
		text := x
		if !isText {
			text = "toString(" + x + ")"
		}
		sql = fmt.Sprintf("arraySlice(arrayMap(v -> v.2, arraySort(arrayMap((k, n) -> (-toInt64(n), k), mapKeys(%[1]s), mapValues(%[1]s)))), 1, %[2]s)",
			s.call("sumMapIf", "map("+text+", toUInt64(1)), "+there), number)
	default:
		return nil, false, fmt.Errorf("%s: %s is no aggregate", name, call)
	}
	s.Aggregates = append(s.Aggregates, term{name, sql})
	return col, o.item, nil
}

// shape sets the grid. Sizes and slides of whole days follow the local
// calendar of the zone; all others are fixed lengths from the instant at which
// 1970-01-01 began there.
func (s *windowScope) shape(c *window.Config) error {
	if s.Gap > 0 {
		return nil
	}
	s.Size, s.Slide = c.Size, c.Slide
	if c.Tumbling > 0 {
		s.Size, s.Slide = c.Tumbling, c.Tumbling
	}
	zone, err := time.LoadLocation(c.Zone)
	if err != nil {
		return err
	}
	if s.Size%dayMs == 0 && s.Slide%dayMs == 0 && zone.String() != "UTC" {
		s.Zone = zone.String()
		s.Size, s.Slide = s.Size/dayMs, s.Slide/dayMs
		s.OffsetDays, s.OffsetMs = c.Offset/dayMs, c.Offset%dayMs
		s.Clock = time.UnixMilli(s.OffsetMs).UTC().Format(" 15:04:05.000")
	} else {
		s.Origin = time.Date(1970, 1, 1, 0, 0, 0, 0, zone).UnixMilli() + c.Offset
	}
	if s.Slide < s.Size {
		s.Pane = gcd(s.Size, s.Slide)
	}
	return nil
}

func gcd(a, b int64) int64 {
	for b > 0 {
		a, b = b, a%b
	}
	return a
}

// windowColumns are the columns of events that the windows need.
func (p *Params) windowColumns() []string {
	var out []string
	add := func(text string) {
		if o, err := operandOf(text, false); err == nil && o.column != "" {
			out = append(out, o.column)
			if o.item || text == "amount" || text == "coupon" {
				out = append(out, "items.product_id", "items."+text)
			}
		}
	}
	for _, c := range p.Windows {
		cond := condition{}
		if _, err := cond.sql(c.Where); err == nil {
			for _, column := range cond.columns {
				add(column)
			}
		}
		for _, k := range c.Key {
			add(k)
		}
		for _, a := range c.Aggregates {
			_, rest, _ := strings.Cut(strings.TrimSuffix(strings.TrimSpace(a.Value), ")"), "(")
			if at := strings.LastIndexByte(rest, ','); at >= 0 && !strings.Contains(rest[at:], `"`) {
				rest = rest[:at]
			}
			add(strings.TrimSpace(rest))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}
