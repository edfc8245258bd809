package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/sources/generator"
)

// worldPartitions is the number of partitions of the topics that are created.
const worldPartitions = 4

// topicWriter writes records to Kafka topics.
type topicWriter struct {
	client *kgo.Client
	name   func(topic string) string
	failed atomic.Pointer[error]
}

// newTopicWriter connects and creates the topics that are missing.
func newTopicWriter(ctx context.Context, brokers []string, name func(topic string) string) (*topicWriter, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerLinger(5*time.Millisecond),
		kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil)), kgo.ProducerBatchCompression(kgo.Lz4Compression()),
		kgo.MaxBufferedRecords(1<<16), kgo.RetryTimeout(30*time.Second))
	if err != nil {
		return nil, fmt.Errorf("--kafka: %w", err)
	}
	w := &topicWriter{client: client, name: name}
	if err := w.createTopics(ctx); err != nil {
		client.Close()
		return nil, fmt.Errorf("--kafka %v: %w", brokers, err)
	}
	return w, nil
}

// createTopics keeps records for ever: their timestamps are the world's, which
// may be months ago, and brokers would delete them within minutes.
func (w *topicWriter) createTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	var names []string
	for _, topic := range generator.Topics() {
		if n := w.name(topic); !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	created, err := kadm.NewClient(w.client).CreateTopics(ctx, worldPartitions, -1, map[string]*string{"retention.ms": kadm.StringPtr("-1")}, names...)
	if err != nil {
		return fmt.Errorf("no broker answers: %w", err)
	}
	for _, t := range created.Sorted() {
		if t.Err != nil && !errors.Is(t.Err, kerr.TopicAlreadyExists) {
			return fmt.Errorf("topic %s: %w", t.Topic, t.Err)
		}
	}
	return nil
}

func (w *topicWriter) write(ctx context.Context, r *generator.Record) error {
	if err := w.failed.Load(); err != nil {
		return *err
	}
	w.client.Produce(ctx, &kgo.Record{
		Topic: w.name(r.Topic), Key: append([]byte(nil), r.Key...), Value: append([]byte(nil), r.Value...),
		Timestamp: time.UnixMilli(r.ArrivalMS),
	}, func(_ *kgo.Record, err error) {
		if err != nil && !errors.Is(err, context.Canceled) {
			w.failed.CompareAndSwap(nil, &err)
		}
	})
	return nil
}

func (w *topicWriter) close(ctx context.Context) error {
	defer w.client.Close()
	if ctx.Err() != nil {
		return nil // stopped: what is not sent yet is not wanted any more
	}
	if err := w.client.Flush(ctx); err != nil {
		return err
	}
	if err := w.failed.Load(); err != nil {
		return *err
	}
	return nil
}
