package bench

import (
	"context"
	"errors"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

const (
	stepRecords = 65_536 // the default of step.max_records
	lapSteps    = 4
)

// coreRuns are the workloads of BenchmarkCore with the operators that run and
// the records before the measurement: so many that sessions close as fast as
// they open (web: after the gap of 30 minutes, 1.8 million records).
var coreRuns = []struct {
	workload, set string
	warmSteps     int
}{
	{"web", "none", 4},
	{"web", "identity", 12},
	{"web", "sessions", 32},
	{"web", "windows", 12},
	{"web", "all", 32},
	{"omni", "all", 12},
	{"crowd", "crowd", 12},
	{"crowd", "all", 12},
}

// BenchmarkCore runs everything between a source and a sink: records in memory
// are decoded, resolved, routed, folded and written as columns, which are
// discarded. An operation is a lap of 262,144 records.
func BenchmarkCore(b *testing.B) {
	for _, run := range coreRuns {
		b.Run(run.workload+"/"+run.set, func(b *testing.B) {
			warm := run.warmSteps
			if testing.Short() {
				warm = 2
			}
			benchmarkCore(b, run.workload, run.set, warm*stepRecords)
		})
	}
}

func benchmarkCore(b *testing.B, workload, set string, warm int) {
	b.StopTimer()
	heap := liveHeap()
	c := startCore(b, workload, set, warm, nil)
	m := newMeter(b)
	b.StartTimer()
	for b.Loop() {
		c.lap(m)
		b.StartTimer()
	}
	b.SetBytes(c.bytes)
	state := 0
	c.pipeline.Status().Operators(func(_ string, c *pipeline.OperatorCounts) { state += int(c.Bytes.Load()) })
	c.check()
	m.report("event")
	b.ReportMetric(float64(state)/1e6, "state-MB")
	b.ReportMetric(float64(c.heap()-heap)/1e6, "heap-MB")
	if s := c.pipeline.Status().Operator("sessions"); s.Entries.Load() > 0 {
		b.ReportMetric(float64(s.Bytes.Load())/float64(s.Entries.Load()), "B/session")
	}
}

// core is a whole pipeline over a workload that works off laps of records in
// memory.
type core struct {
	*rig
	source *memory
	chunks []event.Chunk // of the next lap
	bytes  int64         // of a lap
}

// startCore starts it and works off the records before the measurement, whole
// steps of them. Change, if given, is shown the configuration first.
func startCore(b *testing.B, workload, set string, warm int, change func(*pipeline.Config)) *core {
	b.Helper()
	warm = (warm + stepRecords - 1) / stepRecords * stepRecords
	c := &core{source: newMemory(newStream(b, workload), warm)}
	cfg := newPipeline(b, workload, set, c.source)
	if change != nil {
		change(&cfg)
	}
	c.rig = startRig(b, cfg, c.source)
	c.await(warm)
	c.chunks = make([]event.Chunk, lapSteps*stepRecords/chunkRecords)
	c.source.fill(c.chunks)
	for i := range c.chunks {
		c.bytes += int64(len(c.chunks[i].Data))
	}
	return c
}

// lap works off a lap of records under the meter and makes those of the next
// one. The benchmark's timer stands still afterwards.
func (c *core) lap(m *meter) {
	m.start()
	c.source.laps <- c.chunks
	c.await(lapSteps * stepRecords)
	m.stop(lapSteps * stepRecords)
	c.source.fill(c.chunks)
}

// heap is the memory in use without the records of the next lap.
func (c *core) heap() uint64 {
	clear(c.chunks)
	return liveHeap()
}

// rig is a pipeline that runs while its input is handed over lap by lap.
type rig struct {
	b        *testing.B
	pipeline *pipeline.Pipeline
	steps    chan int // records of each folded step
	ended    chan error
}

// startRig runs the pipeline until the benchmark ends.
func startRig(b *testing.B, cfg pipeline.Config, source *memory) *rig {
	b.Helper()
	r := &rig{b: b, steps: make(chan int, 1), ended: make(chan error, 1)}
	cfg.StopWithin = 600_000
	cfg.OnStep = func(s pipeline.StepInfo) { r.steps <- s.Records }
	r.pipeline = pipeline.New(cfg)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		err := r.pipeline.Run(ctx)
		close(r.steps)
		r.ended <- err
	}()
	b.Cleanup(func() {
		cancel()
		for range r.steps {
		}
		if err := <-r.ended; err != nil && !errors.Is(err, context.Canceled) {
			b.Error(err)
		}
	})
	return r
}

// check fails the benchmark if the pipeline did not do its work: nearly all
// records must have become events.
func (r *rig) check() { check(r.b, r.pipeline.Status()) }

func check(b *testing.B, s *pipeline.Status) {
	b.Helper()
	dead := int64(0)
	for i := range s.DeadLetters {
		dead += s.DeadLetters[i].Load()
	}
	if records, events := s.Records.Load(), s.Events.Load(); events < records*97/100 || dead > records/100 {
		b.Fatalf("%d records became %d events and %d dead letters", records, events, dead)
	}
}

// await waits until so many records are folded.
func (r *rig) await(records int) {
	for records > 0 {
		n, ok := <-r.steps
		if !ok {
			r.b.Fatal("the pipeline ended before its input")
		}
		records -= n
	}
}
