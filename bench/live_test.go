package bench

import (
	"context"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
	"touchstream/sinks/clickhouse"
	sinkkafka "touchstream/sinks/kafka"
	"touchstream/sources/kafka"
)

// livePlan is a pipeline from Kafka into ClickHouse that has no end, run by the
// benchmark itself.
type livePlan struct {
	name, input string
	brokers     []string
	addr        string // of ClickHouse; empty: without
	commitEvery int64
	durable     bool
	triggers    bool
	fast        bool // delivery: fast
	operators   string
	disorder    int64 // max_out_of_orderness
}

// start starts it.
func (l *livePlan) start(b *testing.B) *started {
	b.Helper()
	source, err := kafka.New(&kafkaconn.Input{Conn: kafkaconn.Conn{Brokers: l.brokers}, Topics: []string{l.input}, Driver: kafkaconn.FranzGo})
	if err != nil {
		b.Fatal(err)
	}
	cfg := newPipeline(b, "web", l.operators, source)
	cfg.Name, cfg.CommitEvery, cfg.Fast = l.name, l.commitEvery, l.fast
	cfg.Clock = func() int64 { return time.Now().UnixMilli() }
	cfg.Started = cfg.Clock()
	cfg.Sources[0].OutOfOrderness = l.disorder
	tables := append(cfg.Sinks[0].Tables, pipeline.Events)
	cfg.Sinks = nil
	if l.addr != "" {
		cfg.Sinks = append(cfg.Sinks, pipeline.SinkConfig{Name: "warehouse", Tables: tables, Sink: clickhouse.New(clickhouse.Config{
			Addr: []string{l.addr}, Database: l.name, Username: "default", Create: true, Compression: "none", TimeoutMs: 120_000,
			Block: clickhouse.Limits{RowsMax: 500_000, BytesMax: 64 << 20, MemoryMax: 256 << 20}, SpoolMaxBytes: 1 << 30,
		})})
	}
	conn := kafkaconn.Conn{Brokers: l.brokers}
	var ledger *sinkkafka.Ledger
	if l.durable {
		keepIn(b, &cfg, b.TempDir(), 60_000)
		if ledger, err = sinkkafka.NewLedger(&conn, l.name, true); err != nil {
			b.Fatal(err)
		}
		cfg.Journal = ledger
	}
	if l.triggers {
		c := &sinkkafka.Config{Conn: conn, Topic: l.name + ".triggers", Create: true, Name: l.name, Fast: l.fast}
		var sink *sinkkafka.Sink
		if l.durable {
			sink, err = sinkkafka.NewInLedger(c, ledger)
		} else {
			sink, err = sinkkafka.New(c)
		}
		if err != nil {
			b.Fatal(err)
		}
		cfg.Sinks = append(cfg.Sinks, pipeline.SinkConfig{Name: "rtm", Tables: c.Tables(), Sink: sink})
	}
	return startPipeline(b, &cfg, nil)
}

// shoppers makes records of visitors who look at products; one in a hundred
// puts one into the cart and is not seen again.
func shoppers(dst []byte, i, at int64) []byte {
	name, visitor := "Product Viewed", "visitor-"
	id := i * 7919 % 20_000
	if i%100 == 0 {
		name, visitor, id = "Product Added", "buyer-", i
	}
	dst = append(append(append(dst, `{"type":"track","event":"`...), name...), `","messageId":"m`...)
	dst = strconv.AppendInt(dst, i, 10)
	dst = append(dst, `","timestamp":"`...)
	dst = time.UnixMilli(at).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	dst = append(append(dst, `","anonymousId":"`...), visitor...)
	dst = strconv.AppendInt(dst, id, 10)
	dst = append(dst, `","properties":{"channel":"web","product_id":"P-`...)
	dst = strconv.AppendInt(dst, i%500, 10)
	return append(dst, `","category":"home","price":19.99,"quantity":1,"currency":"PLN"},"context":{"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/134.0.0.0","locale":"pl-PL","page":{"path":"/p/1"}}}`...)
}

// openLoop produces so many records a second, each with the time at which it
// was due as its event time, no matter how the pipeline keeps up, and returns
// the time of the first one and the furthest that it was itself behind.
func openLoop(ctx context.Context, client *kgo.Client, partitions int32, perSecond int, records int64) (began time.Time, behind time.Duration) {
	began = time.Now().Truncate(time.Millisecond).Add(time.Millisecond)
	due := func(i int64) time.Time { return began.Add(time.Duration(i) * time.Second / time.Duration(perSecond)) }
	for i := range records {
		at := due(i)
		if ahead := time.Until(at); ahead > 0 {
			time.Sleep(max(ahead, time.Millisecond))
		}
		behind = max(behind, time.Since(at))
		client.Produce(ctx, &kgo.Record{Partition: int32(i) % partitions, Timestamp: at, Value: shoppers(nil, i, at.UnixMilli())}, nil)
	}
	return began, behind
}

// quantiles reports the median, the 99th percentile and the largest of samples
// in ms.
func quantiles(b *testing.B, name string, ms []float64) {
	b.Helper()
	if len(ms) == 0 {
		b.Fatalf("%s: nothing was measured", name)
	}
	slices.Sort(ms)
	b.ReportMetric(ms[len(ms)/2], name+"-p50-ms")
	b.ReportMetric(ms[len(ms)*99/100], name+"-p99-ms")
	b.ReportMetric(ms[len(ms)-1], name+"-max-ms")
}
