package bench

import (
	"context"
	"flag"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev/devtest"
)

var (
	latencyRate    = flag.Int("rate", 0, "events a second of the benchmark of latency; 0: shares of the highest rate")
	latencySeconds = flag.Int("seconds", 30, "length of a run of the benchmark of latency, of which the first 5 s and the last one do not count")
)

const (
	latencyWarm   = 5 * time.Second
	latencyCommit = 50 // ms
	// latencyAfter is how long after its cart is left a visitor makes a trigger,
	// and latencyDisorder how long the watermark is behind the newest event.
	latencyAfter, latencyDisorder = 1, 1
)

// latencyVariants are the pipelines of BenchmarkRealLatency.
var latencyVariants = []struct {
	name      string
	warehouse bool
	commit    int64 // ms
	fast      bool
}{
	{"kafka", false, latencyCommit, false},
	{"kafka-clickhouse", true, latencyCommit, false},
	{"kafka-20ms", false, 20, false},
	{"kafka-fast", false, latencyCommit, true},
}

// BenchmarkRealLatency measures how long after an event was due to be produced
// the trigger that it causes is seen by a reader of committed messages, at
// shares of the rate that the same pipeline reaches with the producer, the
// broker and the reader on the same machine. The visitor puts a product into the
// cart, and the operator fires 1 ms of event time after that. Before a rate that
// is given, too, the pipeline works as fast as it can for some seconds: a broker
// is slow until its code is compiled. An operation is a run of -seconds.
func BenchmarkRealLatency(b *testing.B) {
	for _, v := range latencyVariants {
		b.Run(v.name, func(b *testing.B) {
			brokers, addr := devtest.Kafka(b), ""
			if v.warehouse {
				addr = devtest.ClickHouse(b)
			}
			plan := func(name string) *livePlan {
				latencyRuns++
				return &livePlan{name: fmt.Sprintf("%s%d", name, latencyRuns), brokers: brokers, addr: addr, commitEvery: v.commit, fast: v.fast,
					durable: true, triggers: true, operators: "cart", disorder: latencyDisorder}
			}
			if *latencyRate > 0 {
				plan("warm").maximum(b)
				realLatency(b, plan, *latencyRate)
				return
			}
			highest := 0
			for _, load := range loads {
				b.Run(fmt.Sprintf("load-%d", load), func(b *testing.B) {
					if highest == 0 {
						highest = plan("rate").maximum(b)
					}
					b.ReportMetric(float64(highest), "max-events/s")
					realLatency(b, plan, highest*load/100)
				})
			}
		})
	}
}

func realLatency(b *testing.B, plan func(string) *livePlan, rate int) {
	b.Helper()
	var seen histogram
	for b.Loop() {
		behind := plan("latency").latency(b, rate, &seen)
		b.ReportMetric(float64(behind.Microseconds())/1e3, "producer-behind-ms")
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(rate), "events/s")
	b.ReportMetric(float64(seen.n), "triggers")
	seen.report(b, "trigger")
}

// latencyRuns tells the topics of one run from those of another.
var latencyRuns int

// maximum is the rate at which the records are worked off that a producer on
// the same machine writes as fast as it can, without the first quarter.
func (l *livePlan) maximum(b *testing.B) int {
	b.Helper()
	l.input = l.name + ".in"
	client := newProducer(b, l.brokers, l.input, inputPartitions)
	p := l.start(b)
	awaitTrue(b, serverWait, "an empty pipeline", p.Status().Drained)
	records, produced := int64(*commitRecords), make(chan error, 1)
	go func() {
		at := time.Now().UnixMilli()
		for i := range records {
			client.Produce(b.Context(), &kgo.Record{Partition: int32(i) % inputPartitions, Timestamp: time.UnixMilli(at), Value: shoppers(nil, i, at+i/50)}, nil)
		}
		produced <- client.Flush(b.Context())
	}()
	done := &p.Status().Records
	awaitTrue(b, serverWait, "a quarter of the records", func() bool { return done.Load() >= records/4 })
	from, first := time.Now(), done.Load()
	awaitTrue(b, serverWait, "all records", func() bool { return done.Load() >= records })
	rate := float64(records-first) / time.Since(from).Seconds()
	if err := <-produced; err != nil {
		b.Fatal(err)
	}
	p.stop()
	l.drop(b)
	return int(rate)
}

// latency records the times from when the cause of each trigger was due to be
// produced until the trigger was read, without the first 5 s and the last one,
// and is how far the producer was behind.
func (l *livePlan) latency(b *testing.B, perSecond int, into *histogram) time.Duration {
	b.Helper()
	l.input = l.name + ".in"
	ctx, cancel := context.WithTimeout(b.Context(), serverWait)
	defer cancel()
	client := newProducer(b, l.brokers, l.input, inputPartitions)
	newProducer(b, l.brokers, l.name+".triggers", 1)
	reader, err := kgo.NewClient(kgo.SeedBrokers(l.brokers...), kgo.ConsumeTopics(l.name+".triggers"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		b.Fatal(err)
	}
	defer reader.Close()
	p := l.start(b)
	awaitTrue(b, serverWait, "an empty pipeline", p.Status().Drained)
	records := int64(perSecond) * int64(*latencySeconds)
	type produced struct {
		began  time.Time
		behind time.Duration
	}
	ended := make(chan produced, 1)
	go func() {
		began, behind := openLoop(ctx, client, inputPartitions, perSecond, records)
		ended <- produced{began, behind}
	}()
	var seen []sight
	// The watermark does not reach the last ones.
	tail := time.Duration(*latencySeconds-1) * time.Second
	var x produced
	for x.began.IsZero() || len(seen) == 0 || seen[len(seen)-1].due.Before(x.began.Add(tail)) {
		select {
		case x = <-ended:
		default:
		}
		if ctx.Err() != nil {
			b.Fatalf("after %d triggers of %d: %v", len(seen), records/100, ctx.Err())
		}
		polling, done := context.WithTimeout(ctx, time.Second)
		fetched := reader.PollFetches(polling)
		done()
		now := time.Now()
		fetched.EachRecord(func(r *kgo.Record) {
			for _, h := range r.Headers {
				if h.Key != "ce_time" {
					continue
				}
				due, err := time.Parse(time.RFC3339, string(h.Value))
				if err != nil {
					b.Fatal(err)
				}
				due = due.Add(-latencyAfter * time.Millisecond)
				seen = append(seen, sight{due, now.Sub(due)})
			}
		})
	}
	p.stop()
	l.drop(b)
	counted := 0
	for _, s := range seen {
		if s.due.After(x.began.Add(latencyWarm)) && s.due.Before(x.began.Add(tail)) {
			into.record(s.late)
			counted++
		}
	}
	if want := perSecond / 100 * int((tail-latencyWarm)/time.Second); counted < want*99/100 {
		b.Fatalf("%d triggers of %d were read", counted, want)
	}
	return x.behind
}

// drop removes the database.
func (l *livePlan) drop(b *testing.B) {
	b.Helper()
	if l.addr != "" {
		(&job{Name: l.name, ClickHouse: l.addr}).drop(b)
	}
}
