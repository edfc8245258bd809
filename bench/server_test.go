package bench

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	osexec "os/exec"
	"path/filepath"
	"sync"
	"testing"
	"text/template"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev/devtest"
)

// This file has what the benchmarks with real servers share. They run the
// built program: CPU time is that of its process alone.

const (
	// inputPartitions are those of the topics that are read.
	inputPartitions = 4
	serverWait      = 2 * time.Minute
)

// program builds touchstream once.
func program(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(devtest.SharedDir(tb, "program"), "touchstream")
	building.Do(func() {
		if out, err := osexec.CommandContext(tb.Context(), "go", "build", "-o", path, "touchstream/cmd/touchstream").CombinedOutput(); err != nil {
			building.fault = fmt.Errorf("go build: %w\n%s", err, out)
		}
	})
	if building.fault != nil {
		tb.Fatal(building.fault)
	}
	return path
}

var building struct {
	sync.Once
	fault error
}

// job is a configuration of the whole pipeline between Kafka and ClickHouse.
type job struct {
	Name, Input, Commit string
	Kafka, ClickHouse   string
	Time                string // settings of time
	After               string // abandonment after
	Tables              string // of the warehouse; empty: all
}

var jobTemplate = template.Must(template.New("job").Parse(`name: {{.Name}}
commit_interval: {{.Commit}}
time: {{.Time}}
identity: {key: bench}
sources:
  web: {kafka: {brokers: ["{{.Kafka}}"], topics: [{{.Input}}], start: earliest}, decode: {segment: {}}}
operators:
  sessions: {}
  ropo: {}
  abandonment: {cart: {after: {{.After}}}}
  windows:
    revenue:
      tumbling: 1h
      key: [channel, category]
      where: event == "Order Completed"
      aggregate: {orders: uniq_exact(order_id), quantity: sum(quantity), revenue: sum(amount)}
sinks:
  warehouse: {clickhouse: {addr: ["{{.ClickHouse}}"], database: {{.Name}}}{{with .Tables}}, tables: [{{.}}]{{end}}}
  rtm: {kafka: {brokers: ["{{.Kafka}}"], topic: {{.Name}}.triggers, dead_letters: {{.Name}}.dead}}
`))

// write writes the configuration into a folder of its own and returns its path.
func (j *job) write(tb testing.TB) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "job.yaml")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	if err := jobTemplate.Execute(f, j); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// runToEnd runs the program up to the topics' ends and is what that took by the
// clock of the pipeline and in CPU time of the process.
func (j *job) runToEnd(tb testing.TB, records int, flags ...string) cost {
	tb.Helper()
	path := j.write(tb)
	file := filepath.Join(filepath.Dir(path), "summary.json")
	// #nosec G204 -- the program under test
	c := osexec.CommandContext(tb.Context(), program(tb), append([]string{"run", "-c", path, "--until-end", "--publish", "--summary", file}, flags...)...)
	out, err := c.CombinedOutput()
	if err != nil {
		tb.Fatalf("touchstream %v: %v\n%s", flags, err, out)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		tb.Fatal(err)
	}
	var summary struct {
		Records int
		Events  int
		Seconds float64
		Rows    map[string]int
	}
	if err := json.Unmarshal(text, &summary); err != nil {
		tb.Fatal(err)
	}
	if summary.Records != records || summary.Events < records*97/100 || summary.Rows["triggers"] == 0 {
		tb.Fatalf("the program read %d of %d records: %s", summary.Records, records, text)
	}
	if rows := count(tb, j.ClickHouse, j.Name+".dead_letters"); rows != summary.Rows["dead_letters"] {
		tb.Fatalf("ClickHouse has %d dead letters of %d", rows, summary.Rows["dead_letters"])
	}
	if j.Tables == "" {
		if rows := count(tb, j.ClickHouse, j.Name+".events"); rows != summary.Rows["events"] {
			tb.Fatalf("ClickHouse has %d events of %d", rows, summary.Rows["events"])
		}
	}
	return cost{records, time.Duration(summary.Seconds * float64(time.Second)), c.ProcessState.UserTime() + c.ProcessState.SystemTime()}
}

// count is the number of rows of a table.
func count(tb testing.TB, addr, table string) int {
	tb.Helper()
	var n proto.ColUInt64
	client := queryServer(tb, addr)
	defer client.Close()
	if err := client.Do(tb.Context(), ch.Query{Body: "SELECT count() AS n FROM " + table, Result: proto.Results{{Name: "n", Data: &n}}}); err != nil {
		tb.Fatal(err)
	}
	return int(n[0])
}

func queryServer(tb testing.TB, addr string) *ch.Client {
	tb.Helper()
	client, err := ch.Dial(tb.Context(), ch.Options{Address: addr, DialTimeout: 5 * time.Second, ReadTimeout: time.Minute})
	if err != nil {
		tb.Fatal(err)
	}
	return client
}

// drop removes what a run has left in the servers.
func (j *job) drop(tb testing.TB) {
	tb.Helper()
	client := queryServer(tb, j.ClickHouse)
	defer client.Close()
	if err := client.Do(tb.Context(), ch.Query{Body: "DROP DATABASE " + j.Name + " SYNC"}); err != nil {
		tb.Fatal(err)
	}
}

// newProducer connects to Kafka and makes a topic, which keeps records for ever:
// their timestamps may be years ago.
func newProducer(tb testing.TB, brokers []string, topic string, partitions int32) *kgo.Client {
	tb.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(brokers...), kgo.ProducerLinger(2*time.Millisecond), kgo.DefaultProduceTopic(topic),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.MaxBufferedRecords(1<<17))
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(client.Close)
	ctx, cancel := context.WithTimeout(tb.Context(), serverWait)
	defer cancel()
	forever := "-1"
	if _, err := kadm.NewClient(client).CreateTopic(ctx, partitions, 1, map[string]*string{"retention.ms": &forever}, topic); err != nil {
		tb.Fatal(err)
	}
	return client
}

// fillTopic writes the records of a slab, spread over the partitions by turns
// of time, so that partitions are equally far.
func fillTopic(tb testing.TB, brokers []string, topic string, records *slab) {
	tb.Helper()
	client := newProducer(tb, brokers, topic, inputPartitions)
	var fault error
	for i := range int64(len(records.times)) {
		value, at := records.record(i)
		client.Produce(tb.Context(), &kgo.Record{Partition: int32(i % inputPartitions), Timestamp: time.UnixMilli(at), Value: value}, func(_ *kgo.Record, err error) {
			if err != nil {
				fault = err // answers come one after another
			}
		})
	}
	if err := client.Flush(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	if fault != nil {
		tb.Fatal(fault)
	}
}
