package faulttest_test

import (
	"testing"

	"touchstream/deploy/dev/faulttest"
	"touchstream/pipeline/killpoint"
)

// TestKilledAtLabels kills the pipeline before and after everything that
// recovery must tell apart, at the first passing after a start and at a later
// one. By default it does so only around what leaves the process, and later.
func TestKilledAtLabels(t *testing.T) {
	t.Parallel()
	labels := killpoint.Labels()
	for i := 0; i < len(labels); i += 2 {
		before, after := labels[i], labels[i+1]
		t.Run(string(before), func(t *testing.T) {
			if before != killpoint.CommitBefore && before != killpoint.InsertBefore {
				long(t)
			}
			t.Parallel()
			r := faulttest.New(t, faulttest.Options{Seed: 10 + i})
			r.Load(300)
			if isAll() {
				r.RunUntilKilled(string(before), 1)
				r.RunUntilKilled(string(after), 1)
			}
			r.RunUntilKilled(string(before), 4)
			r.RunUntilKilled(string(after), 3)
			r.Finish()
			r.Check()
		})
	}
}
