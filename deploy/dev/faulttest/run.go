package faulttest

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/devtest"
)

// Options shape a run; what is zero has its default.
type Options struct {
	Seed       int    // of the world [1]
	Customers  int    // [300]
	Days       int    // [1]
	Topics     int    // each a source of its own [1]
	Partitions int    // of each topic [1]
	Extra      string // added to the configuration, as lines of YAML
	State      string // added to its section state, as ", key: value"
	Warehouse  string // added to the section of ClickHouse, likewise
	// StateDir is where the state is kept [a folder of the test].
	StateDir string
	// Odd are records that come in the midst of the load, in partition 0 of the
	// first topic.
	Odd [][]byte
	// PeakRSS is the most memory, in bytes, that a process may have had [1 GiB].
	PeakRSS int64
}

func (o *Options) defaults() {
	for _, d := range []struct {
		value *int
		deflt int
	}{{&o.Seed, 1}, {&o.Customers, 300}, {&o.Days, 1}, {&o.Topics, 1}, {&o.Partitions, 1}} {
		if *d.value == 0 {
			*d.value = d.deflt
		}
	}
	if o.PeakRSS == 0 {
		o.PeakRSS = 1 << 30
	}
}

// Run is one scenario: servers, a load and a pipeline.
type Run struct {
	lives
	Kafka           *dev.Kafka
	KafkaProxy      *dev.Proxy // all clients of Kafka go through it
	ClickHouse      *dev.ClickHouse
	ClickHouseProxy *dev.Proxy // the pipeline goes through it, the checks do not

	options  Options
	config   configuration
	load     *load
	read     atomic.Int64 // the most records that a process has told to have read
	counters Summary      // when all was delivered
	checker  *Checker     // once the oracle has run
}

// The names of a run. Broker and engine are its own.
const (
	pipelineName = "faults"
	database     = "faults"
	oracleName   = "oracle"
	triggerTopic = "faults.triggers"
	deadTopic    = "faults.dead"
)

// New starts the servers and makes topics and empty tables, whose parts are
// never merged: a merge would hide a row that is there twice.
func New(t testing.TB, o Options) *Run {
	t.Helper()
	o.defaults()
	r := &Run{lives: newLives(t), options: o}
	r.Kafka, r.KafkaProxy = devtest.NewProxiedKafka(t)
	r.ClickHouse, r.ClickHouseProxy = devtest.NewProxiedClickHouse(t)
	messages, closing := world(t, r.binary, &o)
	for i, value := range o.Odd {
		at := (i + 1) * len(messages) / (len(o.Odd) + 1)
		messages = slices.Insert(messages, at, message{at: messages[at].at, value: value})
	}
	r.load = newLoad(messages, closing)
	if o.StateDir == "" {
		r.options.StateDir = filepath.Join(r.dir, "live")
	}
	r.config = configuration{
		Name: pipelineName, Kafka: r.Kafka.Brokers()[0], ClickHouse: r.ClickHouseProxy.Addr(), Database: database,
		Triggers: triggerTopic, Dead: deadTopic, Dir: r.options.StateDir, Extra: o.Extra, State: o.State, Warehouse: o.Warehouse,
	}
	for i := range o.Topics {
		r.config.Topics = append(r.config.Topics, fmt.Sprintf("in%d", i))
	}
	r.createTopics()
	r.makeVenue()
	r.bounded("tables", database)
	conn := openClickHouse(t, r.ClickHouse.Addr())
	for _, table := range tables(t, conn) {
		if err := conn.Exec(t.Context(), "ALTER TABLE "+database+"."+table+" MODIFY SETTING max_bytes_to_merge_at_max_space_in_pool = 1, "+
			"max_bytes_to_merge_at_min_space_in_pool = 1, parts_to_delay_insert = 100000, parts_to_throw_insert = 100000"); err != nil {
			t.Fatal(err)
		}
	}
	return r
}

func (r *Run) createTopics() {
	r.t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(r.Kafka.Brokers()...))
	if err != nil {
		r.t.Fatal(err)
	}
	defer client.Close()
	// The times of the load are the world's: some long ago, the last far ahead.
	created, err := kadm.NewClient(client).CreateTopics(r.t.Context(), int32(r.options.Partitions), 1, map[string]*string{
		"retention.ms": kadm.StringPtr("-1"), "max.message.bytes": kadm.StringPtr("33554432"), "message.timestamp.after.max.ms": kadm.StringPtr("9223372036854775807"),
	}, r.config.Topics...)
	if err == nil {
		err = created.Error()
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// bounded runs over the topics to their end, under another name and into some
// database, past the proxy.
func (r *Run) bounded(name, database string) Summary {
	r.t.Helper()
	c := r.config
	c.Name, c.Database, c.Dir, c.ClickHouse, c.Triggers, c.Dead = name, database, name, r.ClickHouse.Addr(), "", ""
	path := filepath.Join(r.dir, name+".json")
	r.command("run", "-c", r.write(c), "--until-end", "--summary", path)
	return readSummary(r.t, path)
}

// Start starts the pipeline. place arms TOUCHSTREAM_KILL; it is empty for none.
func (r *Run) Start(place string) *Process {
	r.t.Helper()
	return r.start(place, r.config, r.hasRead)
}

// hasRead notes how far a process has read.
func (r *Run) hasRead(s Status) {
	for {
		if was := r.read.Load(); s.Records <= was || r.read.CompareAndSwap(was, s.Records) {
			return
		}
	}
}

// RunUntilKilled starts the pipeline and waits until it has killed itself at
// the n-th passing of a label.
func (r *Run) RunUntilKilled(label string, n int) *Process {
	r.t.Helper()
	p := r.Start(fmt.Sprintf("%s:%d", label, n))
	for began := time.Now(); p.Running(); time.Sleep(20 * time.Millisecond) {
		s, err := p.Status()
		if err == nil && !r.Loading() && r.isDone(s) {
			r.t.Fatalf("the pipeline passed %s less than %d times", label, n)
		}
		if time.Since(began) > waitMax {
			r.t.Fatalf("the pipeline did not pass %s %d times within %s; its status is %+v, %v", label, n, waitMax, s, err)
		}
	}
	if code, sig := p.Wait(); sig != syscall.SIGKILL {
		r.t.Fatalf("the pipeline ended with code %d, signal %d instead of killing itself at %s:\n%s", code, sig, label, p.Log())
	}
	return p
}

// isDone tells whether everything up to the closing events is delivered.
func (r *Run) isDone(s Status) bool {
	if !s.Drained || s.Watermark == nil || s.Watermark.Before(r.load.closing[0].at.Add(-time.Minute)) {
		return false
	}
	for _, source := range s.Sources {
		if source.LagRecords == nil || *source.LagRecords != 0 {
			return false
		}
	}
	return true
}

// Finish heals the proxies, runs the pipeline until all of the load is
// delivered, starting it if it does not run, and ends it with SIGTERM.
func (r *Run) Finish() {
	r.t.Helper()
	for _, p := range []*dev.Proxy{r.KafkaProxy, r.ClickHouseProxy} {
		if err := p.Pass(); err != nil {
			r.t.Fatal(err)
		}
	}
	r.load.hurry()
	await(r.t, "the end of the load", func() bool { return !r.Loading() })
	p := r.process // of several the last one started
	if p == nil || !p.Running() {
		p = r.Start("")
	}
	r.counters = p.Await("everything delivered", r.isDone).Counters
	if code := p.Terminate(); code != 0 {
		r.t.Errorf("exit code %d on SIGTERM:\n%s", code, p.Log())
	}
	r.note()
}

// Check reports every fault that the check against the oracle finds as an error
// of the test.
func (r *Run) Check() {
	r.t.Helper()
	for _, fault := range r.Faults() {
		r.t.Error(fault)
	}
}

// Checker runs the oracle, at the first call, and returns what checks the run
// against it.
func (r *Run) Checker() *Checker {
	r.t.Helper()
	if r.checker == nil {
		r.checker = &Checker{
			Brokers: r.Kafka.Brokers(), ClickHouse: r.ClickHouse.Addr(), Database: database, Oracle: oracleName,
			Counters: r.counters, Summary: r.bounded(oracleName, oracleName), Inputs: r.config.Topics, Triggers: triggerTopic, Dead: deadTopic,
			IsOrdered: r.options.Topics == 1 && r.options.Partitions == 1}
	}
	return r.checker
}

// Faults returns every fault that the check against the oracle finds.
func (r *Run) Faults() []string {
	r.t.Helper()
	c := r.Checker()
	ctx, cancel := context.WithTimeout(r.t.Context(), waitMax)
	defer cancel()
	r.checkLoad(ctx)
	r.command("verify", "-c", r.write(r.config), "--watermark", r.load.closing[0].at.Add(-time.Minute).Format(time.RFC3339))
	faults, err := c.Check(ctx)
	if err != nil {
		r.t.Fatal(err)
	}
	if r.peakRSS > r.options.PeakRSS {
		faults = append(faults, fmt.Sprintf("memory: a process had %d MiB, more than %d MiB", r.peakRSS>>20, r.options.PeakRSS>>20))
	}
	return faults
}

// Snapshots are the paths of the pipeline's snapshots, newest first.
func (r *Run) Snapshots() []string {
	r.t.Helper()
	return snapshots(r.t, r.options.StateDir)
}

func openClickHouse(t testing.TB, addr string) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: []string{addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may be gone
	return conn
}

func tables(t testing.TB, conn driver.Conn) []string {
	t.Helper()
	return texts(t, conn, "SELECT name FROM system.tables WHERE engine LIKE '%MergeTree' AND database = ?", database)
}

func mergeAll(t testing.TB, conn driver.Conn) {
	t.Helper()
	for _, table := range tables(t, conn) {
		if err := conn.Exec(t.Context(), "OPTIMIZE TABLE "+database+"."+table+" FINAL"); err != nil {
			t.Fatal(err)
		}
	}
}

func texts(t testing.TB, conn driver.Conn, query string, args ...any) []string {
	t.Helper()
	out, err := queryTexts(t.Context(), conn, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
