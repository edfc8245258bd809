package schema

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestRowsComeBack(t *testing.T) {
	to := NewRows(everyKind)
	for _, n := range []int{0, 1, 2, 100} {
		from := filled(uint64(n), n)
		src := from.AppendTo([]byte("before"))[6:]
		if err := to.Load(src); err != nil {
			t.Fatal(err)
		}
		if to.N != n || to.Digest() != from.Digest() || string(to.AppendTo(nil)) != string(src) {
			t.Errorf("%d rows came back as %d others", n, to.N)
		}
	}
}

func TestRowsOfAnotherTable(t *testing.T) {
	f := func(want string, change func(t *Table)) {
		t.Helper()
		other := *everyKind
		other.Columns = slices.Clone(everyKind.Columns)
		change(&other)
		rows := NewRows(everyKind)
		if err := rows.Load(NewRows(&other).AppendTo(nil)); err == nil || err.Error() != "rows of every: "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f(`they are of table "other"`, func(t *Table) { t.Name = "other" })
	f(`column "lower" was saved where the table has low`, func(t *Table) { t.Columns[1].Name = "lower" })
	f(`column at was saved with another type`, func(t *Table) { t.Columns[3].Type = Int })
	f(`column map was not saved`, func(t *Table) { t.Columns = t.Columns[:11] })
	f(`column "more" was saved, and the table has none`, func(t *Table) { t.Columns = append(t.Columns, Column{Name: "more"}) })
}

func TestDamagedRows(t *testing.T) {
	src, rows := filled(1, 5).AppendTo(nil), NewRows(everyKind)
	for n := range src {
		if err := rows.Load(src[:n]); err == nil || rows.N > 0 {
			t.Fatalf("%d of %d bytes give %d rows, %v", n, len(src), rows.N, err)
		}
	}
	if err := rows.Load(append(src, 0)); err == nil || !strings.Contains(err.Error(), "1 bytes follow the end") {
		t.Error(err)
	}
}

// FuzzLoad loads any bytes; what loads has whole rows.
func FuzzLoad(f *testing.F) {
	f.Add(filled(1, 3).AppendTo(nil))
	f.Add(filled(2, 0).AppendTo(nil))
	f.Fuzz(func(t *testing.T, src []byte) {
		rows := NewRows(everyKind)
		if rows.Load(src) != nil {
			return
		}
		for i := range rows.N {
			_ = row(rows, i)
		}
		again := NewRows(everyKind)
		if err := again.Load(rows.AppendTo(nil)); err != nil || again.Digest() != rows.Digest() {
			t.Fatal(fmt.Sprint(rows.N, " rows became ", again.N, ", ", err))
		}
	})
}
