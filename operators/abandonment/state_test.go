package abandonment

import (
	"fmt"
	"testing"

	"touchstream/pipeline/pipetest"
)

func TestStateIsWhole(t *testing.T) {
	pipetest.Whole(t, operator(t, 1).NewShard(0).(*shard), map[string]string{
		"op":       "configuration",
		"cfg":      "configuration",
		"orders":   "left empty by Fold and Advance",
		"messages": "left empty by Fold and Advance",
		"dirty":    "left empty by Fold and Advance",
		"instant":  "reset by Fold",
		"ahead":    "hints for the rows of a call",
		"cart":     "memory of a call",
		"other":    "memory of a call",
		"scratch":  "memory of a call",
		"blob":     "memory of a call",
		"message":  "memory of a call",
		"names":    "memory of a call",
		"json":     "memory of a call",
	})
}

// TestFrozen saves a state of many pages while it changes.
func TestFrozen(t *testing.T) {
	l := pipetest.Many(t, 2000, 5, func(i, round int) string {
		switch {
		case round == 3 && i%2 == 0:
			return fmt.Sprintf("Order Completed profile=p%d order_id=o%d amount=10", i, i)
		case round == 0:
			return fmt.Sprintf("Product Viewed profile=p%d product_id=x%d", i, i)
		}
		return fmt.Sprintf("Product Added profile=p%d product_id=x%d price=5 cart_id=c%d", i, round, i)
	})
	pipetest.Run(t, operator(t, 2, "early: 10m"), l, pipetest.Options{Lag: 60_000, Step: 500, Shards: 2})
}
