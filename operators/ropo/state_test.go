package ropo

import (
	"fmt"
	"math"
	"slices"
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
		"recent":     "traits that can be looked up anew",
		"nobody":     "set by each order",
		"scratch":    "memory of a call",
		"touchID":    "memory of a call",
		"other":      "memory of a call",
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

// TestNothingIsLeft lets the memory of all profiles run out.
func TestNothingIsLeft(t *testing.T) {
	s, turn, rows := ready(t, steady(t, 20), "touches: 8")
	s.Fold(turn, rows)
	if s.profiles.Len() != 20 || s.touches.Len() != 20*8 || s.traits.Len() != 1 {
		t.Fatalf("%d profiles with %d touches of %d traits, want 20 with 8 each of one", s.profiles.Len(), s.touches.Len(), s.traits.Len())
	}
	turn.Watermark = math.MaxInt64
	s.Advance(turn)
	left := []int{s.profiles.Len(), s.touches.Len(), s.traits.Len(), s.presence.Len(), s.orders.Len(), s.byOrder.Len(), s.lines.Len(), s.arena.Len()}
	if slices.Max(left) != 0 {
		t.Errorf("left are %v profiles, touches, traits, presences, orders, entries of their index, lines, and bytes", left)
	}
}
