package schema

import (
	"fmt"
	"math"

	"touchstream/pipeline/codec"
)

// AppendTo appends all rows, with the names and types of their columns and only
// the texts that they use.
func (r *Rows) AppendTo(dst []byte) []byte {
	dst = codec.AppendText(dst, r.Table.Name)
	dst = codec.AppendUint(dst, len(r.Cols))
	for _, c := range r.Table.Columns {
		dst = codec.AppendText(dst, c.Name)
		dst = append(dst, byte(c.Type))
	}
	dst = codec.AppendUint(dst, r.N)
	for i := range r.Cols {
		c := &r.Cols[i]
		dst = codec.AppendUint(dst, len(c.Str))
		dst = codec.AppendUint(dst, len(c.I64))
		total := 0
		for _, s := range c.Str {
			total += int(s.Len)
		}
		dst = codec.AppendUint(dst, total)
		for _, s := range c.Str {
			dst = codec.AppendAll(dst, []uint32{s.Len})
		}
		for _, s := range c.Str {
			dst = append(dst, r.Arena[s.Off:s.Off+s.Len]...)
		}
		dst = codec.AppendAll(dst, c.I64)
		dst = codec.AppendAll(dst, c.F64)
		dst = codec.AppendAll(dst, c.End)
	}
	return dst
}

// Load replaces the rows by those that AppendTo gave, which must be of the same
// table with the same columns. An error leaves none, and names the column.
func (r *Rows) Load(src []byte) error {
	r.Reset()
	in := codec.NewReader(src)
	r.checkTable(in)
	r.N = in.Count(1)
	for i := range r.Cols {
		if in.Err() == nil {
			r.loadColumn(in, i)
		}
	}
	if err := in.End(); err != nil {
		r.Reset()
		return fmt.Errorf("rows of %s: %w", r.Table.Name, err)
	}
	return nil
}

func (r *Rows) checkTable(in *codec.Reader) {
	if name := in.Text(); in.Err() == nil && name != r.Table.Name {
		in.Fail("they are of table %q", name)
	}
	n := in.Count(2)
	for i := range max(n, len(r.Cols)) {
		switch {
		case in.Err() != nil:
			return
		case i >= n:
			in.Fail("column %s was not saved", r.Table.Columns[i].Name)
			return
		}
		name := in.Text()
		kind := in.Bytes(1)
		switch {
		case in.Err() != nil:
		case i >= len(r.Cols):
			in.Fail("column %q was saved, and the table has none", name)
		case name != r.Table.Columns[i].Name:
			in.Fail("column %q was saved where the table has %s", name, r.Table.Columns[i].Name)
		case Type(kind[0]) != r.Table.Columns[i].Type:
			in.Fail("column %s was saved with another type", name)
		}
	}
}

// loadColumn reads a column and checks that it has what its type asks for.
func (r *Rows) loadColumn(in *codec.Reader, i int) {
	c, column := &r.Cols[i], &r.Table.Columns[i]
	texts, numbers := in.Count(4), in.Count(8)
	floats, ends := 0, 0
	isRight := texts == 0 || numbers == 0
	switch column.Type {
	case Text, LowText, UUID:
		isRight = isRight && texts == r.N
	case Float:
		floats = r.N
		isRight = texts+numbers == 0
	case Texts, Map:
		ends = r.N
		isRight = numbers == 0
	case Moneys:
		ends = r.N
		isRight = texts == 0
	default:
		isRight = isRight && numbers == r.N
	}
	if !isRight {
		in.Fail("column %s has %d texts and %d numbers for %d rows", column.Name, texts, numbers, r.N)
		return
	}
	r.loadTexts(in, c, column, texts)
	c.I64 = codec.All(in, c.I64, numbers)
	c.F64 = codec.All(in, c.F64, floats)
	c.End = codec.All(in, c.End, ends)
	last := uint32(0)
	for _, e := range c.End {
		if e < last || column.Type == Map && e%2 != 0 {
			in.Fail("column %s has lists that do not fit", column.Name)
			return
		}
		last = e
	}
	if ends > 0 && int(last) != texts+numbers || ends == 0 && column.Type >= Texts && texts+numbers > 0 {
		in.Fail("column %s has elements of no row", column.Name)
	}
}

func (r *Rows) loadTexts(in *codec.Reader, c *Data, column *Column, n int) {
	total := in.Count(1)
	lengths := codec.All(in, []uint32(nil), n)
	texts := in.Bytes(total)
	if in.Err() != nil {
		return
	}
	if len(r.Arena)+total > math.MaxUint32 {
		in.Fail("column %s has too many bytes", column.Name)
		return
	}
	at := len(r.Arena)
	for _, l := range lengths {
		if int(l) > total || column.Type == UUID && l != 0 && l != 16 {
			in.Fail("column %s has a text of %d bytes that does not fit", column.Name, l)
			return
		}
		c.Str = append(c.Str, Str{uint32(at), l})
		at, total = at+int(l), total-int(l)
	}
	if total != 0 {
		in.Fail("column %s has bytes of no text", column.Name)
		return
	}
	r.Arena = append(r.Arena, texts...)
}
