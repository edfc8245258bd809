package sessions

import "touchstream/pipeline/config"

// Config holds the keys of operators.sessions. Durations are milliseconds.
type Config struct {
	Gap          int64
	GapInclusive bool
	MaxDuration  int64
	Early        int64 // 0: no provisional rows
	EngagedGap   int64
	NewAfter     int64
	Products     int64
	PageBytes    int64
	MaxSessions  int64
	MaxDevices   int64
}

// Env is what sessions take from the rest of the configuration.
type Env struct {
	Shards             int
	AllowedLateness    int64 // time.allowed_lateness, ms
	EventsPerMinuteMax int64 // bots.max_events_per_minute
}

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Duration("gap", &c.Gap, "30m", "A session ends after this long without an event.").Positive()
	s.Bool("gap_inclusive", &c.GapInclusive, true, "Events exactly gap apart are one session.")
	s.Duration("max_duration", &c.MaxDuration, "24h", "An event this long after the start, or later, opens a new session.").Positive()
	s.Duration("early", &c.Early, "0s", "Provisional rows of open sessions at multiples of this time; 0s: none.").Min(0)
	s.Duration("engaged_gap", &c.EngagedGap, "30s", "The most that one gap between events adds to engaged_ms.").Min(0)
	s.Duration("new_after", &c.NewAfter, "90d", "A device unseen for longer is a new visitor.").Positive()
	s.Count("products", &c.Products, "32", "Up to this number distinct_products is exact.").Min(1).Max(1024)
	s.Count("page_bytes", &c.PageBytes, "128", "Pages are cut at this length.").Min(1).Max(4096)
	s.Count("max_sessions", &c.MaxSessions, "20M", "Sessions in memory; over it those that would close first are closed early.").Positive()
	s.Count("max_devices", &c.MaxDevices, "50M", "Devices remembered for is_new_visitor; over it those unseen for longest are forgotten.").Positive()
	s.Check(func() {
		if c.Gap > c.MaxDuration {
			s.Fault("gap", "%s must not exceed max_duration %s",
				config.FormatDuration(c.Gap), config.FormatDuration(c.MaxDuration))
		}
	}, "gap", "max_duration")
}
