package spell

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	known := []string{"gap", "max_duration", "order_id", "event"}
	f := func(name, want string) {
		t.Helper()
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
	f("gpa", "gap")
	f("maxDuration", "max_duration")
	f("orderid", "order_id")
	f("evnt", "event")
	f("completely_else", "")
	f(strings.Repeat("x", 1000), "")
	f("", "")
}
