package bench

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/kafkaconn"
	sourcekafka "touchstream/sources/kafka"
)

// bareClient is the consumer that others are measured beside.
const bareClient = "franz-go"

// consumers read a topic of so many records to its end. Those without a job
// read and drop.
var consumers = []struct {
	name string
	read func(b *testing.B, brokers []string, topic string, records int)
	job  *job
}{
	{name: bareClient, read: func(b *testing.B, brokers []string, topic string, records int) { pollAll(b, brokers, topic, records) }},
	{name: "franz-go-pools", read: func(b *testing.B, brokers []string, topic string, records int) {
		pollAll(b, brokers, topic, records, kgo.WithPools(&clientPools{}))
	}},
	{name: "kafka-go", read: readKafkaGo},
	{name: "source", read: readSource},
	{name: "pipeline", job: &job{Tables: "sessions, ropo, abandonments, window_revenue, dead_letters"}},
	{name: "pipeline-events", job: &job{}},
}

// BenchmarkRealConsume reads a filled Kafka topic: with the bare clients, with
// our source, and with the whole pipeline (identity, sessions, ropo,
// abandonment, a window) into ClickHouse, exactly once, without and with the
// table of events. CPU time is that of the reading process alone. An operation
// is a run of each, every time beginning with another one.
func BenchmarkRealConsume(b *testing.B) {
	brokers, addr := devtest.Kafka(b), devtest.ClickHouse(b)
	program(b)
	fillTopic(b, brokers, "consume", newSlab(b, "web", *commitRecords))
	all := map[string]costs{}
	for round := 0; b.Loop(); round++ {
		for k := range consumers {
			c := &consumers[(round+k)%len(consumers)]
			var took cost
			if c.job != nil {
				j := job{Name: fmt.Sprintf("consume%d_%d", round, k), Input: "consume", Commit: "1s", Kafka: brokers[0], ClickHouse: addr, Time: "{}", After: "1m", Tables: c.job.Tables}
				took = j.runToEnd(b, *commitRecords, "--keep-state")
				j.drop(b)
			} else {
				runtime.GC() // what filled the topic is no part of it
				cpu, at := processCPU(b), time.Now()
				c.read(b, brokers, "consume", *commitRecords)
				took = cost{*commitRecords, time.Since(at), processCPU(b) - cpu}
			}
			b.Logf("%s: %.0f ns of CPU a record", c.name, float64(took.cpu.Nanoseconds())/float64(took.events))
			all[c.name] = append(all[c.name], took)
		}
	}
	b.ReportMetric(0, "ns/op")
	for _, c := range consumers {
		b.ReportMetric(all[c.name].cpu(), c.name+"-cpu-ns/record")
		if c.name != bareClient {
			b.ReportMetric(100*all[bareClient].cpu()/all[c.name].cpu(), c.name+"-beside-bare-%")
		}
	}
}

// pollAll reads with franz-go's own consumer.
func pollAll(b *testing.B, brokers []string, topic string, records int, opts ...kgo.Opt) {
	b.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(brokers...), kgo.ConsumeTopics(topic))...)
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	for n := 0; n < records; {
		fetches := client.PollFetches(b.Context())
		if err := fetches.Err(); err != nil {
			b.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			n++
			r.Recycle()
		})
	}
}

// clientPools are pools as the client's documentation advises.
type clientPools struct{ records, bytes sync.Pool }

// GetRecords gives a slice of records.
func (p *clientPools) GetRecords(n int) []kgo.Record {
	if list, ok := p.records.Get().(*[]kgo.Record); ok && cap(*list) >= n {
		return *list
	}
	return make([]kgo.Record, n)
}

// PutRecords takes it back.
func (p *clientPools) PutRecords(list []kgo.Record) { p.records.Put(&list) }

// GetDecompressBytes gives memory to unpack into.
func (p *clientPools) GetDecompressBytes([]byte, kgo.CompressionCodecType) []byte {
	if b, ok := p.bytes.Get().(*[]byte); ok {
		return *b
	}
	return nil
}

// PutDecompressBytes takes it back.
func (p *clientPools) PutDecompressBytes(b []byte) { p.bytes.Put(&b) }

// readKafkaGo reads with a kafka-go reader for each partition.
func readKafkaGo(b *testing.B, brokers []string, topic string, records int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), serverWait)
	defer cancel()
	left, readers := atomic.Int64{}, sync.WaitGroup{}
	left.Store(int64(records))
	for p := range inputPartitions {
		r := kafka.NewReader(kafka.ReaderConfig{Brokers: brokers, Topic: topic, Partition: p})
		readers.Go(func() {
			defer func(c io.Closer) { _ = c.Close() }(r)
			for ctx.Err() == nil {
				if _, err := r.ReadMessage(ctx); err == nil && left.Add(-1) == 0 {
					cancel()
				}
			}
		})
	}
	readers.Wait()
	if n := left.Load(); n != 0 {
		b.Fatalf("%d records were not read", n)
	}
}

// readSource reads with our source into chunks.
func readSource(b *testing.B, brokers []string, topic string, records int) {
	b.Helper()
	s, err := sourcekafka.New(&kafkaconn.Input{Conn: kafkaconn.Conn{Brokers: brokers}, Topics: []string{topic}, Driver: kafkaconn.FranzGo, Committed: true})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Open(b.Context(), true); err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	chunk, n := event.Chunk{}, 0
	for ended := 0; ended < s.Partitions(); {
		ended = 0
		for p := range s.Partitions() {
			state, err := s.Read(b.Context(), p, chunkRecords, true, &chunk)
			if err != nil {
				b.Fatal(err)
			}
			n += len(chunk.Recs)
			if state == pipeline.Ended {
				ended++
			}
		}
	}
	if n != records {
		b.Fatalf("%d of %d records", n, records)
	}
}
