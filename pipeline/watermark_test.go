package pipeline

import (
	"testing"

	"touchstream/pipeline/event"
)

func TestWatermarkWhenAllAreQuiet(t *testing.T) {
	every := func(*partition) bool { return true }
	busy := &partition{highest: 1_000, lag: 10, state: CaughtUp}
	empty := &partition{highest: event.Absent, state: CaughtUp}
	parts := []*partition{busy, empty}
	c := domainClock{at: beginOfTime}
	want := func(what string, now, at int64) {
		t.Helper()
		if c.advance(parts, every, now); c.at != at {
			t.Errorf("%s: watermark %d, want %d", what, c.at, at)
		}
	}
	want("an empty partition holds it", 5_000, beginOfTime)
	busy.idle, empty.idle, busy.left, empty.left = true, true, true, true
	want("a bounded run knows no idle time", 0, beginOfTime)
	want("all are idle: it starts", 5_200, 990)
	want("and moves on with the clock", 5_300, 1_090)
	want("by little when nobody has looked for an hour", 3_605_300, 1_090+quietMax)
	want("and on", 3_605_400, 1_190+quietMax)
	c.at = 1_090
	busy.idle, busy.highest = false, 1_050
	want("it never goes back", 5_400, 1_090)
	busy.highest = 3_000
	want("an idle partition holds nobody", 5_500, 2_990)
	busy.state, empty.state = Ended, Ended
	want("all have ended", 5_600, 2_990)
}

// TestWatermarkOfTheLastToLeave: what a partition brought in the step in which it
// ended counts.
func TestWatermarkOfTheLastToLeave(t *testing.T) {
	every := func(*partition) bool { return true }
	old := &partition{highest: 1_000, lag: 10, state: Ended, left: true}
	last := &partition{highest: 9_000, lag: 10, state: Ended}
	c := domainClock{at: 500}
	c.advance([]*partition{old, last}, every, 5_000)
	if c.at != 8_990 {
		t.Errorf("watermark %d, want 8990", c.at)
	}
	last.left = true
	c.advance([]*partition{old, last}, every, 6_000)
	if c.at != 9_990 {
		t.Errorf("a second later it is %d, want 9990", c.at)
	}
}
