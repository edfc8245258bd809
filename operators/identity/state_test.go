package identity

import (
	"fmt"
	"testing"

	"touchstream/pipeline/pipetest"
)

func TestStateIsWhole(t *testing.T) {
	pipetest.Whole(t, New(testOptions()), map[string]string{
		"opts":    "configuration",
		"listed":  "configuration",
		"turn":    "set by each call",
		"merges":  "memory of a call",
		"eff":     "set for each event",
		"held":    "zero between events",
		"carried": "valid within a block of a call",
		"found":   "valid within a block of a call",
		"isStale": "valid within a block of a call",
		"born":    "empty between calls",
		"named":   "set by each call",
		"at":      "valid within a block of a call",
		"keys":    "memory of a call",
		"places":  "memory of a call",
		"known":   "memory of a call",
		"scratch": "memory of a call",
	})
}

// TestFrozen saves a state of many pages while it changes.
func TestFrozen(t *testing.T) {
	opts := testOptions()
	opts.MaxIdentifiers, opts.MaxReferences = 5000, 1500
	l := pipetest.Many(t, 2000, 4, func(i, round int) string {
		return fmt.Sprintf("Order Completed user_id=u%d anonymous_id=a%d_%d order_id=o%d", i-i%(1+round), i, round%2, i*round)
	})
	fresh := func() *Resolver { return New(opts) }
	pipetest.RunResolver(t, fresh, l, pipetest.Options{Lag: 60_000, Step: 500}, nil)
}
