package kafka

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

const (
	benchRecords    = 400_000
	benchPartitions = 4
)

// BenchmarkRead reads one log through the source and with the bare client;
// their ratio is what counts.
func BenchmarkRead(b *testing.B) {
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(benchPartitions, "web"))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	fill(b, c.ListenAddrs())
	b.Run("source", func(b *testing.B) {
		for b.Loop() {
			readAll(b, c.ListenAddrs())
		}
		b.ReportMetric(float64(b.N)*benchRecords/b.Elapsed().Seconds(), "records/s")
	})
	b.Run("client", func(b *testing.B) {
		for b.Loop() {
			pollAll(b, c.ListenAddrs())
		}
		b.ReportMetric(float64(b.N)*benchRecords/b.Elapsed().Seconds(), "records/s")
	})
}

func fill(b *testing.B, brokers []string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(1<<16))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	for i := range benchRecords {
		value := fmt.Sprintf(`{"messageId":"m%d","type":"track","event":"Product Viewed",%q:%q}`, i, "text", strings.Repeat(fmt.Sprint(i), 30))
		cl.Produce(context.Background(), &kgo.Record{Topic: "web", Partition: int32(i % benchPartitions), Value: []byte(value)}, nil)
	}
	if err := cl.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
}

func readAll(b *testing.B, brokers []string) {
	s, err := New(input(brokers, "web"))
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Open(context.Background(), true); err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var chunk event.Chunk
	left, records := benchPartitions, 0
	for ended := [benchPartitions]bool{}; left > 0; {
		for p := range benchPartitions {
			if ended[p] {
				continue
			}
			state, err := s.Read(context.Background(), p, 2048, true, &chunk)
			if err != nil {
				b.Fatal(err)
			}
			records += len(chunk.Recs)
			if state == pipeline.Ended {
				ended[p] = true
				left--
			}
		}
	}
	if records != benchRecords {
		b.Fatalf("%d records", records)
	}
}

func pollAll(b *testing.B, brokers []string) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ConsumeTopics("web"), kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	if err != nil {
		b.Fatal(err)
	}
	defer cl.Close()
	var data []byte
	for records := 0; records < benchRecords; {
		data = data[:0]
		cl.PollFetches(context.Background()).EachRecord(func(r *kgo.Record) {
			data = append(data, r.Value...)
			records++
		})
	}
}
