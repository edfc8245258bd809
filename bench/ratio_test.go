package bench

import (
	"iter"
	"runtime"
	"slices"
	"testing"
	"time"

	"touchstream/bench/peers/naive"
	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/sources/decode/segment"
	"touchstream/sources/generator"
)

const (
	ratioRounds  = 15
	ratioStretch = 20 * time.Millisecond // of CPU time, at the least
	// coreRounds and coreRecords bound the comparison of whole programs.
	coreRounds  = 5
	coreRecords = 150_000
	// coreStep bounds a step of it, so that making buffers for a short run costs
	// little beside the run.
	coreStep = 8_192
	// sourceRounds and sourceRecords bound the comparison of consumers.
	sourceRounds  = 9
	sourceRecords = 200_000
)

// BenchmarkRatio gives the ratios that must not fall: how fast something of
// ours is beside something that never changes, on the same bytes in the same
// run. Each is the median over rounds in which both take turns, in CPU time. An
// operation is all rounds.
func BenchmarkRatio(b *testing.B) {
	b.Run("decode-to-scan", func(b *testing.B) {
		chunk, batch := newChunk(b, "web", nil), event.NewBatch(wanted(b, "all"))
		text, decoder := lines(chunk), segment.New(segment.Config{})()
		ratio(b, ratioRounds, ratioStretch, func() int { return countLines(text) }, func() int {
			batch.Reset()
			batch.Arena = append(batch.Arena[:0], chunk.Data...)
			batch.Grow(len(chunk.Recs))
			decoder.Decode(chunk, batch)
			return batch.N
		})
	})
	b.Run("core-to-naive", func(b *testing.B) {
		records := newSlab(b, "web", coreRecords)
		ratio(b, coreRounds, 0, func() int {
			found, err := naive.Sessions(records.all())
			if err != nil {
				b.Fatal(err)
			}
			if len(found) < coreRecords/50 {
				b.Fatalf("%d sessions of %d events", len(found), coreRecords)
			}
			return coreRecords
		}, func() int {
			runToEnd(b, "sessions", records)
			return coreRecords
		})
	})
}

// BenchmarkRealRatio is the ratio to raw consumption: how fast our source reads
// a topic of a real broker into chunks, beside franz-go that reads and drops.
func BenchmarkRealRatio(b *testing.B) {
	b.Run("source-to-franz-go", func(b *testing.B) {
		brokers := devtest.Kafka(b)
		const topic = "ratio"
		fillTopic(b, brokers, topic, newSlab(b, "web", sourceRecords))
		ratio(b, sourceRounds, 0, func() int {
			pollAll(b, brokers, topic, sourceRecords)
			return sourceRecords
		}, func() int {
			readSource(b, brokers, topic, sourceRecords)
			return sourceRecords
		})
	})
}

// ratio runs the standard and ours by turns, each until its stretch of CPU time
// is over, and reports how many times as many events ours does in a CPU second.
func ratio(b *testing.B, rounds int, stretch time.Duration, standard, ours func() int) {
	b.Helper()
	measure := func(work func() int) float64 {
		runtime.GC()
		from, n := processCPU(b), 0
		for {
			n += work()
			if cpu := processCPU(b) - from; cpu > stretch {
				return float64(cpu.Nanoseconds()) / float64(n)
			}
		}
	}
	measure(standard)
	measure(ours)
	var ratios, standards, our []float64
	for b.Loop() {
		for round := range rounds {
			var s, o float64
			if round%2 == 0 {
				s, o = measure(standard), measure(ours)
			} else {
				o, s = measure(ours), measure(standard)
			}
			ratios, standards, our = append(ratios, s/o), append(standards, s), append(our, o)
		}
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(ratios), "ratio")
	b.ReportMetric(slices.Min(ratios), "ratio-min")
	b.ReportMetric(slices.Max(ratios), "ratio-max")
	b.ReportMetric(median(standards), "standard-cpu-ns/event")
	b.ReportMetric(median(our), "our-cpu-ns/event")
}

// runToEnd runs a pipeline over the records until everything has closed.
func runToEnd(b *testing.B, set string, records *slab) {
	b.Helper()
	source := newMemory(&slabStream{slab: records}, len(records.times))
	close(source.laps)
	cfg := newPipeline(b, "web", set, source)
	cfg.MaxRecords, cfg.StopWithin = coreStep, 600_000
	p := pipeline.New(cfg)
	if err := p.Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	if n := p.Status().Records.Load(); n != int64(len(records.times)) {
		b.Fatalf("%d records of %d were read", n, len(records.times))
	}
	check(b, p.Status())
}

// slabStream gives the records as a workload does.
type slabStream struct {
	*slab
	next int64
}

// Next gives the next record, until all were given.
func (s *slabStream) Next(rec *generator.Record) bool {
	if s.next == int64(len(s.times)) {
		return false
	}
	value, at := s.record(s.next)
	rec.Value, rec.ArrivalMS = append(rec.Value[:0], value...), at
	s.next++
	return true
}

// all are the records one after another.
func (s *slab) all() iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := range s.times {
			if value, _ := s.record(int64(i)); !yield(value) {
				return
			}
		}
	}
}
