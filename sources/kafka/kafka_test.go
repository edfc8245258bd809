package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/kafkaconn"
)

// testMax bounds any wait of a test.
const testMax = 30 * time.Second

func fake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(append([]kfake.Opt{kfake.NumBrokers(2)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func input(brokers []string, topics ...string) *Config {
	return &Config{Conn: kafkaconn.Conn{Brokers: brokers}, Topics: topics, Committed: true}
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testMax)
	t.Cleanup(cancel)
	return ctx
}

// producer writes to the partitions that records name.
func producer(t *testing.T, brokers []string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(brokers...), kgo.RecordPartitioner(kgo.ManualPartitioner())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func record(topic string, partition int32, value string) *kgo.Record {
	return &kgo.Record{Topic: topic, Partition: partition, Value: []byte(value)}
}

func produce(t *testing.T, cl *kgo.Client, records ...*kgo.Record) {
	t.Helper()
	if err := cl.ProduceSync(deadline(t), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// series is n records v0, v1, … of a partition.
func series(topic string, partition int32, from, n int) []*kgo.Record {
	out := make([]*kgo.Record, n)
	for i := range out {
		out[i] = record(topic, partition, fmt.Sprintf("v%d", from+i))
	}
	return out
}

func open(t *testing.T, cfg *Config, bounded bool) *Source {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Open(deadline(t), bounded); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func openError(t *testing.T, cfg *Config, resume ...pipeline.Position) error {
	t.Helper()
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(resume) > 0 {
		s.Resume(resume)
	}
	err = s.Open(deadline(t), false)
	if err == nil {
		s.Close()
		t.Fatal("Open succeeded")
	}
	return err
}

// readEnd reads a partition of a bounded run to its end.
func readEnd(t *testing.T, s *Source, p, limit int) (values []string, offsets []int64) {
	t.Helper()
	ctx := deadline(t)
	var c event.Chunk
	for {
		state, err := s.Read(ctx, p, limit, true, &c)
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Recs) > limit {
			t.Fatalf("%d records, asked for %d", len(c.Recs), limit)
		}
		for i := range c.Recs {
			values, offsets = append(values, string(c.Value(i))), append(offsets, c.Recs[i].Offset)
		}
		if state == pipeline.Ended {
			return values, offsets
		}
		if len(c.Recs) == 0 {
			t.Fatalf("no record and state %d after waiting", state)
		}
	}
}

// readUntil reads a partition without waiting until ok is content.
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

func values(n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = fmt.Sprintf("v%d", i)
	}
	return out
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

func TestBoundedReadsEachPartitionToItsEnd(t *testing.T) {
	c := fake(t, kfake.SeedTopics(3, "web", "app"))
	cl := producer(t, c.ListenAddrs())
	for p := range int32(2) { // The third partition stays empty.
		produce(t, cl, series("web", p, 0, 1000+int(p))...)
	}
	produce(t, cl, series("app", 1, 0, 10)...)
	s := open(t, input(c.ListenAddrs(), "web", "app"), true)
	produce(t, cl, series("web", 0, 1000, 500)...) // After the start: not part of the run.
	if s.Partitions() != 6 {
		t.Fatalf("%d partitions, want 6", s.Partitions())
	}
	for p, n := range []int{0, 10, 0, 1000, 1001, 0} {
		got, offsets := readEnd(t, s, p, 77)
		same(t, got, values(n))
		for i, o := range offsets {
			if o != int64(i) {
				t.Fatalf("partition %d: offset %d at place %d", p, o, i)
			}
		}
	}
	if lag := s.Lag(); lag != 0 {
		t.Errorf("lag %d at the end", lag)
	}
}

func TestOriginAndTimestamp(t *testing.T) {
	c := fake(t, kfake.SeedTopics(2, "web"))
	r := record("web", 1, "x")
	r.Timestamp = time.UnixMilli(1_700_000_000_123)
	produce(t, producer(t, c.ListenAddrs()), r, &kgo.Record{Topic: "web", Partition: 1, Key: []byte("k")})
	s := open(t, input(c.ListenAddrs(), "web"), true)
	var chunk event.Chunk
	if _, err := s.Read(deadline(t), 1, 10, true, &chunk); err != nil {
		t.Fatal(err)
	}
	if o := chunk.Origin; o.Topic != "web" || o.Partition != 1 {
		t.Errorf("origin %+v", o)
	}
	if chunk.Recs[0].Timestamp != 1_700_000_000_123 {
		t.Errorf("timestamp %d", chunk.Recs[0].Timestamp)
	}
	tombstone := slices.IndexFunc(chunk.Recs, func(r event.Rec) bool { return r.Offset == 1 })
	if tombstone < 0 {
		if _, err := s.Read(deadline(t), 1, 10, true, &chunk); err != nil {
			t.Fatal(err)
		}
		tombstone = 0
	}
	if r := chunk.Recs[tombstone]; r.Offset != 1 || r.Len != 0 || r.Size != 0 {
		t.Errorf("tombstone %+v", r)
	}
}

func TestBoundedStateDoesNotDependOnFetches(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	cl := producer(t, c.ListenAddrs())
	for i := range 64 { // Many small batches.
		produce(t, cl, series("web", 0, i, 1)...)
	}
	for range 8 {
		s := open(t, input(c.ListenAddrs(), "web"), true)
		var chunk event.Chunk
		read := 0
		for {
			state, err := s.Read(deadline(t), 0, 64-read, true, &chunk)
			if err != nil {
				t.Fatal(err)
			}
			read += len(chunk.Recs)
			if (state == pipeline.Ended) != (read == 64) {
				t.Fatalf("state %d after %d of 64 records", state, read)
			}
			if read == 64 {
				break
			}
		}
		s.Close()
	}
}

func TestCaughtUpThenMore(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	cl := producer(t, c.ListenAddrs())
	s := open(t, input(c.ListenAddrs(), "web"), false)
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && state == pipeline.CaughtUp && len(v) == 0
	})
	produce(t, cl, series("web", 0, 0, 10)...)
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && state == pipeline.CaughtUp && slices.Equal(v, values(10))
	})
	if lag := s.Lag(); lag != 0 {
		t.Errorf("lag %d", lag)
	}
}

func TestStart(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	cl := producer(t, c.ListenAddrs())
	records := series("web", 0, 0, 10)
	for i, r := range records {
		r.Timestamp = time.UnixMilli(1_700_000_000_000 + int64(i)*1000)
	}
	for _, r := range records {
		produce(t, cl, r)
	}
	for start, from := range map[string]int{
		"earliest": 0, "latest": 10, "2023-11-14T22:13:25Z": 5, "2023-11-14T22:13:25.001Z": 6, "1999-01-01": 0, "2033-01-01T00:00:00Z": 10,
	} {
		cfg := input(c.ListenAddrs(), "web")
		var err error
		if cfg.Start, err = kafkaconn.ParseStart(start); err != nil {
			t.Fatal(err)
		}
		got, _ := readEnd(t, open(t, cfg, true), 0, 100)
		same(t, got, values(10)[from:])
	}
}

func TestAbortedTransactions(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	cl := producer(t, c.ListenAddrs(), kgo.TransactionalID("tx"))
	transact := func(records []*kgo.Record, how kgo.TransactionEndTry) {
		t.Helper()
		if err := cl.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		produce(t, cl, records...)
		if err := cl.EndTransaction(deadline(t), how); err != nil {
			t.Fatal(err)
		}
	}
	transact(series("web", 0, 0, 3), kgo.TryCommit)
	transact(series("web", 0, 100, 5), kgo.TryAbort)
	transact(series("web", 0, 3, 2), kgo.TryCommit)
	transact(series("web", 0, 200, 7), kgo.TryAbort) // The tail holds nothing.
	got, offsets := readEnd(t, open(t, input(c.ListenAddrs(), "web"), true), 0, 100)
	same(t, got, values(5))
	if offsets[4] != 11 {
		t.Errorf("the last offset is %d, want 11", offsets[4])
	}
	cfg := input(c.ListenAddrs(), "web")
	s := open(t, cfg, false)
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && state == pipeline.CaughtUp && len(v) == 5
	})
	if lag := s.Lag(); lag != 0 {
		t.Errorf("lag %d behind an aborted tail", lag)
	}
	cfg = input(c.ListenAddrs(), "web")
	cfg.Committed = false
	if got, _ := readEnd(t, open(t, cfg, true), 0, 100); len(got) != 17 {
		t.Errorf("%d uncommitted records, want 17", len(got))
	}
}

func TestOpenTransactionEndsABoundedRunBeforeIt(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	plain := producer(t, c.ListenAddrs())
	produce(t, plain, series("web", 0, 0, 4)...)
	cl := producer(t, c.ListenAddrs(), kgo.TransactionalID("tx"))
	if err := cl.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, cl, series("web", 0, 100, 1)...)
	produce(t, plain, series("web", 0, 200, 1)...)
	got, _ := readEnd(t, open(t, input(c.ListenAddrs(), "web"), true), 0, 100)
	same(t, got, values(4))
	if err := cl.EndTransaction(deadline(t), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

func TestCodecs(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	var want []string
	for i, codec := range []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		value := strings.Repeat(fmt.Sprintf("codec %d ", i), 1000)
		produce(t, producer(t, c.ListenAddrs(), kgo.ProducerBatchCompression(codec)), record("web", 0, value))
		want = append(want, value)
	}
	got, _ := readEnd(t, open(t, input(c.ListenAddrs(), "web"), true), 0, 100)
	same(t, got, want)
}

func TestNewPartitions(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	cl := producer(t, c.ListenAddrs())
	cfg := input(c.ListenAddrs(), "web")
	cfg.Start.Where = kafkaconn.Latest
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.refreshEvery = 20 * time.Millisecond
	if err := s.Open(deadline(t), false); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if _, err := kadm.NewClient(cl).CreatePartitions(deadline(t), 2, "web"); err != nil {
		t.Fatal(err)
	}
	cl.PurgeTopicsFromProducing("web")
	produce(t, cl, series("web", 2, 0, 5)...)
	ctx := deadline(t)
	for s.Partitions() < 3 {
		select {
		case <-s.Ready():
		case <-ctx.Done():
			t.Fatalf("%d partitions", s.Partitions())
		}
	}
	readUntil(t, s, 2, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && slices.Equal(v, values(5))
	})
}

func TestUnreadPartitionIsBoundedAndBlocksNoOther(t *testing.T) {
	c := fake(t, kfake.NumBrokers(1), kfake.SeedTopics(2, "web"))
	cl := producer(t, c.ListenAddrs(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	value := strings.Repeat("x", 100<<10)
	for range 30 {
		var batch []*kgo.Record
		for range 9 {
			batch = append(batch, record("web", 0, value))
		}
		produce(t, cl, batch...)
	}
	produce(t, cl, series("web", 1, 0, 1000)...)
	s := open(t, input(c.ListenAddrs(), "web"), false)
	readUntil(t, s, 1, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && len(v) == 1000 && state == pipeline.CaughtUp
	})
	produce(t, cl, series("web", 1, 1000, 1000)...)
	readUntil(t, s, 1, func(v []string, state pipeline.ReadState, err error) bool {
		return err == nil && len(v) == 1000
	})
	s.buffer.Lock()
	if n := s.parts[0].Next(); n > 200 {
		t.Errorf("%d of 270 records were fetched of a partition that nobody reads", n)
	}
	s.buffer.Unlock()
	n := 0
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		n = len(v)
		return err == nil && state == pipeline.CaughtUp && n > 0
	})
	if n != 270 {
		t.Errorf("%d of 270 records", n)
	}
}

func TestOpenFaults(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	err := openError(t, input(c.ListenAddrs(), "web", "wbe"))
	says(t, err, false, "topic wbe does not exist on "+c.ListenAddrs()[0], "create it or correct topics")
	err = openError(t, input([]string{"127.0.0.1:1"}, "web"))
	says(t, err, true, "no broker answers at 127.0.0.1:1", "check brokers")
}

func TestLogin(t *testing.T) {
	c := fake(t, kfake.EnableSASL(), kfake.Superuser("PLAIN", "shop", "right"), kfake.Superuser("SCRAM-SHA-256", "shop", "right"),
		kfake.Superuser("SCRAM-SHA-512", "shop", "right"), kfake.SeedTopics(1, "web"))
	for _, mechanism := range []string{kafkaconn.Plain, kafkaconn.ScramSHA256, kafkaconn.ScramSHA512} {
		cfg := input(c.ListenAddrs(), "web")
		cfg.SASL = &kafkaconn.SASL{Mechanism: mechanism, Username: "shop", Password: "right"}
		open(t, cfg, false)
	}
	says(t, openError(t, input(c.ListenAddrs(), "web")), true, "check that it runs, and whether it expects other tls or sasl settings")
	// The fake closes the connection at a wrong password; brokers say why.
	c.ControlKey(int16(kmsg.SASLAuthenticate), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := r.ResponseKind().(*kmsg.SASLAuthenticateResponse)
		resp.ErrorCode = kerr.SaslAuthenticationFailed.Code
		return resp, nil, true
	})
	cfg := input(c.ListenAddrs(), "web")
	cfg.SASL = &kafkaconn.SASL{Mechanism: kafkaconn.Plain, Username: "shop", Password: "hunter2"}
	err := openError(t, cfg)
	says(t, err, false, `refuses the login of "shop" by PLAIN`, "check sasl")
	if strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password is in %q", err)
	}
}

func TestRights(t *testing.T) {
	c := fake(t, kfake.EnableSASL(), kfake.EnableACLs(), kfake.User("PLAIN", "shop", "right"), kfake.SeedTopics(1, "web"))
	cfg := input(c.ListenAddrs(), "web")
	cfg.SASL = &kafkaconn.SASL{Mechanism: kafkaconn.Plain, Username: "shop", Password: "right"}
	says(t, openError(t, cfg), false, "does not let user shop read web: grant READ and DESCRIBE")
}

func TestResume(t *testing.T) {
	c := fake(t, kfake.SeedTopics(2, "web"))
	produce(t, producer(t, c.ListenAddrs()), append(series("web", 0, 0, 10), series("web", 1, 0, 10)...)...)
	cfg := input(c.ListenAddrs(), "web")
	cfg.Start.Where = kafkaconn.Latest
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s.Resume([]pipeline.Position{{Topic: "web", Partition: 0, Offset: 7}})
	if err := s.Open(deadline(t), true); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got, _ := readEnd(t, s, 0, 100)
	same(t, got, values(10)[7:])
	got, _ = readEnd(t, s, 1, 100) // Not among the positions: new.
	same(t, got, values(10))
	if err := c.DeleteRecords("web", 0, 8); err != nil {
		t.Fatal(err)
	}
	err = openError(t, cfg, pipeline.Position{Topic: "web", Offset: 7})
	says(t, err, false, "topic web partition 0: offset 7 is gone, the log begins at 8")
	err = openError(t, cfg, pipeline.Position{Topic: "web", Offset: 11})
	says(t, err, false, "offset 11 is not there, the log ends at 10")
}

func TestRecordsDeletedWhileBehind(t *testing.T) {
	c := fake(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "web"))
	cl := producer(t, c.ListenAddrs(), kgo.ProducerBatchCompression(kgo.NoCompression()))
	value := strings.Repeat("x", 500<<10)
	for range 80 { // More than a partition's share of the buffer.
		produce(t, cl, record("web", 0, value))
	}
	s := open(t, input(c.ListenAddrs(), "web"), false)
	ctx := deadline(t)
	for full := false; !full; {
		select {
		case <-s.Ready():
		case <-ctx.Done():
			t.Fatal("the queue does not fill")
		}
		s.buffer.Lock()
		full = !s.parts[0].Wanted()
		s.buffer.Unlock()
	}
	if err := c.DeleteRecords("web", 0, 79); err != nil {
		t.Fatal(err)
	}
	var fault error
	readUntil(t, s, 0, func(v []string, state pipeline.ReadState, err error) bool {
		if err != nil && !pipeline.IsRetryable(err) {
			fault = err
		}
		return fault != nil || len(v) == 80
	})
	says(t, fault, false, "topic web partition 0: offset ", "is gone, the log begins at 79")
}

func TestTopicCreatedAnew(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	produce(t, producer(t, c.ListenAddrs()), series("web", 0, 0, 10)...)
	s := open(t, input(c.ListenAddrs(), "web"), false)
	readUntil(t, s, 0, func(v []string, _ pipeline.ReadState, err error) bool { return len(v) == 10 })
	if err := c.DeleteTopic("web"); err != nil {
		t.Fatal(err)
	}
	if err := c.CreateTopic("web", 1, nil); err != nil {
		t.Fatal(err)
	}
	var fault error
	readUntil(t, s, 0, func(_ []string, _ pipeline.ReadState, err error) bool {
		if err != nil && !pipeline.IsRetryable(err) {
			fault = err
		}
		return fault != nil
	})
	says(t, fault, false, "topic web", "was deleted and created again")
}

func TestReadEndsWithItsContext(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	s := open(t, input(c.ListenAddrs(), "web"), false)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	var chunk event.Chunk
	if _, err := s.Read(ctx, 0, 1, true, &chunk); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want the context's", err)
	}
}

// TestBatchThatUnpacksTooLarge: the batch stands as one record that is too
// large, and what follows is read.
func TestBatchThatUnpacksTooLarge(t *testing.T) {
	c := fake(t, kfake.SeedTopics(1, "web"))
	cl := producer(t, c.ListenAddrs(), kgo.ProducerBatchCompression(kgo.GzipCompression()))
	produce(t, cl, record("web", 0, "v0"))
	bomb := record("web", 0, strings.Repeat("0", 100_000))
	bomb.Timestamp = time.UnixMilli(1_700_000_000_123)
	produce(t, cl, bomb)
	produce(t, cl, record("web", 0, "v2"))
	s, err := New(input(c.ListenAddrs(), "web"))
	if err != nil {
		t.Fatal(err)
	}
	s.opts = append(s.opts, kgo.MaxDecompressBatchBytes(50_000))
	if err := s.Open(deadline(t), true); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var recs []event.Rec
	for state := pipeline.HasMore; state != pipeline.Ended; {
		var chunk event.Chunk
		if state, err = s.Read(deadline(t), 0, 100, true, &chunk); err != nil {
			t.Fatal(err)
		}
		recs = append(recs, chunk.Recs...)
	}
	if len(recs) != 3 || recs[0].Offset != 0 || recs[2].Offset != 2 {
		t.Fatalf("records %+v", recs)
	}
	if r := recs[1]; r.Offset != 1 || r.Len != 0 || r.Size != unpackedBytesMax+1 || r.Timestamp != 1_700_000_000_123 {
		t.Errorf("the large batch stands as %+v", r)
	}
}

// TestAnswerIsUnpackedInParts reads batches that are small on the wire and
// larger than what is unpacked of one answer.
func TestAnswerIsUnpackedInParts(t *testing.T) {
	c := fake(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "web"))
	cl := producer(t, c.ListenAddrs(), kgo.ProducerBatchCompression(kgo.ZstdCompression()), kgo.ProducerBatchMaxBytes(40<<20), kgo.BrokerMaxWriteBytes(60<<20))
	const n, size = 4, 30 << 20
	for range n {
		produce(t, cl, record("web", 0, strings.Repeat("0", size)))
	}
	s := open(t, input(c.ListenAddrs(), "web"), true)
	got, _ := readEnd(t, s, 0, 100)
	if len(got) != n {
		t.Fatalf("%d records, want %d", len(got), n)
	}
	for i, v := range got {
		if len(v) != size {
			t.Errorf("record %d has %d bytes, want %d", i, len(v), size)
		}
	}
}

func TestBrokenAnswerBecomesAFault(t *testing.T) {
	c := fake(t, kfake.NumBrokers(1), kfake.SeedTopics(1, "web"))
	produce(t, producer(t, c.ListenAddrs()), record("web", 0, "v0"))
	c.ControlKey(int16(kmsg.Fetch), func(r kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		resp := r.ResponseKind().(*kmsg.FetchResponse)
		for _, rt := range r.(*kmsg.FetchRequest).Topics {
			topic := kmsg.NewFetchResponseTopic()
			topic.Topic, topic.TopicID = rt.Topic, rt.TopicID
			part := kmsg.NewFetchResponseTopicPartition()
			part.HighWatermark, part.LastStableOffset = 1, 1
			part.RecordBatches = make([]byte, 100)
			part.RecordBatches[11], part.RecordBatches[16] = 80, 2
			topic.Partitions = append(topic.Partitions, part)
			resp.Topics = append(resp.Topics, topic)
		}
		return resp, nil, true
	})
	s := open(t, input(c.ListenAddrs(), "web"), false)
	var fault error
	readUntil(t, s, 0, func(_ []string, _ pipeline.ReadState, err error) bool {
		if err != nil && !pipeline.IsRetryable(err) {
			fault = err
		}
		return fault != nil
	})
	says(t, fault, false, "topic web partition 0 cannot be read at offset 0")
}
