package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/schema"
	"touchstream/sinks/sinktest"
)

const benchRows = 100_000

// wide is a table of the usual kind: 23 columns, most of them short texts.
func wide() *schema.Table {
	t := &schema.Table{Name: "wide", ID: []string{"id"}, Revisable: true, Partition: "id",
		Columns: []schema.Column{{Name: "id", Type: schema.UUID}, {Name: "at", Type: schema.Time}, {Name: "revision", Type: schema.Int}}}
	for i := range 10 {
		t.Columns = append(t.Columns, schema.Column{Name: fmt.Sprint("low", i), Type: schema.LowText})
	}
	for i := range 5 {
		t.Columns = append(t.Columns, schema.Column{Name: fmt.Sprint("text", i), Type: schema.Text})
	}
	for i := range 5 {
		t.Columns = append(t.Columns, schema.Column{Name: fmt.Sprint("n", i), Type: schema.Int, Nullable: true})
	}
	return t
}

func wideRows(t *schema.Table) *schema.Rows {
	r := schema.NewRows(t)
	for k := range benchRows {
		r.Begin()
		for _, c := range t.Columns {
			switch c.Type {
			case schema.UUID:
				r.UUID(uuid7(march+int64(k), byte(k)))
			case schema.Time:
				r.Time(march + int64(k))
			case schema.LowText:
				r.String(fmt.Sprint("word", k%37))
			case schema.Text:
				r.String(fmt.Sprint("/some/page/", k))
			case schema.Int:
				r.Int(int64(k%5 + 1))
			}
		}
		r.End()
	}
	return r
}

// BenchmarkInsert writes blocks of 100,000 rows from Rows into a table, by this
// package's columns and by the driver's.
func BenchmarkInsert(b *testing.B) {
	c := configFor(b, devtest.ClickHouse(b))
	c.Database = "bench"
	table := wide()
	rows := wideRows(table)
	for _, engine := range []string{"Null", "MergeTree"} {
		for _, compression := range []string{"none", "lz4"} {
			c.Compression = compression
			conn, err := connect(&c)
			must(b, err)
			must(b, conn.Exec(b.Context(), "DROP DATABASE IF EXISTS bench"))
			s := opened(b, c, table)
			if engine == "Null" {
				must(b, conn.Exec(b.Context(), "RENAME TABLE bench.wide TO bench.former"))
				must(b, conn.Exec(b.Context(), "CREATE TABLE bench.wide AS bench.former ENGINE = Null"))
			}
			b.Run(fmt.Sprintf("sink/%s/%s", engine, compression), func(b *testing.B) {
				for b.Loop() {
					must(b, s.Write(b.Context(), &pipeline.Delivery{Rows: []*schema.Rows{rows}}))
					must(b, sinktest.Deliver(b.Context(), s))
				}
				b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
			})
			b.Run(fmt.Sprintf("driver/%s/%s", engine, compression), func(b *testing.B) {
				for b.Loop() {
					appendByDriver(b, &c, rows)
				}
				b.ReportMetric(float64(b.N)*benchRows/b.Elapsed().Seconds(), "rows/s")
			})
			must(b, conn.Close())
		}
	}
}

// appendByDriver inserts through the driver's Column(i).Append.
func appendByDriver(b *testing.B, c *Config, r *schema.Rows) {
	method := clickhouse.CompressionNone
	if c.Compression == "lz4" {
		method = clickhouse.CompressionLZ4
	}
	conn, err := clickhouse.Open(&clickhouse.Options{Addr: c.Addr, Compression: &clickhouse.Compression{Method: method}})
	must(b, err)
	defer conn.Close()
	batch, err := conn.PrepareBatch(b.Context(), insertStatement(c, r.Table, newSpares(1<<20).take(r.Table, true).columns))
	must(b, err)
	for i, col := range r.Table.Columns {
		d := &r.Cols[i]
		var values any
		switch col.Type {
		case schema.UUID:
			out := make([]uuid.UUID, r.N)
			for k := range out {
				out[k] = uuid.UUID(r.Bytes(d.Str[k]))
			}
			values = out
		case schema.Time:
			out := make([]time.Time, r.N)
			for k := range out {
				out[k] = time.UnixMilli(d.I64[k])
			}
			values = out
		case schema.Int:
			if !col.Nullable {
				values = d.I64
				break
			}
			out := make([]*int64, r.N)
			for k := range out {
				out[k] = &d.I64[k]
			}
			values = out
		default:
			out := make([]string, r.N)
			for k := range out {
				out[k] = string(r.Bytes(d.Str[k]))
			}
			values = out
		}
		must(b, batch.Column(i).Append(values))
	}
	for _, i := range []int{len(r.Table.Columns), len(r.Table.Columns) + 1} {
		must(b, batch.Column(i).Append(make([]uint64, r.N)))
	}
	must(b, batch.Send())
}
