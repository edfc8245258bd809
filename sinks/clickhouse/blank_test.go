package clickhouse

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/ClickHouse/ch-go/proto"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline/schema"
)

// sparse has a column of each type that packed rows have.
var sparse = &schema.Table{Name: "sparse", Columns: []schema.Column{
	{Name: "text", Type: schema.Text}, {Name: "low", Type: schema.LowText}, {Name: "n", Type: schema.Int, Nullable: true},
	{Name: "f", Type: schema.Float, Nullable: true}, {Name: "flag", Type: schema.Flag, Nullable: true}, {Name: "at", Type: schema.Time},
	{Name: "list", Type: schema.Texts}, {Name: "prices", Type: schema.Moneys}, {Name: "map", Type: schema.Map},
}}

// addSparse adds a row of which each column has a value or not, the same to
// rows that are packed and to others.
func addSparse(plain, packed *schema.Rows, r *rand.Rand, has func() bool) {
	one := func(packed *schema.Data, t schema.Type, put func(), pack func(*schema.Data)) {
		if has() {
			packed.PadValue(t, plain.N)
			put()
			pack(packed)
			return
		}
		packed.PadBlank(t, 1)
		switch t {
		case schema.Text, schema.LowText:
			plain.Text(nil)
		case schema.Int:
			plain.Int(schema.Absent)
		case schema.Time:
			plain.Time(schema.Absent)
		case schema.Flag:
			plain.NullFlag(schema.Absent)
		case schema.Float:
			plain.Float(math.NaN())
		case schema.Texts:
			plain.Texts(0, nil)
		case schema.Moneys:
			plain.Moneys(0, nil)
		case schema.Map:
			plain.Map(0, nil)
		}
	}
	word := []byte(strings.Repeat("w", 1+r.IntN(200)))
	n, c := r.Int64N(2), packed.Cols
	plain.Begin()
	one(&c[0], schema.Text, func() { plain.Text(word) }, func(d *schema.Data) { d.PutText(word) })
	one(&c[1], schema.LowText, func() { plain.Text(word[:1]) }, func(d *schema.Data) { d.PutWord(word[:1]) })
	number := func(d *schema.Data) { d.I64 = append(d.I64, n) }
	one(&c[2], schema.Int, func() { plain.Int(n) }, number)
	one(&c[3], schema.Float, func() { plain.Float(0.5) }, func(d *schema.Data) { d.F64 = append(d.F64, 0.5) })
	one(&c[4], schema.Flag, func() { plain.NullFlag(n) }, number)
	one(&c[5], schema.Time, func() { plain.Time(n) }, number)
	one(&c[6], schema.Texts, func() { plain.Texts(1, func(int) []byte { return word }) }, func(d *schema.Data) {
		d.Str = append(d.Str, packed.Put(word))
		d.End = append(d.End, uint32(len(d.Str)))
	})
	one(&c[7], schema.Moneys, func() { plain.Moneys(1, func(int) int64 { return n }) }, func(d *schema.Data) {
		d.I64 = append(d.I64, n)
		d.End = append(d.End, uint32(len(d.I64)))
	})
	one(&c[8], schema.Map, func() { plain.Map(1, func(int) (key, val []byte) { return word, word }) }, func(d *schema.Data) {
		d.Str = append(d.Str, packed.Put(word), packed.Put(word))
		d.End = append(d.End, uint32(len(d.Str)))
	})
	plain.End()
	packed.N++
}

// wire is a column as it goes out.
func wire(c *column) []byte {
	var b proto.Buffer
	c.EncodeState(&b)
	c.EncodeColumn(&b)
	return b.Buf
}

// TestPackedAndPlainRowsAreOne: any choice of rows makes the same column,
// whether they are packed, and whether blank columns were left unwritten.
func TestPackedAndPlainRowsAreOne(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for round := range 200 {
		var columns [3][]*column
		for i := range columns {
			for _, c := range sparse.Columns {
				columns[i] = append(columns[i], newColumn(c))
			}
		}
		for range 1 + r.IntN(4) {
			plain, packed := schema.NewRows(sparse), schema.NewRows(sparse)
			packed.Packed = true
			often := r.IntN(3)
			for range 1 + r.IntN(20) {
				addSparse(plain, packed, r, func() bool { return r.IntN(6) < often })
			}
			chosen := every(plain.N)
			if r.IntN(2) == 0 {
				chosen = slices.DeleteFunc(chosen, func(uint32) bool { return r.IntN(3) == 0 })
			}
			for i := range sparse.Columns {
				columns[0][i].take(plain, &plain.Cols[i], chosen)
				columns[1][i].take(packed, &packed.Cols[i], chosen)
				columns[2][i].writeBlank() // nothing is left out from now on
				columns[2][i].take(plain, &plain.Cols[i], chosen)
			}
		}
		for i, c := range sparse.Columns {
			if is, want := columns[0][i], columns[1][i]; is.isBlank() != want.isBlank() || !bytes.Equal(wire(is), wire(want)) {
				t.Fatalf("round %d: %s of packed rows differs", round, c.Name)
			}
			if columns[2][i].writeBlank(); !bytes.Equal(wire(columns[0][i]), wire(columns[2][i])) {
				t.Fatalf("round %d: %s differs where it was blank", round, c.Name)
			}
		}
	}
}

// TestRealBlankColumns: a column without a value is not sent, and has what it
// would have had; where the server has an expression for it, it is sent.
func TestRealBlankColumns(t *testing.T) {
	c := configFor(t, devtest.ClickHouse(t))
	s := opened(t, c, everything)
	must(t, s.conn.Exec(t.Context(), "ALTER TABLE "+c.Database+".everything MODIFY COLUMN channel DEFAULT 'shop', MODIFY COLUMN n_null DEFAULT 5"))
	must(t, s.Close(t.Context()))
	s = opened(t, c, everything)
	r := schema.NewRows(everything)
	r.Begin()
	r.UUID(uuid7(march, 1))
	r.String("")
	r.String("")
	r.Time(schema.Absent)
	r.Time(schema.Absent)
	r.Money(schema.Absent)
	r.Money(schema.Absent)
	r.Int(schema.Absent)
	r.Int(schema.Absent)
	r.Float(math.NaN())
	r.Float(math.NaN())
	r.NullFlag(schema.Absent)
	r.UUID([16]byte{})
	r.Texts(0, nil)
	r.Moneys(0, nil)
	r.Map(0, nil)
	r.Int(1)
	r.Flag(false)
	r.End()
	r.Cols[12].Str[0].Len = 0
	o := s.blocks.spare.take(everything, true)
	o.choose(0, 1)
	s.blocks.gather(o, r)
	var sent []string
	for _, c := range s.sender.columnsOf(o) {
		sent = append(sent, c.field)
	}
	if got := strings.Join(sent, " "); got != "id channel n_null revision is_deleted" {
		t.Errorf("columns %s are sent", got)
	}
	write(t, s, r)
	const want = `["","",0,null,0,null,null,0,0,null,null,null,[],[],{}]`
	if got := ask(t, s.conn, "SELECT toJSONString(tuple(profile_id, channel, toUnixTimestamp(at), at_null, value, value_null, n_null, wait_ms, ratio, ratio_null, flag_null, other, items.sku, items.price, attributes)) FROM "+c.Database+".everything"); strings.TrimSpace(got) != want {
		t.Errorf("the row is\n%s\nwant\n%s", got, want)
	}
}
