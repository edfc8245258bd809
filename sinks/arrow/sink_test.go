package arrow

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/ipc"
	"github.com/apache/arrow/go/v15/arrow/memory"
	parquet "github.com/apache/arrow/go/v15/parquet/file"
	"github.com/apache/arrow/go/v15/parquet/pqarrow"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

func TestMain(m *testing.M) { devtest.Main(m) }

var everything = &schema.Table{Name: "everything", Columns: []schema.Column{
	{Name: "text", Type: schema.Text},
	{Name: "channel", Type: schema.LowText},
	{Name: "id", Type: schema.UUID},
	{Name: "other", Type: schema.UUID, Nullable: true},
	{Name: "at", Type: schema.Time},
	{Name: "at_null", Type: schema.Time, Nullable: true},
	{Name: "value", Type: schema.Money},
	{Name: "value_null", Type: schema.Money, Nullable: true},
	{Name: "wait_ms", Type: schema.Duration},
	{Name: "ratio", Type: schema.Float, Nullable: true},
	{Name: "flag", Type: schema.Flag},
	{Name: "flag_null", Type: schema.Flag, Nullable: true},
	{Name: "items.sku", Type: schema.Texts},
	{Name: "items.price", Type: schema.Moneys},
	{Name: "attributes", Type: schema.Map},
}}

var none = &schema.Table{Name: "none", Columns: []schema.Column{{Name: "at", Type: schema.Time}, {Name: "kind", Type: schema.LowText}, {Name: "m", Type: schema.Map}}}

var channels = []string{"web", "app", "pos", ""}

// add writes a row; every second one lacks what can be absent.
func add(r *schema.Rows, i int) {
	absent := func(v int64) int64 {
		if i%2 == 1 {
			return schema.Absent
		}
		return v
	}
	r.Begin()
	r.String(fmt.Sprintf("row %d \xff", i))
	r.String(channels[i%len(channels)])
	r.UUID([16]byte{1, 2, 3, 4, 5, 6, 0x70, 8, 0x80, 10, 11, 12, 13, 14, 15, byte(i)})
	r.UUID([16]byte{15: 1})
	if i%2 == 1 {
		r.Cols[3].Str[r.N].Len = 0
	}
	r.Time(1_772_323_200_000 + 1000*int64(i))
	r.Time(absent(-1))
	r.Money(int64(-125_001 * i))
	r.Money(absent(5))
	r.Int(int64(i))
	if i%2 == 1 {
		r.Float(math.NaN())
	} else {
		r.Float(0.5)
	}
	r.Flag(i%3 == 0)
	r.NullFlag(absent(1))
	r.Texts(i%3, func(k int) []byte { return []byte{byte('a' + k)} })
	r.Moneys(i%3, func(k int) int64 { return []int64{5_000, schema.Absent}[k] })
	r.Map(i%2, func(int) (key, val []byte) { return []byte("k"), []byte("v") })
	r.End()
}

// line is what row i must read as.
func line(i int) string {
	null := func(s string) string {
		if i%2 == 1 {
			return "null"
		}
		return s
	}
	items, prices, attributes := `[]`, `[]`, `[]`
	switch i % 3 {
	case 1:
		items, prices = `["a"]`, `["0.5"]`
	case 2:
		items, prices = `["a","b"]`, `["0.5",null]`
	}
	if i%2 == 1 {
		attributes = `[{"key":"k","value":"v"}]`
	}
	return fmt.Sprintf(`{"at":"2026-03-01 00:00:%02d","at_null":%s,"attributes":%s,"channel":%q,"flag":%v,"flag_null":%s,`+
		`"id":"01020304-0506-7008-800a-0b0c0d0e0f%02x","items.price":%s,"items.sku":%s,"other":%s,"ratio":%s,"text":"row %d �",`+
		`"value":"%s","value_null":%s,"wait_ms":%d}`,
		i, null(`"1969-12-31 23:59:59.999"`), attributes, channels[i%len(channels)], i%3 == 0, null("true"), i, prices, items,
		null(`"00000000-0000-0000-0000-000000000001"`), null("0.5"), i, decimal(-125_001*i), null(`"0.0005"`), i)
}

func decimal(v int) string {
	s := fmt.Sprintf("%.4f", float64(v)/10_000)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// write makes files of n rows, a commit for every two of them, in row groups of
// three.
func write(t *testing.T, format string, n int) (dir string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "out")
	must(t, os.MkdirAll(dir, 0o755))
	must(t, os.WriteFile(filepath.Join(dir, "everything."+format), []byte("of a former run"), 0o644))
	s := New(Config{Dir: dir, Format: format})
	s.groupRows = 3
	must(t, s.Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{everything, none}}))
	commit := int64(0)
	end := func(all bool) {
		commit++
		_, err := s.Cut(t.Context(), &pipeline.Cut{Number: commit, All: all})
		must(t, err)
		must(t, s.Release(t.Context(), commit))
	}
	for i := 0; i < n; {
		d := &pipeline.Delivery{Rows: []*schema.Rows{schema.NewRows(everything), schema.NewRows(none)}}
		for ; i < n && d.Rows[0].N < 2; i++ {
			add(d.Rows[0], i)
		}
		must(t, s.Write(t.Context(), d))
		end(false)
	}
	if b, err := os.ReadFile(filepath.Join(dir, "everything."+format)); err != nil || string(b) != "of a former run" {
		t.Errorf("readers see a half file: %d bytes, %v", len(b), err)
	}
	end(true)
	must(t, s.Drain(t.Context()))
	must(t, s.Close(t.Context()))
	files, err := os.ReadDir(dir)
	must(t, err)
	if len(files) != 2 {
		t.Errorf("files left: %v", files)
	}
	return dir
}

// lines reads a file with the library.
func lines(t *testing.T, path string) (rows []string, s *arrow.Schema) {
	t.Helper()
	b, err := os.ReadFile(path)
	must(t, err)
	var records []arrow.Record
	if strings.HasSuffix(path, "."+Parquet) {
		f, err := parquet.NewParquetReader(bytes.NewReader(b))
		must(t, err)
		r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 1 << 20}, memory.DefaultAllocator)
		must(t, err)
		table, err := r.ReadTable(t.Context())
		must(t, err)
		s = table.Schema()
		each := array.NewTableReader(table, 1)
		for each.Next() {
			each.Record().Retain()
			records = append(records, each.Record())
		}
	} else {
		r, err := ipc.NewFileReader(bytes.NewReader(b))
		must(t, err)
		s = r.Schema()
		for i := range r.NumRecords() {
			record, err := r.Record(i)
			must(t, err)
			record.Retain()
			records = append(records, record)
		}
	}
	for _, record := range records {
		b, err := record.MarshalJSON()
		must(t, err)
		var objects []map[string]any
		must(t, json.Unmarshal(b, &objects))
		for _, o := range objects {
			b, err := json.Marshal(o)
			must(t, err)
			rows = append(rows, string(b))
		}
	}
	return rows, s
}

func TestFilesReadBack(t *testing.T) {
	for _, format := range []string{Parquet, IPC} {
		for _, n := range []int{0, 2, 3, 20} {
			dir := write(t, format, n)
			rows, s := lines(t, filepath.Join(dir, "everything."+format))
			if len(rows) != n {
				t.Errorf("%s: %d rows, want %d", format, len(rows), n)
			}
			for i, got := range rows {
				if want := line(i); got != want {
					t.Fatalf("%s: row %d of %d:\ngot  %s\nwant %s", format, i, n, got, want)
				}
			}
			for i, f := range Schema(everything).Fields() {
				if got := s.Field(i); got.Name != f.Name || typeText(got.Type) != typeText(f.Type) || got.Nullable != f.Nullable {
					t.Errorf("%s: field %s, want %s", format, got, f)
				}
			}
			if rows, s := lines(t, filepath.Join(dir, "none."+format)); len(rows) != 0 || len(s.Fields()) != 3 {
				t.Errorf("%s: table without rows: %d rows, %s", format, len(rows), s)
			}
		}
	}
}

// typeText leaves out what Parquet does not keep: the name of a list's element.
func typeText(t arrow.DataType) string {
	if l, ok := t.(*arrow.ListType); ok {
		return "list of " + l.Elem().String()
	}
	return t.String()
}

// TestRealReader has ClickHouse read the files.
func TestRealReader(t *testing.T) {
	server := devtest.SharedClickHouse(t)
	post := func(query string, body []byte) string {
		t.Helper()
		r, err := http.Post("http://"+server.HTTPAddr()+"/?query="+url.QueryEscape(query), "application/octet-stream", bytes.NewReader(body))
		must(t, err)
		defer r.Body.Close()
		b, err := io.ReadAll(r.Body)
		must(t, err)
		if r.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s", query, b)
		}
		return strings.TrimSpace(string(b))
	}
	for format, name := range map[string]string{Parquet: "Parquet", IPC: "Arrow"} {
		post("CREATE OR REPLACE TABLE read (channel LowCardinality(String), at DateTime64(3, 'UTC'), at_null Nullable(DateTime64(3, 'UTC')), value Decimal(18, 4), "+
			"flag_null Nullable(Bool), `items.sku` Array(String), `items.price` Array(Nullable(Decimal(18, 4))), attributes Map(String, String)) ENGINE = Memory", nil)
		b, err := os.ReadFile(filepath.Join(write(t, format, 20), "everything."+format))
		must(t, err)
		post("INSERT INTO read SETTINGS input_format_skip_unknown_fields = 1, input_format_null_as_default = 0 FORMAT "+name, b)
		got := post("SELECT count(), sum(value), groupUniqArray(channel) = ['web', 'app', 'pos', ''] OR uniqExact(channel) = 4, min(at), count(at_null), countIf(flag_null), "+
			"sum(length(items.sku)), arraySum(groupArray(arraySum(arrayMap(x -> ifNull(x, 100), items.price)))), sum(length(attributes)) FROM read FORMAT TSV", nil)
		// 7 rows have one item and 6 have two, of which the second has no price.
		if want := "20\t-2375.019\t1\t2026-03-01 00:00:00.000\t10\t10\t19\t606.5\t10"; got != want {
			t.Errorf("%s: got %s want %s", format, got, want)
		}
	}
}

// full is a disk without room.
func full(t *testing.T) *os.File {
	t.Helper()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestFullDiskHolds(t *testing.T) {
	for _, format := range []string{Parquet, IPC} {
		dir := t.TempDir()
		s := New(Config{Dir: dir, Format: format})
		s.groupRows = 1
		must(t, s.Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{everything}}))
		var h, last *hidden
		switch f := s.layout.(*whole).outputs[0].file.(type) {
		case *parquetFile:
			h, last = f.hidden, f.hidden
		case *ipcFile:
			h, last = f.bare, f.hidden
		}
		roomy := h.file
		h.file = full(t)
		d := &pipeline.Delivery{Rows: []*schema.Rows{schema.NewRows(everything)}}
		add(d.Rows[0], 0)
		must(t, s.Write(t.Context(), d))
		for range 2 {
			if err := s.Write(t.Context(), d); !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "make room") {
				t.Fatalf("%s: got %v", format, err)
			}
		}
		h.file = roomy
		must(t, s.Write(t.Context(), d))
		_, err := s.Cut(t.Context(), &pipeline.Cut{Number: 1, All: true})
		must(t, err)
		roomy = last.file
		last.file = full(t)
		if err := s.Release(t.Context(), 1); !pipeline.IsRetryable(err) || !strings.Contains(err.Error(), "make room") {
			t.Fatalf("%s: at the end: got %v", format, err)
		}
		// There was room for what was written so far, and then no more.
		last.file = roomy
		must(t, last.drain())
		last.file = full(t)
		if err := s.Release(t.Context(), 1); format == IPC && err == nil {
			t.Fatal("a file of two batches was complete at once")
		}
		last.file = roomy
		must(t, s.Release(t.Context(), 1))
		must(t, s.Close(t.Context()))
		if rows, _ := lines(t, filepath.Join(dir, "everything."+format)); len(rows) != 2 || rows[0] != line(0) || rows[1] != line(0) {
			t.Errorf("%s: got %v", format, rows)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
			t.Errorf("%s: files left: %v, %v", format, files, err)
		}
	}
}

// TestFilesThatAreNotComplete are given up.
func TestFilesThatAreNotComplete(t *testing.T) {
	for _, format := range []string{Parquet, IPC} {
		dir := t.TempDir()
		s := New(Config{Dir: dir, Format: format})
		must(t, s.Open(t.Context(), &pipeline.Opening{Tables: []*schema.Table{everything}}))
		d := &pipeline.Delivery{Rows: []*schema.Rows{schema.NewRows(everything)}}
		add(d.Rows[0], 0)
		must(t, s.Write(t.Context(), d))
		_, err := s.Cut(t.Context(), &pipeline.Cut{Number: 1})
		must(t, err)
		must(t, s.Release(t.Context(), 1))
		must(t, s.Close(t.Context()))
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%s: files left: %v, %v", format, files, err)
		}
	}
}

func TestDescribe(t *testing.T) {
	want := "none\n  at: timestamp[ms, tz=UTC] not null\n  kind: dictionary<values=utf8, indices=int32, ordered=false> not null\n" +
		"  m: map<utf8, utf8, items_nullable> not null\n"
	if got := Describe([]*schema.Table{none}); got != want {
		t.Errorf("got %s", got)
	}
}
