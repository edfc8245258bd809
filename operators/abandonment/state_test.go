package abandonment

import (
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
		"cart":     "memory of a call",
		"other":    "memory of a call",
		"scratch":  "memory of a call",
		"message":  "memory of a call",
		"names":    "memory of a call",
		"json":     "memory of a call",
	})
}
