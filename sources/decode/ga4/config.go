package ga4

import "touchstream/pipeline/config"

// Config is the decoder as configured.
type Config struct {
	// Skip names events that are left out and counted as skipped.
	Skip []string
}

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Strings("skip", &c.Skip, nil, "Event names that are left out on purpose, such as session_start.")
}
