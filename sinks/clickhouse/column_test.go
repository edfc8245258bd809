package clickhouse

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"

	"touchstream/pipeline/schema"
)

// decode reads a column back with the protocol library.
func decode(t *testing.T, c *column, into proto.Column) {
	t.Helper()
	var b proto.Buffer
	c.EncodeState(&b)
	c.EncodeColumn(&b)
	var written bytes.Buffer
	w := proto.NewWriter(&written, new(proto.Buffer))
	w.ChainBuffer(c.EncodeState)
	c.WriteColumn(w)
	if _, err := w.Flush(); err != nil || !bytes.Equal(written.Bytes(), b.Buf) {
		t.Fatalf("written %d bytes, %v; encoded %d", written.Len(), err, len(b.Buf))
	}
	r := proto.NewReader(bytes.NewReader(b.Buf))
	if s, ok := into.(proto.StateDecoder); ok {
		must(t, s.DecodeState(r))
	}
	must(t, into.DecodeColumn(r, c.Rows()))
	if _, err := r.Byte(); err == nil {
		t.Fatal("bytes are left behind the column")
	}
	if c.Type() != into.Type() && c.Type().Base() != proto.ColumnTypeDecimal {
		t.Errorf("type %s, read as %s", c.Type(), into.Type())
	}
}

// TestDictionaries crosses the widths of keys, and empties the column between.
func TestDictionaries(t *testing.T) {
	table := &schema.Table{Name: "t", Columns: []schema.Column{{Name: "w", Type: schema.LowText}}}
	c := newColumn(table.Columns[0])
	random := rand.New(rand.NewPCG(1, 2))
	for _, different := range []int{1, 255, 256, 257, 65_536, 65_537, 70_000, 3} {
		r := schema.NewRows(table)
		var want []string
		for i := range different + 100 {
			s := fmt.Sprint("w", i)
			if i >= different {
				s = fmt.Sprint("w", random.IntN(different))
			}
			if i == 0 {
				s = ""
			}
			want = append(want, s)
			r.Begin()
			r.String(s)
			r.End()
		}
		c.reset()
		c.take(r, &r.Cols[0], every(r.N))
		got := new(proto.ColStr).LowCardinality()
		decode(t, c, got)
		for i := range want {
			if got.Row(i) != want[i] && !(i >= different && want[i] == "w0") {
				t.Fatalf("%d different: row %d is %q, want %q", different, i, got.Row(i), want[i])
			}
		}
	}
}

func every(n int) []uint32 {
	out := make([]uint32, n)
	for i := range out {
		out[i] = uint32(i)
	}
	return out
}

func TestChosenRowsOnly(t *testing.T) {
	table := &schema.Table{Name: "t", Columns: []schema.Column{
		{Name: "text", Type: schema.Text}, {Name: "n", Type: schema.Int, Nullable: true}, {Name: "f", Type: schema.Float, Nullable: true},
		{Name: "flag", Type: schema.Flag}, {Name: "list", Type: schema.Texts}, {Name: "map", Type: schema.Map}, {Name: "id", Type: schema.UUID, Nullable: true},
	}}
	r := schema.NewRows(table)
	for i := range 4 {
		r.Begin()
		r.String(strings.Repeat("x", 100*i))
		r.Int([]int64{0, schema.Absent, -1, 7}[i])
		r.Float([]float64{1, 2, math.NaN(), 4}[i])
		r.Flag(i%2 == 1)
		r.Texts(i, func(k int) []byte { return []byte{byte('a' + k)} })
		r.Map(i%2, func(int) (key, val []byte) { return []byte("k"), []byte("v") })
		r.UUID(uuid7(march, byte(i)))
		r.End()
	}
	r.Cols[6].Str[1].Len = 0
	columns := make([]*column, len(table.Columns))
	for i, c := range table.Columns {
		columns[i] = newColumn(c)
		columns[i].take(r, &r.Cols[i], []uint32{1})
		columns[i].take(r, &r.Cols[i], []uint32{2, 3})
	}
	text, n, f := new(proto.ColStr), new(proto.ColInt64).Nullable(), new(proto.ColFloat64).Nullable()
	flag, list, id := new(proto.ColBool), new(proto.ColStr).Array(), new(proto.ColUUID).Nullable()
	pairs := proto.NewMap[string, string](new(proto.ColStr), new(proto.ColStr))
	for i, into := range []proto.Column{text, n, f, flag, list, pairs, id} {
		decode(t, columns[i], into)
	}
	got := fmt.Sprint(len(text.Row(0)), len(text.Row(2)), n.Row(0).Set, n.Row(1).Value, n.Row(2).Value, f.Row(0).Value, f.Row(1).Set, f.Row(2).Value,
		flag.Row(0), flag.Row(1), list.Row(0), list.Row(1), list.Row(2), pairs.Row(0), pairs.Row(1), id.Row(0).Set, id.Row(1).Value)
	want := "100 300 false -1 7 2 false 4 true false [a] [a b] [a b c] map[k:v] map[] false " + "019ca6b1-dc00-7000-8000-000000000002"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestTextsOfAnyLength crosses the length from which on a length has two bytes.
func TestTextsOfAnyLength(t *testing.T) {
	table := &schema.Table{Name: "t", Columns: []schema.Column{{Name: "text", Type: schema.Text}, {Name: "n", Type: schema.Int}}}
	for _, lengths := range [][]int{{0, 0, 0}, {1, 0, 127}, {127, 128, 0, 5}, {300, 70_000}} {
		r := schema.NewRows(table)
		for i, n := range lengths {
			r.Begin()
			r.String(strings.Repeat("x", n))
			r.Int([]int64{schema.Absent, math.MaxInt64, -1, 7}[i])
			r.End()
		}
		texts, numbers := newColumn(table.Columns[0]), newColumn(table.Columns[1])
		for range 2 {
			texts.take(r, &r.Cols[0], every(r.N))
			numbers.take(r, &r.Cols[1], every(r.N))
		}
		got, ints := new(proto.ColStr), new(proto.ColInt64)
		decode(t, texts, got)
		decode(t, numbers, ints)
		for i, n := range append(lengths, lengths...) {
			if len(got.Row(i)) != n || strings.Trim(got.Row(i), "x") != "" {
				t.Errorf("%d: text %d has %d bytes, want %d", lengths, i, len(got.Row(i)), n)
			}
			if want := []int64{0, math.MaxInt64, -1, 7}[i%len(lengths)]; ints.Row(i) != want {
				t.Errorf("%d: number %d is %d, want %d", lengths, i, ints.Row(i), want)
			}
		}
	}
}

// TestRoomOfTheNextBlock: a block that is alone in its table begins with the
// room that the one before it took; those of many months do not.
func TestRoomOfTheNextBlock(t *testing.T) {
	table := wide()
	s := newSpares(1 << 20)
	first := s.take(table, true)
	first.columns[0].data = make([]byte, 5000)
	s.note(first)
	s.give(first)
	s.take(table, true) // the memory itself
	if c := s.take(table, true).columns[0]; cap(c.data) < 5000 || len(c.data) != 0 {
		t.Errorf("%d bytes in room for %d", len(c.data), cap(c.data))
	}
	if c := s.take(table, false).columns[0]; cap(c.data) != 0 {
		t.Errorf("a block of a further month begins with room for %d bytes", cap(c.data))
	}
}

// TestSpareBlocksAreBounded: of each table one is kept, and others up to the
// bound of their bytes.
func TestSpareBlocksAreBounded(t *testing.T) {
	s := newSpares(100)
	for _, table := range []*schema.Table{growing, everything} {
		for range 4 {
			s.give(&block{table: table, bytes: 40})
		}
	}
	if is := [2]int{len(s.byTable[growing]), len(s.byTable[everything])}; is != [2]int{2, 1} || s.bytes != 120 {
		t.Errorf("%d blocks are kept, of %d bytes", is, s.bytes)
	}
	s.take(growing, true)
	if s.bytes != 80 || len(s.byTable[growing]) != 1 {
		t.Errorf("%d bytes are kept after one was taken", s.bytes)
	}
}

func TestTakingAllocatesNothing(t *testing.T) {
	table := wide()
	r := wideRows(table)
	b := newBlocks(Limits{RowsMax: 1 << 30, BytesMax: 1 << 40, MemoryMax: 1 << 40}, 1, 1)
	cycle := func() {
		b.add(r)
		b.closeMarked(all(len(b.open)))
		b.spare.give(b.takeClosed()[0])
	}
	cycle()
	// What is left is per batch, not per row.
	if n := testing.AllocsPerRun(3, cycle); n > 20 {
		t.Errorf("%v allocations for %d rows", n, r.N)
	}
}
