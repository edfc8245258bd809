package bench

import (
	"runtime"
	"testing"
	"time"

	"touchstream/pipeline"
)

const (
	// besideLaps are the laps of each variant that a comparison takes.
	besideLaps = 7
	// keysBytes is about the memory of a live session in BenchmarkKeys, with
	// what the collector leaves free.
	keysBytes = 900
)

// BenchmarkLanes is how many times faster two lanes on two cores are than one
// on one, on the clock. Both pipelines live in this process and work off laps by
// turns.
func BenchmarkLanes(b *testing.B) {
	const lanes = 2
	if runtime.NumCPU() < lanes {
		b.Skip("there is one core")
	}
	former := runtime.GOMAXPROCS(0)
	defer runtime.GOMAXPROCS(former)
	besides(b, warmed(8), func(s *[2]variant) {
		for i := range s {
			s[i] = variant{name: [...]string{"1-lane", "2-lanes"}[i], workload: "web", set: "all",
				change: func(cfg *pipeline.Config) { cfg.Lanes = i + 1 }, before: func() { runtime.GOMAXPROCS(i + 1) }}
		}
	})
}

// BenchmarkSkew is what the core does of zipf, where one visitor has a fifth of
// the events, beside what it does of web.
func BenchmarkSkew(b *testing.B) {
	besides(b, warmed(28), func(s *[2]variant) {
		s[0] = variant{name: "web", workload: "web", set: "all"}
		s[1] = variant{name: "zipf", workload: "zipf", set: "all"}
	})
}

// BenchmarkKeys is what the core does of sessions with 10 million of them live,
// beside 10,000.
func BenchmarkKeys(b *testing.B) {
	many, live := "keys-10M", 10_000_000
	if free := freeMemory(b); testing.Short() || free < int64(live)*keysBytes {
		b.Skipf("%d live sessions take about %d MB, of %d MB free, and -short leaves them out", live, live*keysBytes>>20, free>>20)
	}
	besides(b, 0, func(s *[2]variant) {
		s[0] = variant{name: "10k", workload: "keys-10k", set: "sessions", warm: 1 << 20}
		s[1] = variant{name: "10M", workload: many, set: "sessions", warm: live}
	})
}

// BenchmarkMemory is what a live session takes, all told: the operators' state,
// identity, message ids and buffers, a million of them live.
func BenchmarkMemory(b *testing.B) {
	for _, set := range []string{"sessions", "all"} {
		b.Run(set, func(b *testing.B) {
			workload, live := "keys-1M", 1_000_000
			if testing.Short() {
				workload, live = "keys-10k", 10_000
			}
			for b.Loop() {
				heap := liveHeap()
				c := startCore(b, workload, set, live, nil)
				c.check()
				n := float64(c.pipeline.Status().Operator("sessions").Entries.Load())
				if n < 0.9*float64(live) {
					b.Fatalf("%.0f sessions are live, want %d", n, live)
				}
				c.pipeline.Status().Operators(func(name string, o *pipeline.OperatorCounts) {
					b.ReportMetric(float64(o.Bytes.Load())/n, name+"-B/session")
				})
				b.ReportMetric(float64(c.heap()-heap)/n, "heap-B/session")
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// warmed is so many steps of records, or next to none in short runs.
func warmed(steps int) int {
	if testing.Short() {
		steps = 2
	}
	return steps * stepRecords
}

// variant is one of two pipelines that are compared.
type variant struct {
	name, workload, set string
	warm                int
	change              func(*pipeline.Config)
	before              func() // each lap
	costs               costs
}

// besides runs laps of two variants by turns and reports the second one beside
// the first: medians of the ratios of neighbouring laps.
func besides(b *testing.B, warm int, declare func(*[2]variant)) {
	b.StopTimer()
	var both [2]variant
	declare(&both)
	var cores [2]*core
	for i := range both {
		v := &both[i]
		cores[i] = startCore(b, v.workload, v.set, max(v.warm, warm), v.change)
	}
	b.StartTimer()
	for b.Loop() {
		for lap := range besideLaps {
			for k := range both {
				i := (lap + k) % 2
				if both[i].before != nil {
					both[i].before()
				}
				both[i].costs = append(both[i].costs, cores[i].cost())
			}
		}
		b.StartTimer()
	}
	b.ReportMetric(0, "ns/op")
	var wall, cpu []float64
	for i := range both[0].costs {
		x, y := both[0].costs[i], both[1].costs[i]
		wall = append(wall, x.wall.Seconds()/y.wall.Seconds())
		cpu = append(cpu, x.cpu.Seconds()/y.cpu.Seconds())
	}
	for i := range both {
		cores[i].check()
		both[i].costs.report(b, both[i].name)
	}
	b.ReportMetric(median(wall), "x-wall")
	b.ReportMetric(median(cpu), "x-cpu")
	if entries := cores[1].pipeline.Status().Operator("sessions"); entries.Entries.Load() > 0 {
		b.ReportMetric(float64(entries.Entries.Load()), "sessions")
		b.ReportMetric(float64(entries.Bytes.Load())/float64(entries.Entries.Load()), "B/session")
	}
}

// cost works off a lap and is what that took.
func (c *core) cost() cost {
	from, fromCPU := time.Now(), processCPU(c.b)
	c.source.laps <- c.chunks
	c.await(lapSteps * stepRecords)
	x := cost{lapSteps * stepRecords, time.Since(from), processCPU(c.b) - fromCPU}
	c.source.fill(c.chunks)
	return x
}
