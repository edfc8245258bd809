package sessions

import (
	"testing"

	"touchstream/pipeline/pipetest"
)

func TestStateIsWhole(t *testing.T) {
	pipetest.Whole(t, operator(t, "1h").NewShard(0).(*shard), map[string]string{
		"op":       "configuration",
		"cfg":      "configuration",
		"env":      "configuration",
		"aliveMax": "configuration",
		"drafts":   "memory of a call",
		"scratch":  "memory of a call",
		"key":      "memory of a call",
		"cart":     "memory of a call",
		"other":    "memory of a call",
	})
}
