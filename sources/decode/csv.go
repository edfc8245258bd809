package decode

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"

	"touchstream/pipeline/event"
)

// Cells walks over the cells of one csv record (RFC 4180). A quote opens a cell
// only at its start, elsewhere it is text; "" in a quoted cell is one quote.
type Cells struct {
	data  []byte
	pos   int
	delim byte
	done  bool
	bad   string
}

// Reset starts at data[pos:], a record without its line break. Offsets of cells
// are offsets in data.
func (c *Cells) Reset(data []byte, pos int, delim byte) {
	*c = Cells{data: data, pos: pos, delim: delim}
}

// Fault says what is wrong; empty if nothing is.
func (c *Cells) Fault() string { return c.bad }

// Next takes the next cell as a String; of a quoted one what stands between the
// quotes. A dirty cell holds "" or bytes that are not UTF-8: CellText writes it
// out. It is false behind the last cell and at a fault.
func (c *Cells) Next() (v Value, ok bool) {
	if c.done {
		return Value{}, false
	}
	if c.pos < len(c.data) && c.data[c.pos] == '"' {
		return c.quoted()
	}
	d, start := c.data, c.pos
	i, wide := start, uint64(0)
	pattern := ones * uint64(c.delim)
	for i+8 <= len(d) {
		w := binary.LittleEndian.Uint64(d[i:])
		wide |= w
		x := w ^ pattern
		if m := (x - ones) &^ x & highs; m != 0 {
			i += bits.TrailingZeros64(m) >> 3
			break
		}
		i += 8
	}
	for i < len(d) && d[i] != c.delim {
		wide |= uint64(d[i])
		i++
	}
	v = Value{Off: uint32(start), Len: uint32(i - start), Kind: String}
	if wide&highs != 0 && !utf8.Valid(d[start:i]) {
		v.Dirty = true
	}
	c.end(i)
	return v, true
}

// end steps over the delimiter at i or ends the record there.
func (c *Cells) end(i int) {
	if i >= len(c.data) {
		c.done = true
	}
	c.pos = i + 1
}

func (c *Cells) quoted() (v Value, ok bool) {
	d, i := c.data, c.pos+1
	start, dirty := i, false
	for {
		for i < len(d) && d[i] != '"' {
			i++
		}
		if i >= len(d) {
			c.bad, c.done = "a quoted cell does not end", true
			return Value{}, false
		}
		if i+1 >= len(d) || d[i+1] != '"' {
			break
		}
		dirty = true
		i += 2
	}
	v = Value{Off: uint32(start), Len: uint32(i - start), Kind: String, Dirty: dirty || !utf8.Valid(d[start:i]), Quoted: true}
	if i+1 < len(d) && d[i+1] != c.delim {
		c.bad, c.done = "text follows the closing quote of a cell", true
		return Value{}, false
	}
	c.end(i + 1)
	return v, true
}

// CellText gives a cell's text, which must be of the batch's arena; a dirty one
// is written out at the arena's end. A cell of blanks alone is absent.
func CellText(b *event.Batch, v Value) event.Str {
	if IsBlank(b.Arena[v.Off : v.Off+v.Len]) {
		return event.Str{}
	}
	if !v.Dirty {
		return event.Str{Off: v.Off, Len: v.Len}
	}
	off := len(b.Arena)
	b.Arena = AppendCell(b.Arena, b.Arena[v.Off:v.Off+v.Len], v.Quoted)
	return event.Str{Off: uint32(off), Len: uint32(len(b.Arena) - off)}
}

// AppendCell appends what a dirty cell stands for.
func AppendCell(dst, src []byte, quoted bool) []byte {
	for len(src) > 0 {
		if quoted && src[0] == '"' {
			src = src[1:] // of each pair the second one stays
		}
		r, n := utf8.DecodeRune(src)
		dst, src = utf8.AppendRune(dst, r), src[n:]
	}
	return dst
}

// IsBlank reports whether s holds nothing but blanks.
func IsBlank(s []byte) bool {
	for _, c := range s {
		if !isBlank(c) {
			return false
		}
	}
	return true
}
