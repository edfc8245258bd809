package bench

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"testing"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/journal"
)

var commitRecords = flag.Int("records", 1_000_000, "records of a run of the benchmarks of commits, from memory and from Kafka")

// commitVariants are what BenchmarkCommits compares.
var commitVariants = []struct {
	name          string
	journal       bool
	snapshotEvery int64
}{
	{"off", false, 0},
	{"journal", true, 3_600_000},
	{"snapshots", true, 2_000},
}

// BenchmarkCommits runs the whole core from memory into nothing: without a journal, with one in files (records, digests, a sync a
// second), and with a snapshot every 2 s besides, 30 times as often as by
// default. Time on the clock is up to the last fold, CPU time up to the last
// commit. An operation is one run of each, one after another.
func BenchmarkCommits(b *testing.B) {
	records := newSlab(b, "web", *commitRecords)
	var all [3]costs
	pause, written := int64(0), int64(0)
	runFromMemory(b, newSlab(b, "web", *commitRecords/10), true, 100)
	for round := 0; b.Loop(); round++ {
		for k := range commitVariants {
			i := (round + k) % len(commitVariants)
			v := commitVariants[i]
			c, status := runFromMemory(b, records, v.journal, v.snapshotEvery)
			all[i] = append(all[i], c)
			pause, written = max(pause, status.SnapshotPause.Load()), max(written, status.SnapshotMicros.Load())
		}
	}
	b.ReportMetric(0, "ns/op")
	for i, v := range commitVariants {
		all[i].report(b, v.name)
		if i > 0 {
			all[i].beside(b, all[0], v.name)
		}
	}
	b.ReportMetric(float64(pause)/1e3, "snapshot-pause-ms")
	b.ReportMetric(float64(written)/1e6, "snapshot-s")
}

func runFromMemory(b *testing.B, records *slab, durable bool, snapshotEvery int64) (cost, *pipeline.Status) {
	b.Helper()
	source := newIndexed(records.record)
	cfg := newPipeline(b, "web", "all", source)
	cfg.Sinks[0].Tables = append(cfg.Sinks[0].Tables, pipeline.Events)
	if durable {
		keepIn(b, &cfg, b.TempDir(), snapshotEvery)
	}
	left, folded := len(records.times), make(chan time.Time, 1)
	p := startPipeline(b, &cfg, func(s pipeline.StepInfo) {
		if left -= s.Records; left == 0 {
			folded <- time.Now()
		}
	})
	debug.FreeOSMemory()
	from, fromCPU := time.Now(), processCPU(b)
	source.allow(int64(len(records.times)))
	end := <-folded
	awaitTrue(b, time.Minute, "the last commit", p.Status().Drained)
	c := cost{len(records.times), end.Sub(from), processCPU(b) - fromCPU}
	p.stop()
	return c, p.Status()
}

// keepIn makes a pipeline keep its state in a folder.
func keepIn(tb testing.TB, cfg *pipeline.Config, dir string, snapshotEvery int64) {
	tb.Helper()
	files, err := journal.Open(dir)
	if err != nil {
		tb.Fatal(err)
	}
	cfg.Journal = files
	cfg.SnapshotDir, cfg.SinkDir = filepath.Join(dir, "snapshots"), filepath.Join(dir, "spool")
	cfg.SnapshotEvery, cfg.SnapshotCopies = snapshotEvery, 1<<30
}

// started is a pipeline that runs until it is stopped.
type started struct {
	*pipeline.Pipeline
	tb     testing.TB
	cancel context.CancelFunc
	ended  chan error
}

// startPipeline runs a pipeline that has no end.
func startPipeline(tb testing.TB, cfg *pipeline.Config, onStep func(pipeline.StepInfo)) *started {
	tb.Helper()
	cfg.Bounded, cfg.OnStep, cfg.StopWithin = false, onStep, 600_000
	ctx, cancel := context.WithCancel(context.Background())
	s := &started{pipeline.New(*cfg), tb, cancel, make(chan error, 1)}
	go func() {
		err := s.Run(ctx)
		if errors.Is(err, context.Canceled) {
			err = nil
		}
		s.ended <- err
	}()
	return s
}

// stop stops the pipeline in order.
func (s *started) stop() {
	s.tb.Helper()
	s.cancel()
	if err := <-s.ended; err != nil {
		s.tb.Fatal(fmt.Errorf("the pipeline: %w", err))
	}
}
