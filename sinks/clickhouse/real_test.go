package clickhouse

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/schema"
	"touchstream/sinks/sinktest"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// everything has all types, as a revisable table partitioned by its id.
var everything = &schema.Table{
	Name: "everything", Doc: "It's a test: all types.", ID: []string{"id"}, Revisable: true, Deletable: true, Partition: "id",
	Profiles: []string{"profile_id"},
	Columns: []schema.Column{
		{Name: "id", Type: schema.UUID, Doc: "The \\ id's."},
		{Name: "profile_id", Type: schema.Text},
		{Name: "channel", Type: schema.LowText},
		{Name: "at", Type: schema.Time},
		{Name: "at_null", Type: schema.Time, Nullable: true},
		{Name: "value", Type: schema.Money},
		{Name: "value_null", Type: schema.Money, Nullable: true},
		{Name: "n_null", Type: schema.Int, Nullable: true},
		{Name: "wait_ms", Type: schema.Duration},
		{Name: "ratio", Type: schema.Float},
		{Name: "ratio_null", Type: schema.Float, Nullable: true},
		{Name: "flag_null", Type: schema.Flag, Nullable: true},
		{Name: "other", Type: schema.UUID, Nullable: true},
		{Name: "items.sku", Type: schema.Texts},
		{Name: "items.price", Type: schema.Moneys},
		{Name: "attributes", Type: schema.Map},
		{Name: "revision", Type: schema.Int},
		{Name: "is_deleted", Type: schema.Flag},
	},
}

var overrides = &schema.Table{
	Name: "identity_overrides", ID: []string{"profile_id"}, Revisable: true,
	Columns: []schema.Column{{Name: "profile_id", Type: schema.Text}, {Name: "current_profile_id", Type: schema.Text}, {Name: "revision", Type: schema.Int}},
}

// growing only grows, and its key has a part that can be NULL.
var growing = &schema.Table{
	Name: "growing", Doc: "Log.", ID: []string{"shelf", "at", "message_id"}, Partition: "at",
	Columns: []schema.Column{{Name: "at", Type: schema.Time}, {Name: "shelf", Type: schema.Int, Nullable: true}, {Name: "message_id", Type: schema.Text}},
}

const (
	hour  = int64(3_600_000)
	day   = 24 * hour
	march = int64(1_772_323_200_000) // 2026-03-01
)

func uuid7(ms int64, n byte) (id [16]byte) {
	for i := range 6 {
		id[i] = byte(ms >> (40 - 8*i))
	}
	id[6], id[8], id[15] = 0x70, 0x80, n
	return id
}

func addEverything(r *schema.Rows, ms int64, n byte, profile string, revision int64, deleted bool) {
	r.Begin()
	r.UUID(uuid7(ms, n))
	r.String(profile)
	r.String("web")
	r.Time(ms)
	r.Time(schema.Absent)
	r.Money(-125_001)
	r.Money(schema.Absent)
	r.Int(schema.Absent)
	r.Int(7)
	r.Float(0.5)
	r.Float(math.NaN())
	r.NullFlag(schema.Absent)
	r.UUID([16]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16})
	r.Texts(2, func(i int) []byte { return []byte{byte('a' + i)} })
	r.Moneys(2, func(i int) int64 { return []int64{5_000, schema.Absent}[i] })
	r.Map(1, func(int) (key, val []byte) { return []byte("k"), []byte("v") })
	r.Int(revision)
	r.Flag(deleted)
	r.End()
}

func addGrowing(r *schema.Rows, ms int64, id string) {
	r.Begin()
	r.Time(ms)
	r.Int(schema.Absent)
	r.String(id)
	r.End()
}

func configFor(t testing.TB, addr string) Config {
	t.Helper()
	var c Config
	c.Addr, c.Database, c.Username, c.Create = []string{addr}, strings.ToLower(t.Name()), "default", true
	c.Compression, c.TimeoutMs = "lz4", 60_000
	c.Block = Limits{RowsMax: 500_000, BytesMax: 64 << 20, MemoryMax: 256 << 20}
	return c
}

// opened is a sink without a state that is kept. What holds up delivery fails
// the test.
func opened(t testing.TB, c Config, tables ...*schema.Table) *Sink {
	t.Helper()
	return openedBy(t, c, &pipeline.Opening{Tables: tables, Generation: 1, Run: 1, Report: func(err error) {
		if err != nil {
			t.Error(err)
		}
	}})
}

func openedBy(t testing.TB, c Config, o *pipeline.Opening) *Sink {
	t.Helper()
	s := New(c)
	must(t, s.Open(t.Context(), o))
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t testing.TB, s *Sink, rows ...*schema.Rows) {
	t.Helper()
	must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: rows}))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, sinktest.Deliver(ctx, s))
	if s.Waiting() != 0 {
		t.Fatalf("%d rows wait after Drain", s.Waiting())
	}
}

// ask gives the rows of a query as lines of texts.
func ask(t testing.TB, conn driver.Conn, query string) string {
	t.Helper()
	var lines []string
	rows, err := conn.Query(t.Context(), query)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var line string
		must(t, rows.Scan(&line))
		lines = append(lines, line)
	}
	must(t, rows.Err())
	return strings.Join(lines, "\n")
}

func TestRealTables(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	c.TTLMs = map[string]int64{"events": 90 * day, "growing": hour, "everything": day}
	tables := []*schema.Table{pipeline.Events, pipeline.Triggers, pipeline.DeadLetters, everything, overrides, growing}
	s := opened(t, c, tables...)
	// What was made is as declared, so a second start finds no difference.
	opened(t, c, tables...)
	got := ask(t, s.conn, "SELECT engine_full FROM system.tables WHERE database = '"+c.Database+"' AND name = 'everything'")
	want := "ReplacingMergeTree(_version, is_deleted) PARTITION BY toYYYYMM(UUIDv7ToDateTime(id, 'UTC')) ORDER BY (id) " +
		"TTL toDateTime(UUIDv7ToDateTime(id, 'UTC')) + toIntervalDay(1) SETTINGS non_replicated_deduplication_window = 10000, index_granularity = 8192"
	if got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestRealValues(t *testing.T) {
	for _, compression := range []string{"lz4", "none"} {
		c := configFor(t, devtest.ClickHouse(t))
		c.Compression, c.Database = compression, c.Database+compression
		s := opened(t, c, everything)
		r := schema.NewRows(everything)
		addEverything(r, march, 1, "p", 3, false)
		write(t, s, r)
		got := ask(t, s.conn, "SELECT formatRowNoNewline('JSONEachRow', *) FROM "+c.Database+".everything "+
			"SETTINGS output_format_json_quote_64bit_integers = 0, output_format_json_quote_decimals = 0")
		want := fmt.Sprintf(`{"id":"019ca6b1-dc00-7000-8000-000000000001","profile_id":"p","channel":"web","at":"2026-03-01 00:00:00.000","at_null":null,`+
			`"value":-12.5001,"value_null":null,"n_null":null,"wait_ms":7,"ratio":0.5,"ratio_null":null,"flag_null":null,`+
			`"other":"01020304-0506-0708-090a-0b0c0d0e0f10","items.sku":["a","b"],"items.price":[0.5,null],"attributes":{"k":"v"},`+
			`"revision":3,"is_deleted":false,"_block":%d,"_version":%d}`, s.blocks.stamp|1, 1<<32|3)
		if got != want {
			t.Errorf("%s: got  %s\nwant %s", compression, got, want)
		}
	}
}

func TestRealViews(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	s := opened(t, c, everything, overrides, growing)
	r, o, g := schema.NewRows(everything), schema.NewRows(overrides), schema.NewRows(growing)
	addEverything(r, march, 1, "old", 1, false)
	addEverything(r, march, 2, "b", 1, false)
	addEverything(r, march, 3, "c", 1, false)
	addGrowing(g, march, "m1")
	write(t, s, r, o, g)
	r.Reset()
	g.Reset()
	addEverything(r, march, 2, "b2", 2, false)
	addEverything(r, march, 3, "c", 2, true)
	for i, profile := range []string{"wrong", "new"} {
		o.Begin()
		o.String("old")
		o.String(profile)
		o.Int(int64(i + 1))
		o.End()
	}
	addGrowing(g, march, "m1") // as if its block had gone in twice
	addGrowing(g, march, "m2")
	write(t, s, r, o, g)
	view := "SELECT concat(profile_id, ' ', toString(revision)) FROM " + c.Database + ".v_everything ORDER BY id"
	if got := ask(t, s.conn, view); got != "new 1\nb2 2" {
		t.Errorf("got %s", got)
	}
	if got := ask(t, s.conn, "SELECT message_id FROM "+c.Database+".v_growing ORDER BY ALL"); got != "m1\nm2" {
		t.Errorf("got %s", got)
	}
	names := ask(t, s.conn, "SELECT name FROM system.columns WHERE database = '"+c.Database+"' AND table = 'v_everything' ORDER BY position")
	var want []string
	for _, col := range everything.Columns {
		want = append(want, col.Name)
	}
	if names != strings.Join(want, "\n") {
		t.Errorf("columns of the view: %s", names)
	}
	// Rows of a later generation win, whatever their revision.
	later := openedBy(t, c, &pipeline.Opening{Tables: []*schema.Table{everything, overrides, growing}, Generation: 2, Run: 1})
	r.Reset()
	addEverything(r, march, 2, "again", 1, false)
	write(t, later, r)
	if got := ask(t, s.conn, view); got != "new 1\nagain 1" {
		t.Errorf("later generation: got %s", got)
	}
}

func TestRealViewsAreReplacedIfOurs(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	s := opened(t, c, everything, growing)
	must(t, s.conn.Exec(t.Context(), "CREATE OR REPLACE VIEW "+c.Database+".v_growing AS SELECT 1 AS mine"))
	opened(t, c, everything, overrides, growing)
	has := func(view, text string) bool {
		return strings.Contains(ask(t, s.conn, "SHOW CREATE VIEW "+c.Database+"."+view), text)
	}
	if !has("v_everything", "identity_overrides") {
		t.Error("the view does not apply identity_overrides, which was added")
	}
	if !has("v_growing", "mine") {
		t.Error("a view that somebody else made was replaced")
	}
}

func TestRealOneInsertIsOnePart(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	c.Block.RowsMax = 1000
	s := opened(t, c, growing)
	must(t, s.conn.Exec(t.Context(), "SYSTEM STOP MERGES "+c.Database+".growing"))
	r := schema.NewRows(growing)
	for i := range 2500 {
		ms := march
		if i%5 == 0 {
			ms += 40 * day
		}
		addGrowing(r, ms, fmt.Sprint(i))
	}
	write(t, s, r)
	got := ask(t, s.conn, "SELECT concat(partition, ' ', toString(rows)) FROM system.parts WHERE database = '"+c.Database+"' AND active ORDER BY ALL")
	if want := "202603 1000\n202603 1000\n202604 500"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got = ask(t, s.conn, "SELECT concat(toString(uniqExact(_block)), ' ', toString(count())) FROM "+c.Database+".growing GROUP BY _part ORDER BY ALL")
	if want := "1 1000\n1 1000\n1 500"; got != want {
		t.Errorf("blocks and rows by part: got\n%s", got)
	}
}

func TestRealDifferences(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	conn, err := connect(&c)
	must(t, err)
	defer conn.Close()
	must(t, conn.Exec(t.Context(), "CREATE DATABASE "+c.Database+" ENGINE = Atomic"))
	must(t, conn.Exec(t.Context(), "CREATE TABLE "+c.Database+".growing (at DateTime, shelf Nullable(Int64), mine String, _block UInt64, _version UInt64) "+
		"ENGINE = ReplacingMergeTree PARTITION BY toYYYYMMDD(at) ORDER BY (at) TTL at + INTERVAL 1 DAY"))
	must(t, conn.Exec(t.Context(), "CREATE TABLE "+c.Database+".identity_overrides (profile_id String) ENGINE = Memory"))
	err = New(c).Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{growing, overrides}})
	if err == nil || pipeline.IsRetryable(err) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{
		"growing.at is DateTime, must be DateTime64(3, 'UTC')",
		"growing.message_id is missing, must be String",
		"growing: engine is ReplacingMergeTree(), must be ReplacingMergeTree(_version)",
		"growing: partition key is toYYYYMMDD(at), must be toYYYYMM(at)",
		"growing: sorting key is at, must be shelf, at, message_id",
		"growing: TTL is at + toIntervalDay(1), must be none",
		"identity_overrides.revision is missing, must be Int64",
		"identity_overrides: engine is Memory, must be ReplacingMergeTree",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not said in\n%v", want, err)
		}
	}
	if strings.Contains(err.Error(), "mine") {
		t.Errorf("a further column of the user is no difference:\n%v", err)
	}
}

func TestRealNothingIsMadeWithoutLeave(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	c.Create = false
	f := func(want string) {
		t.Helper()
		err := New(c).Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{growing}})
		if err == nil || pipeline.IsRetryable(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	f("database " + c.Database + " does not exist")
	conn, err := connect(&c)
	must(t, err)
	defer conn.Close()
	must(t, conn.Exec(t.Context(), "CREATE DATABASE "+c.Database+" ENGINE = Atomic"))
	f("lacks the tables [\"growing\"]")
	must(t, conn.Exec(t.Context(), DDL(growing, Options{Database: c.Database})))
	opened(t, c, growing)
}

func TestRealServerAwayAndBack(t *testing.T) {
	server := devtest.NewClickHouse(t)
	c := configFor(t, server.Addr())
	told := new(reports)
	s := openedBy(t, c, &pipeline.Opening{Tables: []*schema.Table{growing}, Generation: 1, Run: 1, Report: told.add})
	r := schema.NewRows(growing)
	addGrowing(r, march, "before")
	write(t, s, r)
	if err, ok := told.last(); ok {
		t.Fatalf("delivery was reported as %v", err)
	}
	must(t, server.Kill())
	r.Reset()
	addGrowing(r, march, "while away")
	must(t, s.Write(t.Context(), &pipeline.Delivery{Rows: []*schema.Rows{r}}))
	must(t, sinktest.EndCommit(t.Context(), s))
	until(t, "a report of the hold", func() bool { err, ok := told.last(); return ok && err != nil })
	for range 2 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		err := s.Drain(ctx)
		cancel()
		if !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), server.Addr()) || s.Waiting() != 1 {
			t.Fatalf("got %v, %d rows wait; want a hold and 1", err, s.Waiting())
		}
		if err, _ := told.last(); !pipeline.IsRetryable(err) {
			t.Fatalf("the report says %v", err)
		}
	}
	must(t, server.Restart(t.Context()))
	drained(t, s)
	until(t, "a report that delivery goes on", func() bool { err, ok := told.last(); return ok && err == nil })
	if got := ask(t, s.conn, "SELECT message_id FROM "+c.Database+".growing ORDER BY ALL"); got != "before\nwhile away" {
		t.Errorf("got %s", got)
	}
}

func TestRealPing(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	must(t, Ping(t.Context(), c))
	client, err := dial(t.Context(), &c)
	must(t, err)
	must(t, client.Close())
}
