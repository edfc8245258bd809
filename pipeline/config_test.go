package pipeline

import (
	"testing"
	"time"
)

func TestStepsGatherForAPartOfTheCommit(t *testing.T) {
	const ms = time.Millisecond
	for _, c := range []struct {
		maxWait, commitEvery int64
		fast                 bool
		folded, want         time.Duration
	}{
		{10, 1000, false, 0, 10 * ms},
		{10, 50, false, 0, 5 * ms},
		{10, 50, false, 7 * ms, 7 * ms},
		{10, 50, false, 70 * ms, 10 * ms},
		{10, 10, false, ms / 2, ms},
		{1, 1000, false, 5 * ms, ms},
		{10, 1000, true, ms / 2, ms},
		{10, 1000, true, 3 * ms, 3 * ms},
		{0, 1000, true, ms, 0},
		{200, 1000, false, 0, 100 * ms},
	} {
		cfg := Config{MaxWait: c.maxWait, CommitEvery: c.commitEvery, Fast: c.fast}
		if got := cfg.stepWait(c.folded); got != c.want {
			t.Errorf("max_wait %d, commit_interval %d, fast %v, folded in %v: a step gathers for %v, want %v", c.maxWait, c.commitEvery, c.fast, c.folded, got, c.want)
		}
	}
}

// TestStepsDoNotWaitForMaxWait lets a step with a record gather while none
// follows: it is cut long before max_wait is over.
func TestStepsDoNotWaitForMaxWait(t *testing.T) {
	src := newLiveSource(1)
	l := newLive(t, src)
	l.cfg.MaxWait, l.cfg.CommitEvery = 60*60_000, 50
	src.parts[0] = []string{"1"}
	s := &step{}
	l.in.gather(t.Context(), s) // an hour, if max_wait counted
	if s.records != 1 {
		t.Errorf("the step has %d records", s.records)
	}
}
