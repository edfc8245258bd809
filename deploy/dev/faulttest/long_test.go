package faulttest_test

import (
	"os"
	"testing"
)

// allVariable runs what takes long too, if it is "all".
const allVariable = "TOUCHSTREAM_FAULTS"

// isAll tells whether all faults are asked for.
func isAll() bool { return os.Getenv(allVariable) == "all" }

// long skips what the default run leaves out.
func long(t *testing.T) {
	t.Helper()
	if !isAll() {
		t.Skip("takes long; make faults runs it")
	}
}
