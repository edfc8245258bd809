package sessions

import (
	"fmt"
	"testing"

	"touchstream/pipeline/pipetest"
)

func TestStateIsWhole(t *testing.T) {
	pipetest.Whole(t, operator(t, "1h").NewShard(0).(*shard), map[string]string{
		"op":       "configuration",
		"cfg":      "configuration",
		"env":      "configuration",
		"aliveMax": "configuration",
		"ahead":    "hints for the rows of a call",
		"drafts":   "memory of a call",
		"scratch":  "memory of a call",
		"key":      "memory of a call",
		"cart":     "memory of a call",
		"other":    "memory of a call",
	})
}

// TestFrozen saves a state of many pages while it changes.
func TestFrozen(t *testing.T) {
	l := pipetest.Many(t, 2000, 4, func(i, round int) string {
		if round%2 == 1 {
			return fmt.Sprintf("Product Added anonymous_id=a%d product_id=p%d price=9.99 currency=EUR", i, i%7)
		}
		return fmt.Sprintf("page anonymous_id=a%d page_path=/p%d referrer=r%d", i, i*round, i)
	})
	pipetest.Run(t, operator(t, "1h", "early: 3m"), l, pipetest.Options{Lag: 60_000, Step: 500, Shards: 2})
}
