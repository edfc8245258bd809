package schema

import (
	"encoding/binary"
	"math"
)

// Packed rows are filled column by column, in a form that can be copied and
// hashed as a whole:
//
//   - A column of a Text is Wire, each text with its length before it as a
//     uvarint, and where each ends in End.
//   - A column of a LowText is Words and the Keys of the rows.
//   - Other columns are as in rows that are not packed.
//   - A column without any value, which is the empty text, Absent, NaN or an
//     empty list, has nothing in any slice.
//
// So equal rows have equal columns, however they were filled. UUID is not among
// the types of packed rows.

// IsBlank reports whether a packed column has no value in any row.
func (d *Data) IsBlank() bool {
	return len(d.End)+len(d.Keys)+len(d.I64)+len(d.F64) == 0
}

// Pad adds n rows without a value to a packed column that is not blank or is to
// be blank no more.
func (d *Data) Pad(t Type, n int) {
	switch t {
	case Text:
		for range n {
			d.Wire = append(d.Wire, 0)
			d.End = append(d.End, uint32(len(d.Wire)))
		}
	case LowText:
		key := d.words().Key(nil)
		for range n {
			d.Keys = append(d.Keys, key)
		}
	case Texts, Moneys, Map:
		last := uint32(d.ends())
		for range n {
			d.End = append(d.End, last)
		}
	case Float:
		for range n {
			d.F64 = append(d.F64, math.NaN())
		}
	default:
		for range n {
			d.I64 = append(d.I64, Absent)
		}
	}
}

// PadValue prepares a packed column with so many rows for values.
func (d *Data) PadValue(t Type, rows int) {
	if rows > 0 && d.IsBlank() {
		d.Pad(t, rows)
	}
}

// PadBlank adds n rows without a value to a packed column.
func (d *Data) PadBlank(t Type, n int) {
	if !d.IsBlank() {
		d.Pad(t, n)
	}
}

// PutWord adds a text to a packed column of LowText.
func (d *Data) PutWord(s []byte) { d.Keys = append(d.Keys, d.words().Key(s)) }

func (d *Data) words() *Words {
	if d.Words == nil {
		d.Words = &Words{}
	}
	return d.Words
}

// PutText adds a text to a packed column of Text.
func (d *Data) PutText(s []byte) {
	d.Wire = append(binary.AppendUvarint(d.Wire, uint64(len(s))), s...)
	d.End = append(d.End, uint32(len(d.Wire)))
}

// PackedText gives the text of row i of a packed column of Text.
func (d *Data) PackedText(i int) []byte {
	from, to := d.Span(i, i+1)
	_, used := binary.Uvarint(d.Wire[from:to])
	return d.Wire[int(from)+used : to]
}

// Span gives the bounds in Wire of the texts of rows from to to-1.
func (d *Data) Span(from, to int) (first, last uint32) {
	if from > 0 {
		first = d.End[from-1]
	}
	if to > 0 {
		last = d.End[to-1]
	}
	return first, last
}

// AppendPacked adds all rows of o, which are packed, to rows that are not. Both
// must be of the same table.
func (r *Rows) AppendPacked(o *Rows) {
	shift := uint32(len(r.Arena))
	r.Arena = append(r.Arena, o.Arena...)
	for i := range r.Cols {
		to, from, t := &r.Cols[i], &o.Cols[i], r.Table.Columns[i].Type
		switch {
		case t == Text || t == LowText:
			r.unpackTexts(to, from, t, o.N)
		case from.IsBlank():
			to.Pad(t, o.N)
		default:
			r.appendColumn(to, from, shift)
		}
	}
	r.N += o.N
}

func (r *Rows) unpackTexts(to, from *Data, t Type, n int) {
	switch {
	case from.IsBlank():
		to.Str = append(to.Str, make([]Str, n)...)
	case t == Text:
		for i := range n {
			to.Str = append(to.Str, r.Put(from.PackedText(i)))
		}
	default:
		texts := make([]Str, from.Words.Len())
		for k := range texts {
			texts[k] = r.Put(from.Words.Text(uint32(k)))
		}
		for _, k := range from.Keys {
			to.Str = append(to.Str, texts[k])
		}
	}
}
