package window

import (
	"testing"

	"touchstream/pipeline/event"
)

// TestProvisionalProfilesAreNoPeople: an order that nobody is known for has a
// provisional profile, which no table shows; it is nobody to count either.
func TestProvisionalProfilesAreNoPeople(t *testing.T) {
	o, ok := parseOperand("profile_id")
	if !ok {
		t.Fatal("profile_id is no operand")
	}
	b := &event.Batch{Profile: []event.Hash{{Hi: 1, Lo: 2}, {Hi: 7}, {}}}
	u := &units{batch: b, row: []uint32{0, 1, 2}, item: []uint32{noItem, noItem, noItem}, generation: 1}
	got := (&feed{operand: o}).sums(u)
	if got[0].IsZero() || !got[1].IsZero() || !got[2].IsZero() {
		t.Errorf("the values are %v, want the first alone", got)
	}
}
