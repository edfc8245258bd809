package faulttest_test

import (
	"testing"

	"touchstream/deploy/dev/devtest"
	"touchstream/deploy/dev/faulttest"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// TestUndisturbed has no fault: the driver runs the pipeline under load, and
// the check finds nothing.
func TestUndisturbed(t *testing.T) {
	for name, o := range map[string]faulttest.Options{
		"one partition":   {},
		"many partitions": {Topics: 2, Partitions: 3},
	} {
		t.Run(name, func(t *testing.T) {
			r := faulttest.New(t, o)
			p := r.Start("")
			r.Load(5_000)
			p.Await("some records", func(s faulttest.Status) bool { return s.Records > 1000 })
			p.Stop()
			p.Continue()
			r.Finish()
			r.Check()
			if rss := p.PeakRSS(); rss < 1<<20 {
				t.Errorf("the highest resident size is %d bytes", rss)
			}
		})
	}
}
