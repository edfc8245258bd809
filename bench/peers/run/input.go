package main

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev"
	"touchstream/sources/generator"
)

const (
	workload   = "web"
	seed       = 1
	topic      = "web"
	partitions = 2
)

// each calls do for the records of the workload, until it answers with an error.
func each(events int, do func(*generator.Record) error) error {
	s, err := generator.Workload(workload, seed)
	if err != nil {
		return err
	}
	var rec generator.Record
	for range events {
		if !s.Next(&rec) {
			return fmt.Errorf("workload %s ended", workload)
		}
		if err := do(&rec); err != nil {
			return err
		}
	}
	return nil
}

// writeInput writes events as lines of a file, in order of arrival.
func writeInput(path string, events int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	out := bufio.NewWriterSize(f, 1<<20)
	if err := each(events, func(r *generator.Record) error {
		if _, err := out.Write(r.Value); err != nil {
			return err
		}
		return out.WriteByte('\n')
	}); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// lines are the records of a file; a fault is left in err.
func lines(path string, err *error) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		f, fault := os.Open(path)
		if fault != nil {
			*err = fault
			return
		}
		defer f.Close()
		in := bufio.NewScanner(f)
		in.Buffer(make([]byte, 1<<20), 1<<20)
		for in.Scan() {
			if !yield(in.Bytes()) {
				return
			}
		}
		*err = in.Err()
	}
}

// startKafka starts a broker, once, and fills its topic: keyed by anonymousId,
// so that a person's events are in one partition, in order of arrival.
func (b *bench) startKafka(ctx context.Context) error {
	if b.kafka != nil {
		return nil
	}
	var err error
	if b.kafka, err = dev.StartKafka(ctx, dev.Config{Dir: filepath.Join(b.dir, "kafka"), Progress: os.Stderr}); err != nil {
		return err
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(b.kafka.Brokers()...), kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(1<<16),
		kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerLinger(5*time.Millisecond))
	if err != nil {
		return err
	}
	defer client.Close()
	forever := "-1" // the records' timestamps are long ago
	if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, map[string]*string{"retention.ms": &forever}, topic); err != nil {
		return err
	}
	var fault error
	err = each(b.kafkaEvents, func(r *generator.Record) error {
		client.Produce(ctx, &kgo.Record{
			Key: append([]byte(nil), r.Key...), Value: append([]byte(nil), r.Value...), Timestamp: time.UnixMilli(r.ArrivalMS),
		}, func(_ *kgo.Record, err error) {
			if err != nil {
				fault = err // answers come one after another
			}
		})
		return nil
	})
	if err != nil {
		return err
	}
	if err := client.Flush(ctx); err != nil {
		return err
	}
	return fault
}
