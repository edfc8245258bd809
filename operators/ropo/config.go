package ropo

import "touchstream/pipeline/config"

// Config holds the keys of operators.ropo. Durations are milliseconds.
type Config struct {
	Lookback    int64
	Touches     int64
	MatchAny    bool
	Visit       int64
	OnTheWay    int64
	ZoneDwell   int64
	MaxProfiles int64
}

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Duration("lookback", &c.Lookback, "30d", "How long before an order a touch may be.").Positive().Max(366 * dayMs)
	s.Count("touches", &c.Touches, "64", "Touches remembered per profile; the oldest go first.").Min(1).Max(4096)
	s.Bool("match_any", &c.MatchAny, false, "Touches of any product match when neither the product nor its category has one.")
	s.Duration("visit", &c.Visit, "4h", "How long before an order in a store its visit may have begun.").Positive()
	s.Duration("on_the_way", &c.OnTheWay, "2h", "A touch at most this long before the visit was on the way.").Positive()
	s.Duration("zone_dwell", &c.ZoneDwell, "60s", "Stay in a category's zone that makes a touch.").Positive()
	s.Count("max_profiles", &c.MaxProfiles, "10M", "Profiles remembered; over it those quiet for longest go first.").Positive()
}
