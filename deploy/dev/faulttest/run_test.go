package faulttest_test

import (
	"flag"
	"testing"

	"touchstream/deploy/dev/devtest"
	"touchstream/deploy/dev/faulttest"
)

// parallel is how many runs go at the same time: most of the time they wait for
// a broker to notice that an instance is gone.
const parallel = "4"

func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", parallel); err != nil { // the command line has the last word
		panic(err)
	}
	devtest.Main(m)
}

// TestUndisturbed has no fault: the driver runs the pipeline under load, and
// the check finds nothing.
func TestUndisturbed(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]faulttest.Options{
		"one partition":   {},
		"many partitions": {Topics: 2, Partitions: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
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
