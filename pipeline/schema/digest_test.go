package schema

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var everyKind = &Table{Name: "every", Columns: []Column{
	{Name: "text", Type: Text}, {Name: "low", Type: LowText}, {Name: "id", Type: UUID}, {Name: "at", Type: Time},
	{Name: "amount", Type: Money}, {Name: "count", Type: Int}, {Name: "took_ms", Type: Duration}, {Name: "share", Type: Float},
	{Name: "flag", Type: Flag, Nullable: true}, {Name: "texts", Type: Texts}, {Name: "moneys", Type: Moneys}, {Name: "map", Type: Map},
}}

// fill writes rows of every type; the same r gives the same rows.
func fill(rows *Rows, r *rand.Rand, n int) {
	text := func(int) []byte {
		return []byte(strings.Repeat(string(rune('a'+r.IntN(26))), []int{0, 3, 15, 16, 17, 63, 64, 65, 300}[r.IntN(9)]))
	}
	for range n {
		rows.Begin()
		rows.Text(text(0))
		rows.Text(text(0))
		rows.UUID([16]byte{byte(r.IntN(256)), 1})
		rows.Time(r.Int64())
		rows.Money(r.Int64())
		rows.Int(r.Int64())
		rows.Int(Absent)
		rows.Float(r.Float64())
		rows.NullFlag([]int64{0, 1, Absent}[r.IntN(3)])
		rows.Texts(r.IntN(4), text)
		rows.Moneys(r.IntN(4), func(int) int64 { return r.Int64() })
		rows.Map(r.IntN(3), func(i int) (key, val []byte) { return []byte(fmt.Sprint("key", i)), text(i) })
		rows.End()
	}
}

func filled(seed uint64, n int) *Rows {
	rows := NewRows(everyKind)
	fill(rows, rand.New(rand.NewPCG(seed, 1)), n)
	return rows
}

func TestDigestIsOfContent(t *testing.T) {
	a := filled(1, 500)
	if a.Digest() != filled(1, 500).Digest() {
		t.Error("the same rows differ")
	}
	// Texts elsewhere in the arena, and rows taken back.
	b := NewRows(everyKind)
	b.Put([]byte("something before"))
	b.Append(filled(2, 30))
	b.Truncate(0)
	b.Append(a)
	if a.Digest() != b.Digest() {
		t.Error("where texts lie makes a difference")
	}
	if got := NewRows(everyKind).Digest(); got != 0x34c96acdcadb1bbb {
		t.Errorf("the digest of no rows is %#x", got)
	}
}

// TestDigestSeesEveryChange changes each value of some rows.
func TestDigestSeesEveryChange(t *testing.T) {
	a := filled(3, 40)
	seen := map[uint64]string{a.Digest(): "unchanged"}
	changed := func(what string) {
		t.Helper()
		if other, ok := seen[a.Digest()]; ok {
			t.Fatalf("%s has the digest of %s", what, other)
		}
		seen[a.Digest()] = what
	}
	for c := range a.Cols {
		d := &a.Cols[c]
		for i := range d.Str {
			was := d.Str[i]
			if d.Str[i] = a.Put([]byte("another")); was.Len == 0 {
				d.Str[i] = a.Put([]byte{0})
			}
			changed(fmt.Sprintf("column %d text %d", c, i))
			d.Str[i] = was
		}
		for i := range d.I64 {
			d.I64[i] ^= 1
			changed(fmt.Sprintf("column %d number %d", c, i))
			d.I64[i] ^= 1
		}
		for i := range d.F64 {
			d.F64[i]++
			changed(fmt.Sprintf("column %d float %d", c, i))
			d.F64[i]--
		}
		for i := range d.End {
			d.End[i] ^= 1
			changed(fmt.Sprintf("column %d end %d", c, i))
			d.End[i] ^= 1
		}
	}
	a.Cols[0].Str[0], a.Cols[0].Str[1] = a.Put([]byte("ab")), a.Put([]byte("c"))
	changed("ab, c")
	a.Cols[0].Str[0], a.Cols[0].Str[1] = a.Put([]byte("a")), a.Put([]byte("bc"))
	changed("a, bc")
	a.Truncate(39)
	changed("one row less")
}

// BenchmarkDigest is of rows as facts are: short texts, ids, times and amounts.
func BenchmarkDigest(b *testing.B) {
	for _, n := range []int{1, 10, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			rows := NewRows(&Table{Name: "facts", Columns: []Column{
				{Type: UUID}, {Type: UUID}, {Type: Time}, {Type: Time}, {Type: LowText}, {Type: LowText}, {Type: Text}, {Type: Text},
				{Type: Money}, {Type: Int}, {Type: Flag}, {Type: Text}, {Type: LowText}, {Type: Int},
			}})
			for i := range n {
				rows.Begin()
				rows.UUID([16]byte{byte(i)})
				rows.UUID([16]byte{byte(i), 3})
				rows.Time(int64(i))
				rows.Time(int64(i))
				rows.String("web")
				rows.String("mobile")
				rows.String("/products/category/some-product-1234567")
				rows.String("")
				rows.Money(int64(i))
				rows.Int(int64(i))
				rows.Flag(true)
				rows.String("0123456789abcdef0123456789abcdef")
				rows.String("EUR")
				rows.Int(Absent)
				rows.End()
			}
			bytes := len(rows.Arena)
			for _, c := range rows.Cols {
				bytes += 4*len(c.Str) + 8*len(c.I64)
			}
			b.SetBytes(int64(bytes))
			for b.Loop() {
				rows.Digest()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/row")
		})
	}
}
