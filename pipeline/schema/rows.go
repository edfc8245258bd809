package schema

import (
	"fmt"
	"math"
)

// Absent is the number, time or amount that is not there.
const Absent = math.MinInt64

// Str is a text in the arena of Rows.
type Str struct{ Off, Len uint32 }

// Data holds one column of Rows. Which slice is used follows from the type:
// Str for Text, LowText and UUID (16 raw bytes, or none), I64 for Time, Money,
// Int, Duration and Flag (0, 1), F64 for Float. List columns hold, per row, the end index of
// its elements in End, the elements in Str (Texts; Map: key, value, key, …) or
// I64 (Moneys). Absent is an empty Str, Absent, or NaN.
type Data struct {
	Str []Str
	I64 []int64
	F64 []float64
	End []uint32

	// Of packed rows.
	Wire  []byte
	Keys  []uint32
	Words *Words
}

// Rows is a columnar batch of one table. A row is written column by column in
// declared order between Begin and End:
//
//	r.Begin()
//	r.UUID(id)
//	r.Text(channel)
//	r.Time(start)
//	r.End()
//
// Writing a wrong type or a wrong number of columns is a programming error and
// panics.
type Rows struct {
	Table *Table
	N     int
	Arena []byte
	Cols  []Data
	// Packed rows are filled by column; see Data.IsBlank.
	Packed bool

	at int
}

// NewRows makes an empty batch for the table.
func NewRows(t *Table) *Rows { return &Rows{Table: t, Cols: make([]Data, len(t.Columns)), at: -1} }

// Reset empties the batch and keeps its memory.
func (r *Rows) Reset() {
	for i := range r.Cols {
		c := &r.Cols[i]
		c.Str, c.I64, c.F64, c.End = c.Str[:0], c.I64[:0], c.F64[:0], c.End[:0]
		c.Wire, c.Keys = c.Wire[:0], c.Keys[:0]
		if c.Words != nil {
			c.Words.Reset()
		}
	}
	r.N, r.Arena, r.at = 0, r.Arena[:0], -1
}

// Begin starts a row.
func (r *Rows) Begin() { r.at = 0 }

// End finishes the row.
func (r *Rows) End() {
	if r.at != len(r.Table.Columns) {
		panic(fmt.Sprintf("%s: row ends after %d of %d columns", r.Table.Name, r.at, len(r.Table.Columns)))
	}
	r.at = -1
	r.N++
}

// types is a set of types, one bit each.
type types uint32

const (
	textTypes  types = 1<<Text | 1<<LowText
	uuidType   types = 1 << UUID
	timeType   types = 1 << Time
	moneyType  types = 1 << Money
	intTypes   types = 1<<Int | 1<<Duration
	floatType  types = 1 << Float
	flagType   types = 1 << Flag
	textsType  types = 1 << Texts
	moneysType types = 1 << Moneys
	mapType    types = 1 << Map
)

// next is the column that is to be written next, which must be of one of the types.
func (r *Rows) next(of types) *Data {
	if of>>r.Table.Columns[r.at].Type&1 == 0 {
		r.panicType()
	}
	r.at++
	return &r.Cols[r.at-1]
}

func (r *Rows) panicType() {
	panic(fmt.Sprintf("%s.%s: value of another type", r.Table.Name, r.Table.Columns[r.at].Name))
}

// Put copies a text into the arena, for filling a column directly.
func (r *Rows) Put(s []byte) Str {
	off := uint32(len(r.Arena))
	r.Arena = append(r.Arena, s...)
	return Str{off, uint32(len(s))}
}

// Text writes a Text or LowText column.
func (r *Rows) Text(s []byte) { c := r.next(textTypes); c.Str = append(c.Str, r.Put(s)) }

// String writes a Text or LowText column.
func (r *Rows) String(s string) {
	c := r.next(textTypes)
	off := uint32(len(r.Arena))
	r.Arena = append(r.Arena, s...)
	c.Str = append(c.Str, Str{off, uint32(len(s))})
}

// UUID writes a UUID column.
func (r *Rows) UUID(id [16]byte) { c := r.next(uuidType); c.Str = append(c.Str, r.Put(id[:])) }

// Time writes a Time column.
func (r *Rows) Time(ms int64) { c := r.next(timeType); c.I64 = append(c.I64, ms) }

// Money writes a Money column.
func (r *Rows) Money(v int64) { c := r.next(moneyType); c.I64 = append(c.I64, v) }

// Int writes an Int or Duration column.
func (r *Rows) Int(v int64) { c := r.next(intTypes); c.I64 = append(c.I64, v) }

// Float writes a Float column; NaN is absent.
func (r *Rows) Float(v float64) { c := r.next(floatType); c.F64 = append(c.F64, v) }

// Flag writes a Flag column.
func (r *Rows) Flag(v bool) {
	c, n := r.next(flagType), int64(0)
	if v {
		n = 1
	}
	c.I64 = append(c.I64, n)
}

// NullFlag writes a nullable Flag column from 0, 1 or Absent.
func (r *Rows) NullFlag(v int64) { c := r.next(flagType); c.I64 = append(c.I64, v) }

// Texts writes a list of n texts.
func (r *Rows) Texts(n int, at func(int) []byte) {
	c := r.next(textsType)
	for i := range n {
		c.Str = append(c.Str, r.Put(at(i)))
	}
	c.End = append(c.End, uint32(len(c.Str)))
}

// Moneys writes a list of n amounts.
func (r *Rows) Moneys(n int, at func(int) int64) {
	c := r.next(moneysType)
	for i := range n {
		c.I64 = append(c.I64, at(i))
	}
	c.End = append(c.End, uint32(len(c.I64)))
}

// Map writes a map of n pairs.
func (r *Rows) Map(n int, at func(int) (key, val []byte)) {
	c := r.next(mapType)
	for i := range n {
		k, v := at(i)
		c.Str = append(c.Str, r.Put(k), r.Put(v))
	}
	c.End = append(c.End, uint32(len(c.Str)))
}

// Bytes gives a text of the arena; valid until Reset.
func (r *Rows) Bytes(s Str) []byte { return r.Arena[s.Off : s.Off+s.Len : s.Off+s.Len] }

// Range gives the bounds of row i's elements in a list column.
func (d *Data) Range(i int) (from, to uint32) {
	if i > 0 {
		from = d.End[i-1]
	}
	return from, d.End[i]
}

// Append adds all rows of o, which must be of the same table. Neither is packed.
func (r *Rows) Append(o *Rows) {
	shift := uint32(len(r.Arena))
	r.Arena = append(r.Arena, o.Arena...)
	for i := range r.Cols {
		r.appendColumn(&r.Cols[i], &o.Cols[i], shift)
	}
	r.N += o.N
}

func (r *Rows) appendColumn(c, s *Data, shift uint32) {
	elements := uint32(max(len(c.Str), len(c.I64)))
	for _, x := range s.Str {
		c.Str = append(c.Str, Str{x.Off + shift, x.Len})
	}
	c.I64 = append(c.I64, s.I64...)
	c.F64 = append(c.F64, s.F64...)
	for _, e := range s.End {
		c.End = append(c.End, e+elements)
	}
}

// Reserve makes room for all rows of others, which are of the same table and
// not packed: appending them one by one moves nothing then.
func (r *Rows) Reserve(others []*Rows) {
	arena := 0
	for _, o := range others {
		arena += len(o.Arena)
	}
	r.Arena = reserve(r.Arena, arena)
	for i := range r.Cols {
		var texts, numbers, floats, ends int
		for _, o := range others {
			c := &o.Cols[i]
			texts, numbers, floats, ends = texts+len(c.Str), numbers+len(c.I64), floats+len(c.F64), ends+len(c.End)
		}
		c := &r.Cols[i]
		c.Str, c.I64, c.F64, c.End = reserve(c.Str, texts), reserve(c.I64, numbers), reserve(c.F64, floats), reserve(c.End, ends)
	}
}

// reserve makes room for n more elements, and for a quarter more than that:
// what comes next is seldom much larger.
func reserve[T any](s []T, n int) []T {
	n += len(s)
	if n <= cap(s) {
		return s
	}
	return append(make([]T, 0, n+n/4), s...)
}

// Truncate takes back the rows from n on; their texts stay in the arena.
func (r *Rows) Truncate(n int) {
	for i := range r.Cols {
		c := &r.Cols[i]
		switch r.Table.Columns[i].Type {
		case Texts, Map:
			c.End = c.End[:n]
			c.Str = c.Str[:c.ends()]
		case Moneys:
			c.End = c.End[:n]
			c.I64 = c.I64[:c.ends()]
		default:
			c.Str, c.I64, c.F64 = c.Str[:min(n, len(c.Str))], c.I64[:min(n, len(c.I64))], c.F64[:min(n, len(c.F64))]
		}
	}
	r.N = n
}

func (d *Data) ends() int {
	if len(d.End) == 0 {
		return 0
	}
	return int(d.End[len(d.End)-1])
}
