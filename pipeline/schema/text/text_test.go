package text

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/schema"
)

var all = &schema.Table{Name: "all", Columns: []schema.Column{
	{Name: "text", Type: schema.Text},
	{Name: "low", Type: schema.LowText},
	{Name: "id", Type: schema.UUID},
	{Name: "time", Type: schema.Time},
	{Name: "time_null", Type: schema.Time, Nullable: true},
	{Name: "money", Type: schema.Money},
	{Name: "money_null", Type: schema.Money, Nullable: true},
	{Name: "int", Type: schema.Int},
	{Name: "wait_ms", Type: schema.Duration, Nullable: true},
	{Name: "float", Type: schema.Float},
	{Name: "float_null", Type: schema.Float, Nullable: true},
	{Name: "flag", Type: schema.Flag},
	{Name: "flag_null", Type: schema.Flag, Nullable: true},
	{Name: "items.sku", Type: schema.Texts},
	{Name: "items.price", Type: schema.Moneys},
	{Name: "attributes", Type: schema.Map},
}}

var sample = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

func full(r *schema.Rows, text string) {
	r.Begin()
	r.String(text)
	r.String("web")
	r.UUID([16]byte{0x01, 0x95, 0x4e, 0xff, 0, 1, 0x70, 2, 0x80, 3, 4, 5, 6, 7, 8, 9})
	r.Time(sample)
	r.Time(-1)
	r.Money(125_000)
	r.Money(-5)
	r.Int(-7)
	r.Int(0)
	r.Float(0.25)
	r.Float(1e300)
	r.Flag(true)
	r.NullFlag(0)
	r.Texts(2, func(i int) []byte { return [][]byte{[]byte("a"), []byte(`b"`)}[i] })
	r.Moneys(2, func(i int) int64 { return []int64{9_900, schema.Absent}[i] })
	r.Map(2, func(i int) (key, val []byte) { return []byte{byte('k' + i)}, []byte("v") })
	r.End()
}

func empty(r *schema.Rows) {
	r.Begin()
	r.String("")
	r.String("")
	r.UUID([16]byte{})
	r.Cols[2].Str[r.N].Len = 0
	r.Time(schema.Absent)
	r.Time(schema.Absent)
	r.Money(schema.Absent)
	r.Money(schema.Absent)
	r.Int(schema.Absent)
	r.Int(schema.Absent)
	r.Float(math.NaN())
	r.Float(math.Inf(1))
	r.Flag(false)
	r.NullFlag(schema.Absent)
	r.Texts(0, nil)
	r.Moneys(0, nil)
	r.Map(0, nil)
	r.End()
}

func TestLines(t *testing.T) {
	r := schema.NewRows(all)
	full(r, "x")
	want := `{"text":"x","low":"web","id":"01954eff-0001-7002-8003-040506070809","time":"2026-03-01T00:00:00.000Z",` +
		`"time_null":"1969-12-31T23:59:59.999Z","money":12.5,"money_null":-0.0005,"int":-7,"wait_ms":0,"float":0.25,` +
		`"float_null":1e+300,"flag":true,"flag_null":false,"items.sku":["a","b\""],"items.price":[0.99,null],` +
		`"attributes":{"k":"v","l":"v"}}` + "\n"
	if got := string(NewJSON(all, false).Append(nil, r)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestAbsent(t *testing.T) {
	r := schema.NewRows(all)
	empty(r)
	want := `{"table":"all","text":"","low":"","id":"","time":"1970-01-01T00:00:00.000Z","time_null":null,"money":0,"money_null":null,` +
		`"int":0,"wait_ms":null,"float":0,"float_null":null,"flag":false,"flag_null":null,"items.sku":[],"items.price":[],"attributes":{}}` + "\n"
	if got := string(NewJSON(all, true).Append(nil, r)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
	want = ",,,1970-01-01T00:00:00.000Z,,0,,0,,0,,false,,[],[],{}\n"
	if got := string(NewCSV(all).Append(nil, r)); got != want {
		t.Errorf("got  %swant %s", got, want)
	}
}

func TestCells(t *testing.T) {
	r := schema.NewRows(all)
	full(r, "a \"b\", c\nd")
	full(r, " \xff")
	w := NewCSV(all)
	out := w.Append(w.Head(nil), r)
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"text|low|id|time|time_null|money|money_null|int|wait_ms|float|float_null|flag|flag_null|items.sku|items.price|attributes",
		"a \"b\", c\nd|web|01954eff-0001-7002-8003-040506070809|2026-03-01T00:00:00.000Z|1969-12-31T23:59:59.999Z|12.5|-0.0005|-7|0|0.25|1e+300|true|false|" +
			`["a","b\""]|[0.99,null]|{"k":"v","l":"v"}`,
	}
	for i := range want {
		if got := strings.Join(rows[i], "|"); got != want[i] {
			t.Errorf("line %d: got %s want %s", i, got, want[i])
		}
	}
	if got := rows[2][0]; got != " \uFFFD" {
		t.Errorf("not UTF-8: %q", got)
	}
}

func TestOneEmptyCell(t *testing.T) {
	table := &schema.Table{Name: "one", Columns: []schema.Column{{Name: "a", Type: schema.Text}}}
	r := schema.NewRows(table)
	for range 2 {
		r.Begin()
		r.String("")
		r.End()
	}
	if got := string(NewCSV(table).Append(nil, r)); got != "\"\"\n\"\"\n" {
		t.Errorf("got %q", got)
	}
}

func TestTimesAgainstStandardLibrary(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	low, high := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).UnixMilli()
	for i := range 200_000 {
		ms := low + r.Int64N(high-low)
		if i%2 == 0 {
			ms = ms / dayMs * dayMs
		}
		want := time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
		if got := string(appendTime(nil, ms)); got != want {
			t.Fatalf("%d: got %s want %s", ms, got, want)
		}
	}
}

func FuzzTextsAgainstStandardLibrary(f *testing.F) {
	for _, s := range []string{"", "plain", "q\"\\", "\x00\x1f\x7f\n\r\t", "ü€\U0001F600", "\xff\xc3", "a\xed\xa0\x80b", "\u2028", ",", "\"", " x ", "a\rb"} {
		f.Add([]byte(s))
	}
	table := &schema.Table{Name: "t", Columns: []schema.Column{{Name: "a", Type: schema.Text}, {Name: "b", Type: schema.Texts}}}
	f.Fuzz(func(t *testing.T, s []byte) {
		r := schema.NewRows(table)
		r.Begin()
		r.Text(s)
		r.Texts(1, func(int) []byte { return s })
		r.End()
		want := ""
		for _, c := range string(s) {
			want += string(c)
		}
		var got struct {
			A string
			B []string
		}
		line := NewJSON(table, false).Append(nil, r)
		if err := json.Unmarshal(line, &got); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if got.A != want || got.B[0] != want {
			t.Fatalf("got %q want %q", got, want)
		}
		cells := csv.NewReader(bytes.NewReader(NewCSV(table).Append(nil, r)))
		rows, err := cells.ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		// The standard library's reader turns \r\n inside quotes into \n.
		if want = strings.ReplaceAll(want, "\r\n", "\n"); rows[0][0] != want {
			t.Fatalf("cell %q want %q", rows[0][0], want)
		}
	})
}

func TestNoAllocation(t *testing.T) {
	r := schema.NewRows(all)
	for range 100 {
		full(r, "a, \"b\"")
		empty(r)
	}
	j, c := NewJSON(all, true), NewCSV(all)
	dst := c.Append(j.Append(nil, r), r)
	if n := testing.AllocsPerRun(10, func() { dst = c.Append(j.Append(dst[:0], r), r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
