package bench

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

const (
	openSeconds = 8
	openWarm    = 2 * time.Second
	openRecords = 300_000 // of the run that finds the highest rate
)

// loads are the shares of the highest rate at which latency is measured.
var loads = []int{10, 50, 80}

// BenchmarkLatency measures, without servers, how long after an event was due
// the trigger that it causes is let go behind a durable commit: an open loop
// that does not wait for the pipeline, at shares of the rate that the same
// pipeline reaches. Time counts from when the event was due, to the ms, so that
// what comes late counts in full (no coordinated omission). An operation is a
// run of 8 s; the first 2 s do not count.
func BenchmarkLatency(b *testing.B) {
	rate := 0
	for _, load := range loads {
		b.Run(fmt.Sprintf("load-%d", load), func(b *testing.B) {
			var seen histogram
			if rate == 0 {
				rate = highestRate(b)
			}
			perSecond := rate * load / 100
			for b.Loop() {
				openRun(b, perSecond, &seen)
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(perSecond), "events/s")
			b.ReportMetric(float64(seen.n), "triggers")
			seen.report(b, "trigger")
		})
	}
}

// newOpen starts the pipeline over shoppers' records, each due at its time.
func newOpen(b *testing.B, due func(i int64) time.Time, sink pipeline.Sink) (*indexed, *started) {
	b.Helper()
	var value []byte
	source := newIndexed(func(i int64) ([]byte, int64) {
		at := due(i).UnixMilli()
		value = shoppers(value[:0], i, at)
		return value, at
	})
	cfg := newPipeline(b, "web", "cart", source)
	cfg.CommitEvery = latencyCommit
	cfg.Clock = func() int64 { return time.Now().UnixMilli() }
	cfg.Started = cfg.Clock()
	cfg.Sources[0].OutOfOrderness = latencyDisorder
	cfg.Sinks[0].Sink = sink
	keepIn(b, &cfg, b.TempDir(), 60_000)
	return source, startPipeline(b, &cfg, nil)
}

// highestRate is how many records a second are worked off that are all there.
func highestRate(b *testing.B) int {
	b.Helper()
	began := time.Now()
	source, p := newOpen(b, func(i int64) time.Time { return began.Add(time.Duration(i) * 20 * time.Microsecond) }, discard{})
	defer p.stop()
	done := &p.Status().Records
	source.allow(openRecords)
	awaitTrue(b, serverWait, "a quarter of the records", func() bool { return done.Load() >= openRecords/4 })
	from, first := time.Now(), done.Load()
	awaitTrue(b, serverWait, "all records", func() bool { return done.Load() >= openRecords })
	return int(float64(openRecords-first) / time.Since(from).Seconds())
}

// openRun lets records go as they are due and records the triggers' latencies.
func openRun(b *testing.B, perSecond int, seen *histogram) {
	b.Helper()
	began := time.Now().Add(100 * time.Millisecond).Truncate(time.Millisecond)
	due := func(i int64) time.Time { return began.Add(time.Duration(i) * time.Second / time.Duration(perSecond)) }
	sink := &triggerClock{}
	source, p := newOpen(b, due, sink)
	records := int64(perSecond) * openSeconds
	for next := int64(0); next < records; {
		time.Sleep(max(time.Until(due(next)), time.Millisecond))
		next = min(records, int64(time.Since(began).Seconds()*float64(perSecond)))
		source.allow(next)
	}
	awaitTrue(b, serverWait, "all records", func() bool { return p.Status().Records.Load() >= records && p.Status().Drained() })
	p.stop()
	counted := 0
	for _, s := range sink.left {
		if s.due.After(began.Add(openWarm)) {
			seen.record(s.late)
			counted++
		}
	}
	// The watermark does not reach the last ones.
	if want := perSecond / 100 * (openSeconds - 1 - int(openWarm/time.Second)); counted < want {
		b.Fatalf("%d triggers were let go, want %d or more", counted, want)
	}
}

// triggerClock is a sink that notes when triggers are let go.
type triggerClock struct {
	discard
	mu    sync.Mutex
	taken []time.Time // of the open commit: when their causes were due
	cut   []cutTriggers
	left  []sight
}

// cutTriggers are the triggers of a commit that waits to be durable.
type cutTriggers struct {
	number int64
	due    []time.Time
}

// sight is when the cause of a trigger was due and how much later the trigger
// was seen.
type sight struct {
	due  time.Time
	late time.Duration
}

// occurred is the place of the time of the cause among a trigger's columns.
var occurred = slices.IndexFunc(pipeline.Triggers.Columns, func(c schema.Column) bool { return c.Name == "occurred_at" })

// Write takes the triggers of a step.
func (t *triggerClock) Write(_ context.Context, d *pipeline.Delivery) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, rows := range d.Rows {
		if rows.Table != pipeline.Triggers {
			continue
		}
		for _, ms := range rows.Cols[occurred].I64 {
			t.taken = append(t.taken, time.UnixMilli(ms))
		}
	}
	return nil
}

// Cut ends a commit.
func (t *triggerClock) Cut(_ context.Context, c *pipeline.Cut) ([]byte, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cut = append(t.cut, cutTriggers{c.Number, t.taken})
	t.taken = nil
	return nil, nil
}

// Release notes the time for the triggers of the commits up to number.
func (t *triggerClock) Release(_ context.Context, number int64) error {
	now := time.Now()
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.cut) > 0 && t.cut[0].number <= number {
		for _, due := range t.cut[0].due {
			t.left = append(t.left, sight{due, now.Sub(due)})
		}
		t.cut = t.cut[1:]
	}
	return nil
}
