package identity

import (
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
		"found":   "valid within a block of a call",
		"at":      "valid within a block of a call",
		"warmed":  "is never used",
		"scratch": "memory of a call",
	})
}
