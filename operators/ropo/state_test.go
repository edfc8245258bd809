package ropo

import (
	"testing"

	"touchstream/pipeline/pipetest"
)

func TestStateIsWhole(t *testing.T) {
	pipetest.Whole(t, operator(t).NewShard(0).(*shard), map[string]string{
		"op":      "configuration",
		"turn":    "set by each call",
		"now":     "set by Fold and Merge before they use it",
		"scratch": "memory of a call",
		"id":      "memory of a call",
		"bought":  "memory of a call",
		"written": "memory of a call",
	})
}
