package bench

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"touchstream/deploy/dev/devtest"
	"touchstream/operators/sessions"
	"touchstream/pipeline"
	"touchstream/pipeline/schema"
	"touchstream/sinks/clickhouse"
	"touchstream/sinks/sinktest"
)

const (
	// insertRows is the size of a block for both clients.
	insertRows = 65_536
	// insertDatabase holds the benchmark's tables.
	insertDatabase = "bench"
	// sessionRecords is how many web records make more than insertRows sessions.
	sessionRecords = 12 * stepRecords
)

// BenchmarkInsert writes blocks of 65,536 sessions into ClickHouse through the
// sink, from our rows to the server's answer, beside ch-go with a block that
// was prepared before: into ENGINE = Null, which drops them, and into the table
// as it is. An operation is a block.
func BenchmarkInsert(b *testing.B) {
	addr := devtest.ClickHouse(b)
	rows := sync.OnceValue(func() *schema.Rows { return sessionRows(b) })
	block := sync.OnceValue(func() proto.Input { return preparedBlock(b, addr, rows()) })
	for _, engine := range []string{"null", "mergetree"} {
		b.Run(engine+"/sink", func(b *testing.B) {
			sink := openSink(b, addr)
			setEngine(b, addr, engine)
			d := &pipeline.Delivery{Step: 1, Rows: []*schema.Rows{rows()}}
			insert(b, func() error {
				if err := sink.Write(b.Context(), d); err != nil {
					return err
				}
				return sinktest.Deliver(b.Context(), sink)
			})
		})
		b.Run(engine+"/prepared", func(b *testing.B) {
			input := block()
			openSink(b, addr)
			setEngine(b, addr, engine)
			client := dialServer(b, addr)
			statement := "INSERT INTO " + insertDatabase + ".sessions " + input.Columns() + " VALUES"
			insert(b, func() error {
				return client.Do(b.Context(), ch.Query{Body: statement, Input: input})
			})
		})
	}
}

func insert(b *testing.B, one func() error) {
	if err := one(); err != nil {
		b.Fatal(err)
	}
	m := newMeter(b)
	for b.Loop() {
		m.start()
		if err := one(); err != nil {
			b.Fatal(err)
		}
		m.stop(insertRows)
		b.StartTimer()
	}
	m.report("row")
}

// openSink opens the sink on a fresh database with its table.
func openSink(b *testing.B, addr string) *clickhouse.Sink {
	b.Helper()
	exec(b, dialServer(b, addr), "DROP DATABASE IF EXISTS "+insertDatabase+" SYNC")
	sink := clickhouse.New(clickhouse.Config{
		Addr: []string{addr}, Database: insertDatabase, Username: "default", Create: true, Compression: "lz4", TimeoutMs: 60_000,
		Block: clickhouse.Limits{RowsMax: insertRows, BytesMax: 1 << 30, MemoryMax: 1 << 30},
	})
	o := pipeline.Opening{Tables: []*schema.Table{sessions.Table}, Generation: 1, Run: 1, Report: func(err error) {
		if err != nil {
			b.Error(err)
		}
	}}
	if err := sink.Open(b.Context(), &o); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := sink.Close(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return sink
}

// setEngine leaves the table as the sink has made it, or puts one that drops
// all rows in its place. The sink wants to hear of a part for each block: a view
// makes one, of a single row.
func setEngine(b *testing.B, addr, engine string) {
	b.Helper()
	if engine != "null" {
		return
	}
	client, table := dialServer(b, addr), insertDatabase+".sessions"
	exec(b, client, "RENAME TABLE "+table+" TO "+table+"_made")
	exec(b, client, "CREATE TABLE "+table+" AS "+table+"_made ENGINE = Null")
	exec(b, client, "CREATE MATERIALIZED VIEW "+table+"_counted ENGINE = MergeTree ORDER BY tuple() AS SELECT count() AS n FROM "+table)
}

func dialServer(b *testing.B, addr string) *ch.Client {
	b.Helper()
	client, err := ch.Dial(b.Context(), ch.Options{
		Address: addr, Compression: ch.CompressionLZ4, DialTimeout: 5 * time.Second, ReadTimeout: time.Minute,
		// The prepared block is the same each time and must go in each time.
		Settings: []ch.Setting{ch.SettingInt("async_insert", 0), ch.SettingInt("insert_deduplicate", 0)},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = client.Close() })
	return client
}

func exec(b *testing.B, client *ch.Client, statement string) {
	b.Helper()
	if err := client.Do(b.Context(), ch.Query{Body: statement}); err != nil {
		b.Fatalf("%s: %v", statement, err)
	}
}

// sessionRows makes a block of sessions from the workload web.
func sessionRows(b *testing.B) *schema.Rows {
	b.Helper()
	source := newMemory(newStream(b, "web"), sessionRecords)
	close(source.laps)
	kept := &keep{rows: schema.NewRows(sessions.Table)}
	cfg := newPipeline(b, "web", "sessions", source)
	cfg.Sinks = []pipeline.SinkConfig{{Name: "kept", Sink: kept, Tables: []*schema.Table{sessions.Table}}}
	if err := pipeline.New(cfg).Run(b.Context()); err != nil {
		b.Fatal(err)
	}
	if kept.rows.N < insertRows {
		b.Fatalf("%d records made %d sessions, fewer than %d", sessionRecords, kept.rows.N, insertRows)
	}
	kept.rows.Truncate(insertRows)
	return kept.rows
}

// keep is a sink that keeps the rows of its one table.
type keep struct {
	discard
	rows *schema.Rows
}

// Write keeps a copy of the rows.
func (k *keep) Write(_ context.Context, d *pipeline.Delivery) error {
	k.rows.Append(d.Rows[0])
	return nil
}

// preparedBlock inserts the rows through the sink and reads them back as ch-go's
// columns.
func preparedBlock(b *testing.B, addr string, rows *schema.Rows) proto.Input {
	b.Helper()
	sink := openSink(b, addr)
	if err := sink.Write(b.Context(), &pipeline.Delivery{Step: 1, Rows: []*schema.Rows{rows}}); err != nil {
		b.Fatal(err)
	}
	if err := sinktest.Deliver(b.Context(), sink); err != nil {
		b.Fatal(err)
	}
	var columns proto.Results
	query := ch.Query{
		Body:   "SELECT * FROM " + insertDatabase + ".sessions",
		Result: columns.Auto(),
		Settings: []ch.Setting{
			ch.SettingInt("max_block_size", insertRows), ch.SettingInt("preferred_block_size_bytes", 0), ch.SettingInt("max_threads", 1),
		},
		OnResult: func(_ context.Context, block proto.Block) error {
			if block.Rows != 0 && block.Rows != insertRows {
				b.Fatalf("the server answered with a block of %d rows", block.Rows)
			}
			return nil
		},
	}
	if err := dialServer(b, addr).Do(b.Context(), query); err != nil {
		b.Fatal(err)
	}
	types := columnTypes(b, addr)
	var input proto.Input
	for _, c := range columns {
		data := c.Data.(proto.ColInput)
		if p, ok := data.(proto.Preparable); ok {
			if err := p.Prepare(); err != nil {
				b.Fatal(err)
			}
		}
		input = append(input, proto.InputColumn{Name: c.Name, Data: preparedColumn{data, types[c.Name]}})
	}
	return input
}

// columnTypes are the types of the columns as the server tells them.
func columnTypes(b *testing.B, addr string) map[string]proto.ColumnType {
	b.Helper()
	var name, typ proto.ColStr
	types := map[string]proto.ColumnType{}
	query := ch.Query{
		Body:   "SELECT name, type FROM system.columns WHERE database = '" + insertDatabase + "' AND table = 'sessions'",
		Result: proto.Results{{Name: "name", Data: &name}, {Name: "type", Data: &typ}},
		OnResult: func(context.Context, proto.Block) error {
			for i := range name.Rows() {
				types[name.Row(i)] = proto.ColumnType(typ.Row(i))
			}
			return nil
		},
	}
	if err := dialServer(b, addr).Do(b.Context(), query); err != nil {
		b.Fatal(err)
	}
	return types
}

// preparedColumn is a column whose dictionary, if it has one, is made already.
type preparedColumn struct {
	proto.ColInput
	typ proto.ColumnType
}

// Type is the full type, with what a decimal or a time is an argument of.
func (c preparedColumn) Type() proto.ColumnType { return c.typ }

// EncodeState writes what goes before a dictionary.
func (c preparedColumn) EncodeState(buf *proto.Buffer) {
	if s, ok := c.ColInput.(proto.StateEncoder); ok {
		s.EncodeState(buf)
	}
}
