package kafkago

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/kafkaconn"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// testMax bounds any wait of a test.
const testMax = 60 * time.Second

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testMax)
	t.Cleanup(cancel)
	return ctx
}

func fake(t *testing.T, opts ...kfake.Opt) []string {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(1)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

func input(brokers []string, topics ...string) *Config {
	return &Config{Conn: kafkaconn.Conn{Brokers: brokers}, Topics: topics, Driver: kafkaconn.KafkaGo}
}

// producer is the other client.
func producer(t *testing.T, brokers []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func createTopic(t *testing.T, brokers []string, partitions int32) string {
	t.Helper()
	topic := strings.ReplaceAll(t.Name(), "/", ".")
	if _, err := kadm.NewClient(producer(t, brokers)).CreateTopic(deadline(t), partitions, 1, nil, topic); err != nil {
		t.Fatal(err)
	}
	return topic
}

func produce(t *testing.T, cl *kgo.Client, topic string, partition int32, values ...string) {
	t.Helper()
	var records []*kgo.Record
	for _, v := range values {
		records = append(records, &kgo.Record{Topic: topic, Partition: partition, Value: []byte(v)})
	}
	if err := cl.ProduceSync(deadline(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func series(from, until int) []string {
	var out []string
	for i := from; i < until; i++ {
		out = append(out, fmt.Sprintf("v%d", i))
	}
	return out
}

func open(t *testing.T, s *Source, bounded bool) *Source {
	t.Helper()
	if err := s.Open(deadline(t), bounded); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func source(t *testing.T, cfg *Config) *Source {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func readEnd(t *testing.T, s *Source, p, limit int) (values []string) {
	t.Helper()
	var c event.Chunk
	for {
		state, err := s.Read(deadline(t), p, limit, true, &c)
		if err != nil {
			t.Fatal(err)
		}
		for i := range c.Recs {
			values = append(values, string(c.Value(i)))
		}
		if state == pipeline.Ended {
			return values
		}
	}
}

func readUntil(t *testing.T, s *Source, p int, ok func(values []string, state pipeline.ReadState, err error) bool) {
	t.Helper()
	ctx := deadline(t)
	var c event.Chunk
	var values []string
	for {
		state, err := s.Read(ctx, p, 100, false, &c)
		for i := range c.Recs {
			values = append(values, string(c.Value(i)))
		}
		if ok(values, state, err) {
			return
		}
		if len(c.Recs) > 0 {
			continue
		}
		select {
		case <-s.Ready():
		case <-ctx.Done():
			t.Fatalf("%d values, state %d, error %v", len(values), state, err)
		}
	}
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("read %d values %.200q, want %d %.200q", len(got), got, len(want), want)
	}
}

func says(t *testing.T, err error, retryable bool, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	if pipeline.IsRetryable(err) != retryable {
		t.Errorf("retryable is %v: %v", !retryable, err)
	}
	for _, part := range parts {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q lacks %q", err, part)
		}
	}
}

func TestCommittedIsRefused(t *testing.T) {
	cfg := input([]string{"localhost:9092"}, "web")
	cfg.Committed = true
	_, err := New(cfg)
	says(t, err, false, "set isolation: read_uncommitted", "or driver: franz-go")
}

func TestBounded(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(2, "web", "app"))
	cl := producer(t, brokers)
	produce(t, cl, "web", 1, series(0, 1000)...)
	produce(t, cl, "app", 0, series(0, 10)...)
	s := open(t, source(t, input(brokers, "web", "app")), true)
	produce(t, cl, "web", 1, series(1000, 1100)...)
	for p, n := range []int{10, 0, 0, 1000} {
		same(t, readEnd(t, s, p, 77), series(0, n))
	}
}

func TestStart(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(1, "web"))
	cl := producer(t, brokers)
	for i := range 10 {
		r := &kgo.Record{Topic: "web", Value: []byte(fmt.Sprintf("v%d", i)), Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)*1000)}
		if err := cl.ProduceSync(deadline(t), r).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	for start, from := range map[string]int{"earliest": 0, "latest": 10, "2023-11-14T22:13:25Z": 5, "1999-01-01": 0, "2033-01-01T00:00:00Z": 10} {
		cfg := input(brokers, "web")
		var err error
		if cfg.Start, err = kafkaconn.ParseStart(start); err != nil {
			t.Fatal(err)
		}
		same(t, readEnd(t, open(t, source(t, cfg), true), 0, 100), series(from, 10))
	}
}

func TestOpenFaults(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(1, "web"))
	err := source(t, input(brokers, "web", "wbe")).Open(deadline(t), false)
	says(t, err, false, "topic wbe does not exist on "+brokers[0])
	err = source(t, input([]string{"127.0.0.1:1"}, "web")).Open(deadline(t), false)
	says(t, err, true, "no broker answers at 127.0.0.1:1")
}

func TestLogin(t *testing.T) {
	brokers := fake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "shop", "right"), kfake.Superuser("SCRAM-SHA-256", "shop", "right"),
		kfake.Superuser("SCRAM-SHA-512", "shop", "right"), kfake.SeedTopics(1, "web"))
	for _, mechanism := range []string{kafkaconn.Plain, kafkaconn.ScramSHA256, kafkaconn.ScramSHA512} {
		cfg := input(brokers, "web")
		cfg.SASL = &kafkaconn.SASL{Mechanism: mechanism, Username: "shop", Password: "right"}
		open(t, source(t, cfg), false)
	}
}

func TestResume(t *testing.T) {
	brokers := fake(t, kfake.SeedTopics(2, "web"))
	cl := producer(t, brokers)
	produce(t, cl, "web", 0, series(0, 10)...)
	produce(t, cl, "web", 1, series(0, 10)...)
	s := source(t, input(brokers, "web"))
	s.Resume([]pipeline.Position{{Topic: "web", Partition: 0, Offset: 7}})
	open(t, s, true)
	same(t, readEnd(t, s, 0, 100), series(7, 10))
	same(t, readEnd(t, s, 1, 100), series(0, 10))
	s = source(t, input(brokers, "web"))
	s.Resume([]pipeline.Position{{Topic: "web", Partition: 0, Offset: 11}})
	says(t, s.Open(deadline(t), true), false, "offset 11 is not there, the log ends at 10")
}

func TestRealCodecsAndControlRecords(t *testing.T) {
	brokers := devtest.Kafka(t)
	topic := createTopic(t, brokers, 1)
	var want []string
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		cl := producer(t, brokers, kgo.TransactionalID(fmt.Sprint(topic, i)), kgo.ProducerBatchCompression(codec))
		for _, how := range []kgo.TransactionEndTry{kgo.TryCommit, kgo.TryAbort} {
			if err := cl.BeginTransaction(); err != nil {
				t.Fatal(err)
			}
			var batch []string
			for k := range 20 {
				batch = append(batch, strings.Repeat(fmt.Sprintf("codec %d record %d ", i, k), 50))
			}
			produce(t, cl, topic, 0, batch...)
			want = append(want, batch...)
			if err := cl.EndTransaction(deadline(t), how); err != nil {
				t.Fatal(err)
			}
		}
	}
	same(t, readEnd(t, open(t, source(t, input(brokers, topic)), true), 0, 33), want)
	s := open(t, source(t, input(brokers, topic)), false)
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && state == pipeline.CaughtUp && slices.Equal(v, want)
	})
	if lag := s.Lag(); lag != 0 {
		t.Errorf("lag %d behind a control record", lag)
	}
}

func TestRealNewPartitions(t *testing.T) {
	brokers := devtest.Kafka(t)
	topic := createTopic(t, brokers, 1)
	s := source(t, input(brokers, topic))
	s.refreshEvery = 100 * time.Millisecond
	open(t, s, false)
	cl := producer(t, brokers)
	if _, err := kadm.NewClient(cl).CreatePartitions(deadline(t), 1, topic); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, topic, 1, series(0, 10)...)
	ctx := deadline(t)
	for s.Partitions() < 2 {
		select {
		case <-s.Ready():
		case <-ctx.Done():
			t.Fatalf("%d partitions", s.Partitions())
		}
	}
	readUntil(t, s, 1, func(v []string, _ pipeline.ReadState, err error) bool {
		return err == nil && slices.Equal(v, series(0, 10))
	})
}

func TestRealRestart(t *testing.T) {
	broker := devtest.NewKafka(t)
	topic := createTopic(t, broker.Brokers(), 1)
	cl := producer(t, broker.Brokers())
	produce(t, cl, topic, 0, series(0, 1000)...)
	s := open(t, source(t, input(broker.Brokers(), topic)), false)
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && len(v) == 1000 && state == pipeline.CaughtUp
	})
	if err := broker.Kill(); err != nil {
		t.Fatal(err)
	}
	readUntil(t, s, 0, func(_ []string, _ pipeline.ReadState, err error) bool {
		if err != nil {
			says(t, err, true, broker.Brokers()[0])
		}
		return err != nil
	})
	if err := broker.Restart(deadline(t)); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, topic, 0, series(1000, 2000)...)
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && state == pipeline.CaughtUp && slices.Equal(v, series(1000, 2000))
	})
}

func TestRealRetention(t *testing.T) {
	brokers := devtest.Kafka(t)
	topic := createTopic(t, brokers, 1)
	cl := producer(t, brokers)
	produce(t, cl, topic, 0, series(0, 10)...)
	cut := kadm.Offsets{}
	cut.AddOffset(topic, 0, 8, -1)
	if _, err := kadm.NewClient(cl).DeleteRecords(deadline(t), cut); err != nil {
		t.Fatal(err)
	}
	s := source(t, input(brokers, topic))
	s.Resume([]pipeline.Position{{Topic: topic, Offset: 7}})
	says(t, s.Open(deadline(t), false), false, "offset 7 is gone, the log begins at 8")
	same(t, readEnd(t, open(t, source(t, input(brokers, topic)), true), 0, 100), series(8, 10))
}
