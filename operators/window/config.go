package window

import (
	"errors"
	"time"

	"touchstream/pipeline/config"
)

// Mode says when windows are written besides after late events.
type Mode uint8

const (
	// OnClose writes a window when it closes.
	OnClose Mode = iota
	// Early also writes changed windows at multiples of a time.
	Early
	// OnChange writes changed windows at the end of each step.
	OnChange
)

// Config holds the keys of one of operators.windows. Durations are milliseconds.
type Config struct {
	Name       string // of the window; not a key
	Tumbling   int64
	Session    int64
	Size       int64 // of a sliding window
	Slide      int64
	Zone       string
	Offset     int64
	Key        []string
	Where      string
	Aggregates []config.Pair // column, call
	Emit       Mode
	EarlyEvery int64
	MaxWindows int64
}

const day = 86_400_000

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Duration("tumbling", &c.Tumbling, "", "Size of windows that follow one another.").Positive()
	s.Optional("sliding", config.Func(func(s *config.Section) {
		s.Duration("size", &c.Size, "", "Length of a window.").Required().Positive()
		s.Duration("slide", &c.Slide, "", "A window starts at every multiple of this.").Required().Positive()
	}), "Windows that overlap.")
	s.Duration("session", &c.Session, "", "Windows of events that are at most this apart.").Positive()
	kind := s.ExactlyOne("window", "tumbling", "sliding", "session")
	s.Section("align", config.Func(func(s *config.Section) {
		s.String("zone", &c.Zone, "UTC", "Time zone whose epoch and midnights windows are aligned to.")
		s.Duration("offset", &c.Offset, "0s", "Shifts the starts of windows.").Min(0)
	}), "Alignment of tumbling and sliding windows.")
	s.Strings("key", &c.Key, []string{}, "Fields by which events are grouped; none: one group.")
	s.String("where", &c.Where, "", "Condition for events (or items) that count.")
	c.declareAggregates(s)
	c.declareEmit(s.Any("emit", "on_close, on_change or {early: duration}", "on_close", "When windows are written."))
	s.Count("max_windows", &c.MaxWindows, "5M", "Windows of groups in memory; over it the next to close is closed early.").Positive()
	if s.Describing() {
		return
	}
	if kind == "session" && s.Has("align") {
		s.Fault("align", "a session window starts with its first event and cannot be aligned")
	}
	if kind != "" {
		// Calls have had their faults, and those of others are told beside them.
		s.Check(func() { c.check(s) }, "tumbling", "sliding", "session", "align", "key", "where", "emit", "max_windows")
	}
}

// declareAggregates reads the calls, so that a fault stands at its own line.
func (c *Config) declareAggregates(s *config.Section) {
	c.Aggregates = nil
	given := false
	s.Values("aggregate", "map of calls", "Column names with their calls, such as sum(amount).", func(name string, v *config.Value) {
		if s.Describing() {
			return
		}
		given = true
		text, ok := v.Text()
		if !ok {
			v.Expected("a call such as sum(amount)")
			return
		}
		switch _, err := parseCall(text); {
		case err != nil:
			v.Fault("%s", err)
		case !isName.MatchString(name):
			v.Fault("%s is no column name: letters, digits and _", name)
		default:
			c.Aggregates = append(c.Aggregates, config.Pair{Name: name, Value: text, Pos: v.Pos()})
		}
	})
	if !given && !s.Describing() {
		s.Fault("aggregate", "at least one aggregate is needed, such as events: count()")
	}
}

func (c *Config) declareEmit(v *config.Value) {
	c.Emit = OnClose
	if !v.Present() {
		return
	}
	if v.Section(config.Func(func(s *config.Section) {
		s.Duration("early", &c.EarlyEvery, "", "Also write changed windows at multiples of this.").Required().Positive()
	})) {
		c.Emit = Early
		return
	}
	switch text, _ := v.Text(); text {
	case "on_close":
	case "on_change":
		c.Emit = OnChange
	default:
		v.Expected("on_close, on_change or {early: duration}")
	}
}

// check reports everything that does not fit together.
func (c *Config) check(s *config.Section) {
	_, faults := newPlan(c)
	for _, f := range faults {
		s.Fault(f.key, "%s", f.message)
	}
}

// location is the zone that windows are aligned to.
func (c *Config) location() (*time.Location, error) {
	switch c.Zone {
	case "":
		return time.UTC, nil
	case "Local":
		return nil, errors.New("the zone of a machine is no time zone")
	}
	return time.LoadLocation(c.Zone)
}
