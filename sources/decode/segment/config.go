package segment

import "touchstream/pipeline/config"

// Config is the decoder as configured. It has no keys: segment: {}.
type Config struct{}

// Declare declares the keys.
func (c *Config) Declare(*config.Section) {}
