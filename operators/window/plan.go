package window

import (
	"fmt"
	"regexp"
	"slices"
	"time"

	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/filter"
	"touchstream/pipeline/schema"
)

// plan is a checked configuration: what a window's routes and shards work from.
type plan struct {
	name      string
	keys      []operand
	calls     []*call
	filter    *filter.Filter // nil: all
	items     bool
	isSession bool
	gap       int64
	grid      grid
	emit      Mode
	early     int64
	table     *schema.Table
	wants     event.Want
	// onlyCounts: each aggregate is a count of units, its cell their number.
	onlyCounts bool
}

// fault is one thing wrong with a configuration.
type fault struct{ key, message string }

// windowsMax bounds the windows that one event can be in.
const windowsMax = 10_000

var isName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// newPlan checks a configuration and reports everything that is wrong with it.
func newPlan(c *Config) (*plan, []fault) {
	p := &plan{name: c.Name, isSession: c.Session > 0, gap: c.Session, emit: c.Emit, early: c.EarlyEvery}
	var faults []fault
	add := func(key, format string, args ...any) {
		faults = append(faults, fault{key, fmt.Sprintf(format, args...)})
	}
	if !isName.MatchString(c.Name) {
		add("", "%s is no name for a table: letters, digits and _", c.Name)
	}
	for _, k := range c.Key {
		o, ok := parseOperand(k)
		if !ok {
			add("key", "%s is no field of an event%s", k, filter.Suggest(k))
			continue
		}
		p.keys = append(p.keys, o)
	}
	if c.Where != "" {
		f, err := filter.Compile(c.Where)
		if err != nil {
			add("where", "%s", err)
		} else {
			p.filter = f
		}
	}
	for _, a := range c.Aggregates {
		parsed, err := parseCall(a.Value)
		switch {
		case err != nil:
			add("aggregate", "%s: %s", a.Name, err)
		case !isName.MatchString(a.Name):
			add("aggregate", "%s is no column name: letters, digits and _", a.Name)
		default:
			p.calls = append(p.calls, parsed)
		}
	}
	p.shape(c, add)
	if len(faults) == 0 {
		p.declare(c, add)
		p.want()
	}
	return p, faults
}

// shape sets the grid of tumbling and sliding windows.
func (p *plan) shape(c *Config, add func(key, format string, args ...any)) {
	zone, err := c.location()
	if err != nil {
		add("align", "zone: %s is no time zone", c.Zone)
		return
	}
	if zone.String() == "UTC" {
		zone = time.UTC
	}
	size, slide := c.Tumbling, c.Tumbling
	if size == 0 {
		size, slide = c.Size, c.Slide
	}
	switch {
	case p.isSession:
	case slide > size:
		add("sliding", "slide %s must not exceed size %s", config.FormatDuration(slide), config.FormatDuration(size))
	case slide <= 0:
		add("", "one of tumbling, sliding and session is needed")
	default:
		p.grid = newGrid(size, slide, zone, c.Offset)
		if n := p.grid.span; n > windowsMax {
			add("sliding", "size %s and slide %s make %d panes of a window; %d is the most",
				config.FormatDuration(size), config.FormatDuration(slide), n, windowsMax)
		}
	}
}

// declare makes the table.
func (p *plan) declare(c *Config, add func(key, format string, args ...any)) {
	t := &schema.Table{Name: "window_" + c.Name, Doc: "Window " + c.Name + ".", Revisable: true, Deletable: true, Partition: "window_start"}
	column := func(key string, col schema.Column) {
		if t.Column(col.Name) >= 0 {
			add(key, "%s is the name of two columns", col.Name)
		}
		t.Columns = append(t.Columns, col)
	}
	for i := range p.keys {
		k := &p.keys[i]
		name := k.columnName()
		if !isName.MatchString(name) {
			add("key", "%s gives no column name", k.name)
		}
		t.ID = append(t.ID, name)
		if k.source == fromProfile {
			t.Profiles = append(t.Profiles, name)
		}
		column("key", schema.Column{Name: name, Type: k.columnType(), Nullable: k.kind != event.Text && k.source != fromBot, Doc: "Key " + k.name + "."})
	}
	column("key", schema.Column{Name: "window_start", Type: schema.Time, Doc: "Start of the window, part of it."})
	column("key", schema.Column{Name: "window_end", Type: schema.Time, Doc: "End of the window, not part of it; of a session its last event plus the gap."})
	t.ID = append(t.ID, "window_start")
	for i, call := range p.calls {
		col := functions()[call.function].build(call, &feed{operand: call.operand}).column()
		col.Name, col.Doc = c.Aggregates[i].Name, c.Aggregates[i].Value+"."
		column("aggregate", col)
	}
	column("aggregate", schema.Column{Name: "revision", Type: schema.Int, Doc: "Rises with every correction, from 1."})
	column("aggregate", schema.Column{Name: "is_final", Type: schema.Flag, Doc: "The window has closed."})
	column("aggregate", schema.Column{Name: "is_deleted", Type: schema.Flag, Doc: "A session window that has moved or merged."})
	p.table = t
}

// want gathers what must be decoded, and whether items are counted.
func (p *plan) want() {
	p.onlyCounts = !slices.ContainsFunc(p.calls, func(c *call) bool { return c.function != "count" || c.has })
	for i := range p.keys {
		p.keys[i].addWant(&p.wants)
		p.items = p.items || p.keys[i].isItem()
	}
	for _, c := range p.calls {
		if c.has {
			c.operand.addWant(&p.wants)
			p.items = p.items || c.operand.isItem()
		}
		if c.function == "first" || c.function == "last" {
			p.wants.Columns.Add(event.MessageID)
		}
	}
	if p.filter != nil {
		p.wants = p.wants.Or(p.filter.Wants())
		p.items = p.items || p.filter.UsesItems()
	}
	if p.items {
		p.wants.Items = true
	}
	slices.Sort(p.wants.Attrs)
	p.wants.Attrs = slices.Compact(p.wants.Attrs)
}
