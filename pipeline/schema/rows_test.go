package schema

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"
)

var everyType = &Table{Name: "every", Columns: []Column{
	{Name: "text", Type: Text}, {Name: "low", Type: LowText}, {Name: "uuid", Type: UUID}, {Name: "time", Type: Time},
	{Name: "money", Type: Money}, {Name: "int", Type: Int}, {Name: "took_ms", Type: Duration}, {Name: "float", Type: Float},
	{Name: "flag", Type: Flag}, {Name: "null_flag", Type: Flag, Nullable: true}, {Name: "texts", Type: Texts},
	{Name: "moneys", Type: Moneys}, {Name: "map", Type: Map},
}}

// write writes a row that is told by its number; every third has empty lists.
func write(r *Rows, n int) {
	text := func(i int) []byte { return fmt.Appendf(nil, "%d.%d", n, i) }
	r.Begin()
	r.Text(text(0))
	r.String(fmt.Sprintf("low%d", n))
	r.UUID([16]byte{15: byte(n)})
	r.Time(int64(n))
	r.Money(int64(10 * n))
	r.Int(int64(100 * n))
	r.Int(int64(1000 * n))
	r.Float(float64(n) / 2)
	r.Flag(n%2 == 1)
	r.NullFlag(Absent)
	r.Texts(n%3, text)
	r.Moneys(n%3, func(i int) int64 { return int64(n + i) })
	r.Map(n%3, func(i int) (key, val []byte) { return text(i), nil })
	r.End()
}

// row is all of a row as text.
func row(r *Rows, i int) string {
	var s strings.Builder
	for k, c := range r.Table.Columns {
		d := &r.Cols[k]
		fmt.Fprintf(&s, "%s=", c.Name)
		switch c.Type {
		case Text, LowText, UUID:
			fmt.Fprintf(&s, "%q", r.Bytes(d.Str[i]))
		case Float:
			fmt.Fprint(&s, d.F64[i])
		case Texts, Map:
			for from, to := d.Range(i); from < to; from++ {
				fmt.Fprintf(&s, "%q,", r.Bytes(d.Str[from]))
			}
		case Moneys:
			for from, to := d.Range(i); from < to; from++ {
				fmt.Fprintf(&s, "%d,", d.I64[from])
			}
		default:
			fmt.Fprint(&s, d.I64[i])
		}
		s.WriteByte(' ')
	}
	return s.String()
}

// same checks that the rows are those of the numbers.
func same(t *testing.T, what string, r *Rows, numbers ...int) {
	t.Helper()
	if r.N != len(numbers) {
		t.Fatalf("%s: %d rows, want %d", what, r.N, len(numbers))
	}
	for i, n := range numbers {
		one := NewRows(everyType)
		write(one, n)
		if got, want := row(r, i), row(one, 0); got != want {
			t.Errorf("%s: row %d is\n%s\nnot\n%s", what, i, got, want)
		}
	}
}

func TestRows(t *testing.T) {
	a, b := NewRows(everyType), NewRows(everyType)
	for n := range 5 {
		write(a, n)
	}
	same(t, "written", a, 0, 1, 2, 3, 4)
	if got, want := row(a, 2), `text="2.0" low="low2" uuid="\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02" time=2 money=20 int=200 took_ms=2000 float=1 flag=0 null_flag=`+
		fmt.Sprint(math.MinInt64)+` texts="2.0","2.1", moneys=2,3, map="2.0","","2.1","", `; got != want {
		t.Errorf("row\n%s\nnot\n%s", got, want)
	}
	write(b, 7)
	write(b, 8)
	a.Append(b)
	a.Append(NewRows(everyType))
	same(t, "appended", a, 0, 1, 2, 3, 4, 7, 8)
	a.Truncate(2)
	same(t, "truncated", a, 0, 1)
	write(a, 5)
	same(t, "written after that", a, 0, 1, 5)
	a.Truncate(0)
	same(t, "truncated to nothing", a)
	a.Append(b)
	same(t, "appended to nothing", a, 7, 8)
	a.Reset()
	write(a, 4)
	same(t, "used again", a, 4)
	same(t, "the other one stays", b, 7, 8)
}

// TestMisuseOfRowsIsToldAtOnce: it is a fault of the program.
func TestMisuseOfRowsIsToldAtOnce(t *testing.T) {
	for what, f := range map[string]func(r *Rows){
		"value of another type": func(r *Rows) { r.Begin(); r.Time(1) },
		"ends after 1 of 13":    func(r *Rows) { r.Begin(); r.String("x"); r.End() },
	} {
		func() {
			defer func() {
				if x := recover(); x == nil || !strings.Contains(fmt.Sprint(x), what) || !strings.Contains(fmt.Sprint(x), "every") {
					t.Errorf("%s: %v", what, x)
				}
			}()
			f(NewRows(everyType))
		}()
	}
}

func TestRowsDoNotAllocate(t *testing.T) {
	r := NewRows(&Table{Name: "t", Columns: []Column{{Name: "a", Type: Text}, {Name: "b", Type: Int}, {Name: "c", Type: Float}}})
	text := []byte("some text")
	if n := testing.AllocsPerRun(10, func() {
		r.Reset()
		for range 100 {
			r.Begin()
			r.Text(text)
			r.Int(1)
			r.Float(2)
			r.End()
		}
	}); n != 0 {
		t.Errorf("%g allocations for 100 rows", n)
	}
}

func TestColumnByName(t *testing.T) {
	if everyType.Column("uuid") != 2 || everyType.Column("colour") != -1 {
		t.Errorf("columns %d, %d", everyType.Column("uuid"), everyType.Column("colour"))
	}
}

// TestReserve: appending what there is room for moves nothing, and the rows are
// those of appending without.
func TestReserve(t *testing.T) {
	table := &Table{Name: "t", Columns: []Column{{Name: "a", Type: Text}, {Name: "n", Type: Int}, {Name: "f", Type: Float}, {Name: "l", Type: Texts}}}
	var parts []*Rows
	for k := range 5 {
		r := NewRows(table)
		for i := range k * 3 {
			r.Begin()
			r.Text(fmt.Appendf(nil, "text %d of %d", i, k))
			r.Int(int64(i))
			r.Float(float64(k))
			r.Texts(i, func(j int) []byte { return fmt.Append(nil, j) })
			r.End()
		}
		parts = append(parts, r)
	}
	want, got := NewRows(table), NewRows(table)
	got.Append(parts[1])
	want.Append(parts[1])
	got.Reserve(parts)
	if n := testing.AllocsPerRun(1, func() {
		got.Truncate(parts[1].N)
		got.Arena = got.Arena[:len(parts[1].Arena)]
		for _, p := range parts {
			got.Append(p)
		}
	}); n != 0 {
		t.Errorf("%v allocations after Reserve", n)
	}
	for _, p := range parts {
		want.Append(p)
	}
	if !bytes.Equal(got.AppendTo(nil), want.AppendTo(nil)) {
		t.Error("rows differ from those of Append alone")
	}
}
