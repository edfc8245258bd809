package bench

import (
	"testing"
	"time"

	"touchstream/operators/identity"
	"touchstream/pipeline"
)

// operatorRuns are the operators of BenchmarkOperator, alone or behind identity
// that they need, with the steps before the measurement (see coreRuns).
var operatorRuns = []struct {
	name, workload, set string
	warmSteps           int
}{
	{"sessions", "web", "sessions", 32},
	{"ropo", "web", "ropo", 32},
	{"abandonment", "web", "abandonment", 32},
	{"crowd", "crowd", "crowd", 12},
}

// BenchmarkOperator measures operators on the decoded rows that the engine
// hands them, sorted and by shard: the CPU time inside Fold and Advance alone.
// An operation is a lap of 262,144 records.
func BenchmarkOperator(b *testing.B) {
	for _, run := range operatorRuns {
		b.Run(run.name, func(b *testing.B) {
			var watch stopwatch
			timedCore(b, run.workload, run.set, run.warmSteps, &watch, func(cfg *pipeline.Config) {
				for i, op := range cfg.Operators {
					if op.Name() == run.name {
						cfg.Operators[i] = timedOperator{op, &watch}
					}
				}
			})
		})
	}
}

// BenchmarkResolve measures identity alone, as BenchmarkOperator does.
func BenchmarkResolve(b *testing.B) {
	for _, workload := range []string{"web", "omni"} {
		b.Run(workload, func(b *testing.B) {
			var watch stopwatch
			timedCore(b, workload, "identity", 12, &watch, func(cfg *pipeline.Config) {
				fresh := cfg.NewResolver
				cfg.NewResolver = func() pipeline.Resolver { return timedResolver{fresh().(*identity.Resolver), &watch} }
			})
		})
	}
}

// timedCore runs laps and reports what the part that was put under the
// stopwatch took of them.
func timedCore(b *testing.B, workload, set string, warmSteps int, watch *stopwatch, put func(*pipeline.Config)) {
	if testing.Short() {
		warmSteps = 2
	}
	c := startCore(b, workload, set, warmSteps*stepRecords, put)
	watch.read()
	m := newMeter(b)
	var cpu time.Duration
	var rows int64
	for b.Loop() {
		c.lap(m)
		d, n := watch.read()
		cpu, rows = cpu+d, rows+n
		b.StartTimer()
	}
	c.check()
	if rows == 0 {
		b.Fatal("no row was measured")
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(rows), "cpu-ns/row")
	b.ReportMetric(float64(rows)/cpu.Seconds(), "rows/core-s")
	b.ReportMetric(float64(rows)/float64(m.events), "rows/event")
}
