package event

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

// random fills a batch with rows that lack some columns, with texts of lengths
// around those at which copying changes its way.
func random(r *rand.Rand, rows int) *Batch {
	b := NewBatch(Want{Columns: AllColumns(), Items: true, AllAttrs: true})
	missing := r.Uint64() // columns that no row has
	for range rows {
		addRandom(r, b, missing)
	}
	return b
}

// addRandom adds a row without the missing columns.
func addRandom(r *rand.Rand, b *Batch, missing uint64) {
	text := func() Str {
		return b.Put(bytes.Repeat([]byte{byte('a' + r.IntN(26))}, []int{0, 1, 7, 15, 16, 17, 36, 63, 64, 65, 200}[r.IntN(11)]))
	}
	row := b.Add()
	for c := range Column(NumColumns) {
		switch {
		case missing>>(c%64)&1 == 1, r.IntN(3) == 0:
		case b.Str[c] != nil:
			b.Str[c][row] = text()
		case b.Int[c] != nil:
			b.Int[c][row] = r.Int64()
		case b.Float[c] != nil:
			b.Float[c][row] = r.Float64()
		}
	}
	for k := range b.Ident {
		b.Ident[k][row] = Hash{r.Uint64(), r.Uint64()}
	}
	b.Name[row], b.Head[row].Flags = Name(r.IntN(5)), Flags(r.IntN(4))
	b.Own[row], b.Mark[row] = r.Int64(), r.Int64()
	b.Message[row], b.Head[row].Device, b.Profile[row] = Hash{1, r.Uint64()}, Hash{2, r.Uint64()}, Hash{3, r.Uint64()}
	for range r.IntN(3) {
		i := b.AddItem(row)
		b.Item.Str[ProductID][i], b.Item.Int[Price][i] = text(), r.Int64()
	}
	for range r.IntN(3) {
		b.AddAttr(row, b.Put([]byte("key")), text())
	}
}

// show writes all of a row.
func show(b *Batch, row int) string {
	var s bytes.Buffer
	for c := range Column(NumColumns) {
		fmt.Fprintf(&s, "%s=%s,%d,%g ", c, b.Text(c, row), b.Num(c, row), b.Real(c, row))
	}
	for k := range b.Ident {
		fmt.Fprint(&s, b.Ident[k][row])
	}
	fmt.Fprint(&s, b.Name[row], b.Head[row].Flags, b.Own[row], b.Mark[row], b.Message[row], b.Head[row].Device, b.Profile[row])
	for i := b.Head[row].ItemFirst; i < b.Head[row].ItemFirst+b.Head[row].ItemCount; i++ {
		fmt.Fprintf(&s, " item %s %d", b.ItemText(ProductID, int(i)), b.ItemNum(Price, int(i)))
	}
	for i := b.AttrFirst[row]; i < b.AttrFirst[row]+b.AttrCount[row]; i++ {
		fmt.Fprintf(&s, " attr %s %s", b.Bytes(b.AttrKey[i]), b.Bytes(b.AttrVal[i]))
	}
	return s.String()
}

// TestCopyRows copies rows into a batch that is used again and again; a slot
// holds what was copied there last. It makes no difference who knows of columns
// that they are empty.
func TestCopyRows(t *testing.T) {
	for seed := range uint64(8) {
		dst := NewBatch(Want{Columns: AllColumns(), Items: true, AllAttrs: true})
		if seed%2 == 0 {
			dst.Empty = AllColumns()
		}
		testCopyRows(t, rand.New(rand.NewPCG(seed, 1)), dst, seed < 6)
	}
}

func testCopyRows(t *testing.T, r *rand.Rand, dst *Batch, note bool) {
	for round := range 20 {
		if round%3 == 0 {
			dst.Clear()
		}
		src := random(r, 1+r.IntN(30))
		if note {
			src.NoteEmpty()
		}
		var slots, rows []uint32
		for range 1 + r.IntN(20) {
			slots, rows = append(slots, uint32(dst.Add())), append(rows, uint32(r.IntN(src.N)))
		}
		kept := []string{}
		for row := range int(slots[0]) {
			kept = append(kept, show(dst, row))
		}
		dst.CopyRows(slots, src, rows)
		for i, to := range slots {
			if got, want := show(dst, int(to)), show(src, int(rows[i])); got != want {
				t.Fatalf("round %d: slot %d holds\n%s\nnot\n%s", round, to, got, want)
			}
		}
		for row, want := range kept {
			if got := show(dst, row); got != want {
				t.Fatalf("round %d: row %d became\n%s\nfrom\n%s", round, row, got, want)
			}
		}
	}
}

// BenchmarkCopyRows is the cost of a row with a dozen texts.
func BenchmarkCopyRows(b *testing.B) {
	src := NewBatch(Want{Columns: AllColumns()})
	var slots, rows []uint32
	for i := range 1024 {
		row := src.Add()
		for k, c := range []Column{Event, MessageID, Channel, UserID, AnonymousID, DeviceType, Country, PagePath, ProductID, Category, Currency, OrderID} {
			src.Str[c][row] = src.Put([]byte("0123456789abcdef0123456789abcdef0123456789"[:2+3*k]))
		}
		rows = append(rows, uint32(i*389%1024))
	}
	dst := NewBatch(src.Want)
	for range rows {
		slots = append(slots, uint32(dst.Add()))
	}
	for b.Loop() {
		dst.Arena = dst.Arena[:0]
		dst.CopyRows(slots, src, rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}
