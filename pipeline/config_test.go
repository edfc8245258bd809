package pipeline

import "testing"

func TestStepsGatherForAPartOfTheCommit(t *testing.T) {
	for _, c := range []struct {
		maxWait, commitEvery int64
		fast                 bool
		want                 int64
	}{
		{10, 1000, false, 10},
		{10, 50, false, 5},
		{10, 10, false, 1},
		{1, 1000, false, 1},
		{10, 1000, true, 1},
		{0, 1000, true, 0},
		{200, 1000, false, 100},
	} {
		cfg := Config{MaxWait: c.maxWait, CommitEvery: c.commitEvery, Fast: c.fast}
		if got := cfg.stepWait(); got != c.want {
			t.Errorf("max_wait %d, commit_interval %d, fast %v: a step gathers for %d ms, want %d", c.maxWait, c.commitEvery, c.fast, got, c.want)
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
