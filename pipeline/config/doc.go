// Package config declares configuration keys. One declaration per key gives
// its parsing, default, checks, documentation and listing:
//
//	type Config struct {
//		Gap, MaxDuration int64 // milliseconds
//		GapInclusive     bool
//	}
//
//	func (c *Config) Declare(s *config.Section) {
//		s.Duration("gap", &c.Gap, "30m", "A session ends after this long without an event.").Positive()
//		s.Duration("max_duration", &c.MaxDuration, "24h", "A session is cut at this length.").Positive()
//		s.Bool("gap_inclusive", &c.GapInclusive, true, "Events exactly gap apart are one session.")
//		s.Check(func() {
//			if c.Gap > c.MaxDuration {
//				s.Fault("gap", "%s must not exceed max_duration %s",
//					config.FormatDuration(c.Gap), config.FormatDuration(c.MaxDuration))
//			}
//		}, "gap", "max_duration")
//	}
//
// Load or Parse makes a File, File.Read runs the declarations over it and
// returns every fault at once, each with file, line and column. Describe runs
// the same declarations without a file and returns the keys.
//
// Values may name environment variables, ${NAME} or ${NAME:-default}; $${ is a
// literal ${. A value is typed after substitution. Anchors, aliases, merge keys
// and tags are refused.
package config
