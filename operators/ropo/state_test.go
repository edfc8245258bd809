package ropo

import (
	"fmt"
	"testing"

	"touchstream/pipeline/pipetest"
)

func TestStateIsWhole(t *testing.T) {
	pipetest.Whole(t, operator(t).NewShard(0).(*shard), map[string]string{
		"op":         "configuration",
		"turn":       "set by each call",
		"now":        "set by Fold and Merge before they use it",
		"categories": "hashes that can be made anew",
		"ahead":      "hints for the rows of a call",
		"scratch":    "memory of a call",
		"id":         "memory of a call",
		"bought":     "memory of a call",
		"written":    "memory of a call",
	})
}

// TestFrozen saves a state of many pages while it changes.
func TestFrozen(t *testing.T) {
	l := pipetest.Many(t, 2000, 4, func(i, round int) string {
		if round == 2 {
			return fmt.Sprintf("Order Completed profile=p%d order_id=o%d product_id=x%d store_id=s1 channel=store amount=10", i, i, i)
		}
		return fmt.Sprintf("Product Viewed profile=p%d product_id=x%d channel=web campaign=c%d", i, i, round)
	})
	pipetest.Run(t, operator(t), l, pipetest.Options{Lag: 60_000, Step: 500, Shards: 2})
}
