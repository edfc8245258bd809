package kafka

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
)

// createTopic creates a topic of the test's own on a real broker.
func createTopic(t *testing.T, brokers []string, partitions int32) string {
	t.Helper()
	topic := strings.ReplaceAll(t.Name(), "/", ".")
	if _, err := kadm.NewClient(producer(t, brokers)).CreateTopic(deadline(t), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	return topic
}

func TestRealTransactionsAndCodecs(t *testing.T) {
	brokers := devtest.Kafka(t)
	topic := createTopic(t, brokers, 2)
	var want []string
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		cl := producer(t, brokers, kgo.TransactionalID(fmt.Sprint(topic, i)), kgo.ProducerBatchCompression(codec))
		for _, how := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort, kgo.TryCommit, kgo.TryAbort} {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			var batch []*kgo.Record
			for k := range 20 {
				value := strings.Repeat(fmt.Sprintf("codec %d record %d ", i, k), 50)
				batch = append(batch, record(topic, 0, value), record(topic, 1, value))
				if how == kgo.TryCommit {
					want = append(want, value)
				}
			}
			produce(t, cl, batch...)
			if err := cl.EndTransaction(deadline(t), how); err != nil {
				t.Fatal(err)
			}
		}
	}
	bounded := open(t, input(brokers, topic), true)
	for p := range 2 {
		got, _ := readEnd(t, bounded, p, 7)
		same(t, got, want)
	}
	s := open(t, input(brokers, topic), false)
	readUntil(t, s, 1, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && state == pipeline.CaughtUp && slices.Equal(v, want)
	})
	cfg := input(brokers, topic)
	cfg.Committed = false
	if got, _ := readEnd(t, open(t, cfg, true), 0, 1000); len(got) != 2*len(want) {
		t.Errorf("%d uncommitted records, want %d", len(got), 2*len(want))
	}
}

func TestRealNewPartitions(t *testing.T) {
	brokers := devtest.Kafka(t)
	topic := createTopic(t, brokers, 1)
	s, err := New(input(brokers, topic))
	if err != nil {
		t.Fatal(err)
	}
	s.refreshEvery = 100 * time.Millisecond
	if err := s.Open(deadline(t), false); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	cl := producer(t, brokers)
	if _, err := kadm.NewClient(cl).CreatePartitions(deadline(t), 1, topic); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, series(topic, 1, 0, 10)...)
	ctx := deadline(t)
	for s.Partitions() < 2 {
		select {
		case <-s.Ready():
		case <-ctx.Done():
			t.Fatalf("%d partitions", s.Partitions())
		}
	}
	readUntil(t, s, 1, func(v []string, _ pipeline.ReadState, err error) bool {
		return err == nil && slices.Equal(v, values(10))
	})
}

func TestRealRetention(t *testing.T) {
	brokers := devtest.Kafka(t)
	topic := createTopic(t, brokers, 1)
	cl := producer(t, brokers)
	produce(t, cl, series(topic, 0, 0, 10)...)
	cut := kadm.Offsets{}
	cut.AddOffset(topic, 0, 8, -1)
	if _, err := kadm.NewClient(cl).DeleteRecords(deadline(t), cut); err != nil {
		t.Fatal(err)
	}
	err := openError(t, input(brokers, topic), pipeline.Position{Topic: topic, Offset: 7})
	says(t, err, false, "offset 7 is gone, the log begins at 8")
	got, _ := readEnd(t, open(t, input(brokers, topic), true), 0, 100)
	same(t, got, values(10)[8:])
}

// TestRealRestart kills the broker while a source reads and starts it again:
// the source says so and then goes on, with nothing lost or doubled.
func TestRealRestart(t *testing.T) {
	broker := devtest.NewKafka(t)
	topic := createTopic(t, broker.Brokers(), 1)
	cl := producer(t, broker.Brokers())
	produce(t, cl, series(topic, 0, 0, 1000)...)
	s := open(t, input(broker.Brokers(), topic), false)
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && len(v) == 1000 && state == pipeline.CaughtUp
	})
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	readUntil(t, s, 0, func(_ []string, state pipeline.ReadState, err error) bool {
		if err != nil {
			says(t, err, true, "no broker answers at "+broker.Brokers()[0])
			if state != pipeline.HasMore {
				t.Errorf("state %d without a broker", state)
			}
		}
		return err != nil
	})
	if err := broker.Restart(deadline(t)); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, series(topic, 0, 1000, 1000)...)
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && state == pipeline.CaughtUp && len(v) >= 1000 && slices.Equal(v, values(2000)[1000:])
	})
}
