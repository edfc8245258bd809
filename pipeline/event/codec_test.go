package event

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// showAll is show with what no test of copying sets.
func showAll(b *Batch, row int) string {
	return show(b, row) + fmt.Sprint(b.Origin[row], b.Offset[row], b.Element[row], b.Record[row], b.Limit[row], b.Head[row].DeviceKind)
}

// saved is a random batch with some of its rows as bytes, in another order.
func saved(seed uint64, n int) (b *Batch, rows []uint32, src []byte) {
	r := rand.New(rand.NewPCG(seed, 2))
	b = random(r, n)
	b.Source = "orders"
	for row := range n {
		b.Origin[row], b.Offset[row], b.Element[row], b.Record[row] = r.Uint32(), r.Int64(), r.Int32(), r.Uint32()
		b.Limit[row], b.Head[row].DeviceKind = r.Int64(), Ident(r.IntN(NumIdents))
	}
	for range n / 2 {
		rows = append(rows, uint32(r.IntN(n)))
	}
	return b, rows, b.AppendRows(nil, rows)
}

func TestRowsComeBack(t *testing.T) {
	to := NewBatch(Want{Columns: AllColumns(), Items: true, AllAttrs: true})
	to.Empty = AllColumns()
	for seed := range uint64(30) {
		b, rows, src := saved(seed, 1+int(seed*7))
		if seed%3 == 0 {
			b.NoteEmpty()
		}
		if err := to.LoadRows(src); err != nil {
			t.Fatal(err)
		}
		if to.N != len(rows) || to.Source != "orders" {
			t.Fatalf("%d rows of %s, not %d", to.N, to.Source, len(rows))
		}
		for i, row := range rows {
			if got, want := showAll(to, i), showAll(b, int(row)); got != want {
				t.Fatalf("row %d is\n%s\nnot\n%s", i, got, want)
			}
		}
		for c := range Column(NumColumns) {
			for row := range to.N {
				if to.Empty.Has(c) && (len(to.Text(c, row)) > 0 || to.Num(c, row) != Absent) {
					t.Fatalf("column %s is said to be empty", c)
				}
			}
		}
		// Saved again they are the same bytes.
		var all []uint32
		for row := range to.N {
			all = append(all, uint32(row))
		}
		if again := to.AppendRows(nil, all); string(again) != string(src) {
			t.Fatal("the rows saved again are others")
		}
		if err := to.LoadRows(src); to.N > 0 && !errors.Is(err, errNotEmpty) {
			t.Fatal(err)
		}
		if seed%2 == 0 {
			to.Reset()
		} else {
			to.Clear()
		}
	}
}

func TestRowsOfAnotherWant(t *testing.T) {
	f := func(want string, then, now Want) {
		t.Helper()
		b := NewBatch(now)
		err := b.LoadRows(NewBatch(then).AppendRows(nil, nil))
		if fmt.Sprint(err) != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
	f(`<nil>`, Want{Attrs: []string{"b", "a", "b"}}, Want{Attrs: []string{"a", "b"}})
	f(`rows of events: column "coupon" was saved and is not wanted`, Want{Columns: SetOf(Coupon)}, Want{})
	f(`rows of events: column "coupon" is wanted and was not saved`, Want{}, Want{Columns: SetOf(Coupon)})
	f(`rows of events: items were saved: true, are wanted: false`, Want{Items: true}, Want{})
	f(`rows of events: all attributes were saved: false, are wanted: true`, Want{}, Want{AllAttrs: true})
	f(`rows of events: attribute "a" was saved and is not wanted`, Want{Attrs: []string{"a"}}, Want{})
}

// TestDamagedRows cuts and changes bytes: an error leaves an empty batch.
func TestDamagedRows(t *testing.T) {
	_, _, src := saved(5, 6)
	b := NewBatch(Want{Columns: AllColumns(), Items: true, AllAttrs: true})
	for n := range src {
		if err := b.LoadRows(src[:n]); err == nil || b.N > 0 {
			t.Fatalf("%d of %d bytes give %d rows, %v", n, len(src), b.N, err)
		}
	}
	if err := b.LoadRows(append(src, 0)); err == nil || !strings.Contains(err.Error(), "1 bytes follow the end") {
		t.Error(err)
	}
	absent(t, "after errors", b, b.Add())
}

// FuzzLoadRows loads any bytes; what loads can be shown and saved again.
func FuzzLoadRows(f *testing.F) {
	for seed := range uint64(3) {
		_, _, src := saved(seed, 6)
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		b := NewBatch(Want{Columns: AllColumns(), Items: true, AllAttrs: true})
		if b.LoadRows(src) != nil {
			return
		}
		var all []uint32
		for row := range b.N {
			_ = showAll(b, row)
			all = append(all, uint32(row))
		}
		again := NewBatch(b.Want)
		if err := again.LoadRows(b.AppendRows(nil, all)); err != nil || again.N != b.N {
			t.Fatalf("%d rows became %d, %v", b.N, again.N, err)
		}
	})
}

// BenchmarkAppendRows and BenchmarkLoadRows are of a row with a dozen texts.
func BenchmarkAppendRows(b *testing.B) {
	src, rows := dozen()
	var dst []byte
	for b.Loop() {
		dst = src.AppendRows(dst[:0], rows)
	}
	b.SetBytes(int64(len(dst)))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}

func BenchmarkLoadRows(b *testing.B) {
	src, rows := dozen()
	bytes, to := src.AppendRows(nil, rows), NewBatch(src.Want)
	b.SetBytes(int64(len(bytes)))
	for b.Loop() {
		if err := to.LoadRows(bytes); err != nil {
			b.Fatal(err)
		}
		to.Clear()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}

func dozen() (b *Batch, rows []uint32) {
	b = NewBatch(Want{Columns: AllColumns()})
	for i := range 4096 {
		row := b.Add()
		for k, c := range []Column{Event, MessageID, Channel, UserID, AnonymousID, DeviceType, Country, PagePath, ProductID, Category, Currency, OrderID} {
			b.Str[c][row] = b.Put([]byte("0123456789abcdef0123456789abcdef0123456789"[:2+3*k]))
		}
		rows = append(rows, uint32(i*1021%4096))
	}
	return b, rows
}
