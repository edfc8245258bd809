package dev_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/devtest"
)

func TestSecondFetchDownloadsNothing(t *testing.T) {
	// The shared parts fill the cache, or skip the test.
	devtest.ClickHouse(t)
	devtest.Kafka(t)
	t.Setenv("PATH", t.TempDir()) // Neither npm nor mvn can be run any more.
	var progress strings.Builder
	if _, err := dev.FetchClickHouse(t.Context(), &progress); err != nil {
		t.Error(err)
	}
	if _, err := dev.FetchKafka(t.Context(), &progress); err != nil {
		t.Error(err)
	}
	if progress.Len() != 0 {
		t.Errorf("a filled cache led to %q", progress.String())
	}
}

func openClickHouse(t *testing.T, addr string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func countRows(t *testing.T, conn driver.Conn, table string) uint64 {
	t.Helper()
	var n uint64
	if err := conn.QueryRow(t.Context(), "SELECT count() FROM "+table+" FINAL").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestClickHouseSurvivesKill(t *testing.T) {
	c := devtest.NewClickHouse(t)
	conn := openClickHouse(t, c.Addr())
	for _, q := range []string{
		"CREATE DATABASE shop ENGINE = Atomic",
		"CREATE TABLE shop.visits (id UInt64, version UInt64, gone UInt8) ENGINE = ReplacingMergeTree(version, gone) ORDER BY id",
		"INSERT INTO shop.visits SELECT number, 1, 0 FROM numbers(1000)",
		"INSERT INTO shop.visits SELECT number, 2, 1 FROM numbers(10)",
	} {
		if err := conn.Exec(t.Context(), q); err != nil {
			t.Fatalf("%s: %v", q, err)
		}
	}
	addr, http := c.Addr(), c.HTTPAddr()
	if err := c.Restart(t.Context()); err == nil {
		t.Error("a running engine was started again")
	}
	for _, end := range []func() error{c.Kill, c.Stop} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-c.Done():
		default:
			t.Error("Done is open though the engine has ended")
		}
		if err := c.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := countRows(t, openClickHouse(t, c.Addr()), "shop.visits"); n != 990 {
			t.Errorf("%d rows, want 990", n)
		}
	}
	if c.Addr() != addr || c.HTTPAddr() != http {
		t.Errorf("at %s and %s after a restart, before at %s and %s", c.Addr(), c.HTTPAddr(), addr, http)
	}
}

func TestClickHouseRefusesTakenPorts(t *testing.T) {
	other := devtest.SharedClickHouse(t)
	var ports []int
	for _, addr := range []string{other.Addr(), other.HTTPAddr()} {
		var port int
		if _, err := fmt.Sscanf(addr, "127.0.0.1:%d", &port); err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
	}
	c, err := dev.StartClickHouse(t.Context(), dev.Config{Dir: t.TempDir(), Ports: ports})
	if err == nil {
		c.Kill()
		t.Fatal("an engine started on ports that another one holds")
	}
	if !strings.Contains(err.Error(), "ended before it was ready") {
		t.Error(err)
	}
}

func TestEngineDiesWithItsParent(t *testing.T) {
	devtest.ClickHouse(t) // fills the cache, or skips the test
	dir := t.TempDir()
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), parentVariable+"="+dir)
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if line != "ready\n" {
		t.Fatalf("parent said %q, %v", line, err)
	}
	parent.Process.Kill()
	// The engine holds no descriptor of this pipe, but the parent does.
	if _, err := io.Copy(io.Discard, out); err != nil && !errors.Is(err, os.ErrClosed) {
		t.Fatal(err)
	}
	parent.Wait()
	// The engine locks its data: another one starts only once it has gone.
	c, err := dev.StartClickHouse(t.Context(), dev.Config{Dir: dir})
	for deadline := time.Now().Add(10 * time.Second); err != nil && time.Now().Before(deadline); {
		c, err = dev.StartClickHouse(t.Context(), dev.Config{Dir: dir})
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Kill(); err != nil {
		t.Error(err)
	}
}

func TestKafkaTransactions(t *testing.T) {
	k := devtest.NewKafka(t)
	writeTransactions(t, k.Brokers())
	checkCommitted(t, k.Brokers())
	for _, end := range []func() error{k.Kill, k.Stop} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
		if err := k.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		checkCommitted(t, k.Brokers())
	}
}

func TestKafkaMovesToOtherPorts(t *testing.T) {
	devtest.Kafka(t) // fills the cache, or skips the test
	dir := t.TempDir()
	first, err := dev.StartKafka(t.Context(), dev.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	writeTransactions(t, first.Brokers())
	if err := first.Stop(); err != nil {
		t.Fatal(err)
	}
	second, err := dev.StartKafka(t.Context(), dev.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Kill()
	if slices.Equal(first.Brokers(), second.Brokers()) {
		t.Errorf("both at %q, want other ports", first.Brokers())
	}
	checkCommitted(t, second.Brokers())
}

func TestFakeKafkaTransactions(t *testing.T) {
	k, err := dev.StartFakeKafka(dev.FakeKafkaConfig{Topics: map[string]int32{"seeded": 3}})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	writeTransactions(t, k.Brokers())
	checkCommitted(t, k.Brokers())
	admin := kadm.NewClient(openKafka(t, k.Brokers()))
	topics, err := admin.ListTopics(t.Context(), "seeded")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(topics["seeded"].Partitions); n != 3 {
		t.Errorf("seeded has %d partitions, want 3", n)
	}
}

func openKafka(t *testing.T, brokers []string, options ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(options, kgo.SeedBrokers(brokers...))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// writeTransactions commits a and b, aborts x and commits c.
func writeTransactions(t *testing.T, brokers []string) {
	t.Helper()
	client := openKafka(t, brokers, kgo.TransactionalID("writer"), kgo.DefaultProduceTopic("orders"))
	if _, err := kadm.NewClient(client).CreateTopic(t.Context(), 1, 1, nil, "orders"); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		values string
		end    kgo.TransactionEndTry
	}{{"ab", kgo.TryCommit}, {"x", kgo.TryAbort}, {"c", kgo.TryCommit}} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		for _, value := range step.values {
			if err := client.ProduceSync(t.Context(), kgo.StringRecord(string(value))).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
		if err := client.EndTransaction(t.Context(), step.end); err != nil {
			t.Fatal(err)
		}
	}
}

// checkCommitted reads what writeTransactions wrote with both clients.
func checkCommitted(t *testing.T, brokers []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	client := openKafka(t, brokers, kgo.ConsumeTopics("orders"), kgo.FetchIsolationLevel(kgo.ReadCommitted()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	var got []string
	for len(got) < 3 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got = append(got, string(r.Value)) })
	}
	if want := []string{"a", "b", "c"}; !slices.Equal(got, want) {
		t.Errorf("franz-go read %q, want %q", got, want)
	}
	// This client leaves out neither what was aborted nor the markers that end
	// transactions. Markers have keys; the records have none.
	reader := kafka.NewReader(kafka.ReaderConfig{Brokers: brokers, Topic: "orders", MaxWait: 100 * time.Millisecond})
	defer reader.Close()
	got = got[:0]
	for len(got) < 4 {
		m, err := reader.ReadMessage(ctx)
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		if len(m.Key) == 0 {
			got = append(got, string(m.Value))
		}
	}
	if want := []string{"a", "b", "x", "c"}; !slices.Equal(got, want) {
		t.Errorf("kafka-go read %q, want %q", got, want)
	}
}
