package faulttest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/deploy/dev"
	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline/snapshot"
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
	// ServerKilled says that ClickHouse is killed in mid-insert. A block may then
	// be there twice, so growing tables may hold doubled rows until they merge.
	ServerKilled bool
	// BrokerKilled says that Kafka is killed while the load is written. Some of
	// it may then be in the topics twice.
	BrokerKilled bool
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
	Kafka           *dev.Kafka
	KafkaProxy      *dev.Proxy // all clients of Kafka go through it
	ClickHouse      *dev.ClickHouse
	ClickHouseProxy *dev.Proxy // the pipeline goes through it, the checks do not

	t       testing.TB
	options Options
	binary  string
	dir     string
	config  configuration
	load    []message
	closing []message
	loaded  chan struct{} // closed when the broker has all of the load; nil before Load
	process *Process      // the last one started
	peakRSS int64
	starts  int
	checker *Checker // once the oracle has run
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
	r := &Run{t: t, options: o, dir: t.TempDir()}
	r.Kafka, r.KafkaProxy = devtest.NewProxiedKafka(t)
	r.ClickHouse, r.ClickHouseProxy = devtest.NewProxiedClickHouse(t)
	r.binary = Binary(t)
	r.load, r.closing = world(t, r.binary, &o)
	for i, value := range o.Odd {
		at := (i + 1) * len(r.load) / (len(o.Odd) + 1)
		r.load = slices.Insert(r.load, at, message{at: r.load[at].at, value: value})
	}
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
	r.command("generate", "--customers", "1", "--days", "1", "--dir", filepath.Join(r.dir, "world"), "--venue", filepath.Join(r.dir, "venue.yaml"))
	r.bounded("tables", database)
	conn := openClickHouse(t, r.ClickHouse.Addr())
	for _, table := range texts(t, conn, "SELECT name FROM system.tables WHERE engine LIKE '%MergeTree' AND database = ?", database) {
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

// write writes a configuration and returns its path.
func (r *Run) write(c configuration) string {
	r.t.Helper()
	path := filepath.Join(r.dir, c.Name+".yaml")
	if err := os.WriteFile(path, []byte(c.text()), 0o644); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// command runs the binary to its end, which must be a good one.
func (r *Run) command(args ...string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), waitMax)
	defer cancel()
	if out, err := exec.CommandContext(ctx, r.binary, args...).CombinedOutput(); err != nil {
		r.t.Fatalf("touchstream %v: %v\n%s", args, err, out)
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

// Load begins to write the load, so many records a second, 0 for as fast as
// possible.
func (r *Run) Load(perSecond int) {
	r.t.Helper()
	r.loaded = make(chan struct{})
	ctx, cancel := context.WithCancel(r.t.Context())
	r.t.Cleanup(func() {
		cancel()
		<-r.loaded
	})
	go func() {
		defer close(r.loaded)
		err := produce(ctx, r.Kafka.Brokers(), r.config.Topics, r.load, perSecond)
		if err == nil {
			err = produce(ctx, r.Kafka.Brokers(), r.config.Topics, r.closing, 0)
		}
		if err != nil && ctx.Err() == nil {
			r.t.Error(err)
		}
	}()
}

// Loading tells whether the load is still being written.
func (r *Run) Loading() bool {
	select {
	case <-r.loaded:
		return false
	default:
		return true
	}
}

// Start starts the pipeline. place arms TOUCHSTREAM_KILL; it is empty for none.
func (r *Run) Start(place string) *Process {
	r.t.Helper()
	r.note()
	r.starts++
	p := startProcess(r.t, filepath.Join(r.dir, fmt.Sprintf("pipeline-%d.log", r.starts)),
		[]string{"TOUCHSTREAM_KILL=" + place}, r.binary, "run", "-c", r.write(r.config))
	r.process = p
	r.t.Cleanup(func() {
		if r.t.Failed() {
			r.t.Logf("log of start %s:\n%.20000s", filepath.Base(p.log), p.Log())
		}
	})
	return p
}

func (r *Run) note() {
	if r.process != nil {
		r.peakRSS = max(r.peakRSS, r.process.PeakRSS())
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
	if !s.Drained || s.Watermark == nil || s.Watermark.Before(r.closing[0].at.Add(-time.Minute)) {
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
	await(r.t, "the end of the load", func() bool { return !r.Loading() })
	p := r.process // of several the last one started
	if p == nil || !p.Running() {
		p = r.Start("")
	}
	p.Await("everything delivered", r.isDone)
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
			Summary: r.bounded(oracleName, oracleName), Inputs: r.config.Topics, Triggers: triggerTopic, Dead: deadTopic,
			IsOrdered: r.options.Topics == 1 && r.options.Partitions == 1, MayDouble: r.options.ServerKilled,
		}
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
	files, err := snapshot.List(filepath.Join(r.options.StateDir, "snapshots"))
	if err != nil {
		r.t.Fatal(err)
	}
	var paths []string
	for _, f := range files {
		paths = append(paths, f.Path)
	}
	return paths
}

// checkLoad ends the test unless the topics hold what the load was, in its
// order: otherwise it is not the pipeline that is at fault.
func (r *Run) checkLoad(ctx context.Context) {
	r.t.Helper()
	type partition struct{ topic, partition int }
	want := map[partition][][]byte{}
	for _, m := range append(slices.Clone(r.load), r.closing...) {
		p := partition{m.topic, int(m.partition)}
		want[p] = append(want[p], m.value)
	}
	for i, topic := range r.config.Topics {
		records, err := readCommitted(ctx, r.Kafka.Brokers(), topic)
		if err != nil {
			r.t.Fatal(err)
		}
		for _, got := range records {
			p := partition{i, got.partition}
			if r.options.BrokerKilled {
				if at := slices.IndexFunc(want[p], func(b []byte) bool { return bytes.Equal(b, got.value) }); at >= 0 {
					want[p] = slices.Delete(want[p], at, at+1)
				}
				continue
			}
			if len(want[p]) == 0 || !bytes.Equal(want[p][0], got.value) {
				r.t.Fatalf("%s is not what the load has there: %.300s", got.position(), got.value)
			}
			want[p] = want[p][1:]
		}
	}
	for p, rest := range want {
		if len(rest) > 0 {
			r.t.Fatalf("%s/%d lacks the last %d records of the load", r.config.Topics[p.topic], p.partition, len(rest))
		}
	}
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

func texts(t testing.TB, conn driver.Conn, query string, args ...any) []string {
	t.Helper()
	out, err := queryTexts(t.Context(), conn, query, args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
