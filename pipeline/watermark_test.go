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
	busy.idle, empty.idle = true, true
	want("a bounded run knows no idle time", 0, beginOfTime)
	want("all are idle: it starts", 5_200, 990)
	want("and moves on with the clock", 5_300, 1_090)
	busy.idle, busy.highest = false, 1_050
	want("it never goes back", 5_400, 1_090)
	busy.highest = 3_000
	want("an idle partition holds nobody", 5_500, 2_990)
	busy.state, empty.state = Ended, Ended
	want("all have ended", 5_600, 2_990)
}
