//go:build !linux

package bench

import "time"

var began = time.Now()

// threadCPU is time on the clock, where no clock of threads is at hand.
func threadCPU() time.Duration { return time.Since(began) }
