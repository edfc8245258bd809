package clickhouse

import (
	"encoding/binary"
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"touchstream/pipeline/schema"
)

// column gathers one column of a block in the native wire format.
type column struct {
	field    string // its name in the table
	typ      schema.Type
	nullable bool
	name     proto.ColumnType // its type on the wire
	rows     int

	nulls []byte // a byte per row, of a nullable column
	ends  []byte // ends of lists and maps, 8 bytes each
	elems int    // elements of lists, pairs of maps
	data  []byte // values; the elements of lists, the keys of maps
	extra []byte // values of maps; the NULL bytes of a list of amounts

	words schema.Words // of LowText
	keys  []uint32
	index []byte   // keys as they go out
	remap []uint32 // key + 1 of the words of packed rows

	// blank is how many rows there are if none has a value: then nothing of them
	// is written above.
	blank int
}

func newColumn(c schema.Column) *column {
	return &column{field: c.Name, typ: c.Type, nullable: isNullable(c), name: proto.ColumnType(columnType(c))}
}

func (c *column) reset() {
	c.rows, c.elems, c.blank = 0, 0, 0
	c.nulls, c.ends, c.data, c.extra = c.nulls[:0], c.ends[:0], c.data[:0], c.extra[:0]
	c.keys, c.index = c.keys[:0], c.index[:0]
	c.words.Reset()
}

// extent is how much a column has gathered.
type extent struct{ nulls, ends, data, extra, keys int }

func (c *column) extent() extent {
	return extent{len(c.nulls), len(c.ends), len(c.data), len(c.extra), len(c.keys)}
}

// grow makes room in an empty column.
func (c *column) grow(e extent) {
	c.nulls, c.ends = slices.Grow(c.nulls, e.nulls), slices.Grow(c.ends, e.ends)
	c.data, c.extra = slices.Grow(c.data, e.data), slices.Grow(c.extra, e.extra)
	c.keys = slices.Grow(c.keys, e.keys)
}

// size is the number of bytes gathered.
func (c *column) size() int {
	return len(c.nulls) + len(c.ends) + len(c.data) + len(c.extra) + len(c.words.Wire) + 4*len(c.keys)
}

// isBlank reports whether no row has a value.
func (c *column) isBlank() bool { return c.blank == c.rows }

// writeBlank writes the rows that have no value, before one that has.
func (c *column) writeBlank() {
	if c.blank > 0 {
		c.pad(c.blank)
		c.blank = 0
	}
}

// pad writes n rows without a value.
func (c *column) pad(n int) {
	if c.nullable {
		nulls := extend(&c.nulls, n)
		for i := range nulls {
			nulls[i] = 1
		}
	}
	switch c.typ {
	case schema.LowText:
		key := c.words.Key(nil)
		for range n {
			c.keys = append(c.keys, key)
		}
	case schema.Texts, schema.Moneys, schema.Map:
		for range n {
			c.ends = binary.LittleEndian.AppendUint64(c.ends, uint64(c.elems))
		}
	default:
		clear(extend(&c.data, widthOf(c.typ)*n))
	}
}

// widthOf is the bytes of a row without a value.
func widthOf(t schema.Type) int {
	switch t {
	case schema.UUID:
		return 16
	case schema.Flag, schema.Text:
		return 1
	}
	return 8
}

func appendText(dst, s []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// Type is the column's type on the wire.
func (c *column) Type() proto.ColumnType { return c.name }

// Rows is the number of rows.
func (c *column) Rows() int { return c.rows }

// EncodeState writes what stands before a dictionary.
func (c *column) EncodeState(b *proto.Buffer) {
	if c.typ == schema.LowText {
		b.PutInt64(1) // the version of dictionaries that come with their keys
	}
}

// parts are the pieces of the column in the order of the wire.
func (c *column) parts() [5][]byte {
	if c.blank > 0 {
		// State may be reading the column, so it stays as it is.
		written := column{typ: c.typ, nullable: c.nullable}
		written.pad(c.blank)
		return written.parts()
	}
	switch c.typ {
	case schema.LowText:
		c.index = appendDictionary(c.index[:0], &c.words, c.keys)
		return [5][]byte{c.index}
	case schema.Moneys:
		return [5][]byte{c.ends, c.extra, c.data}
	case schema.Map:
		return [5][]byte{c.ends, c.data, c.extra}
	}
	return [5][]byte{c.nulls, c.ends, c.data}
}

// EncodeColumn copies the column.
func (c *column) EncodeColumn(b *proto.Buffer) {
	for _, p := range c.parts() {
		b.Buf = append(b.Buf, p...)
	}
}

// WriteColumn lends the column's bytes to the writer until it flushes.
func (c *column) WriteColumn(w *proto.Writer) {
	for _, p := range c.parts() {
		if len(p) > 0 {
			w.ChainWrite(p)
		}
	}
}

// The flags before a dictionary: it comes with its keys and replaces the one
// before. The low byte is the width of the keys.
const dictionaryFlags = 1<<9 | 1<<10

// appendDictionary writes the words and the rows' keys into them.
func appendDictionary(dst []byte, words *schema.Words, keys []uint32) []byte {
	width := uint64(0)
	switch n := words.Len(); {
	case n > 1<<16:
		width = 2
	case n > 1<<8:
		width = 1
	}
	dst = slices.Grow(dst, 3*8+len(words.Wire)+len(keys)<<width)
	dst = binary.LittleEndian.AppendUint64(dst, dictionaryFlags|width)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(words.Len()))
	dst = append(dst, words.Wire...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(keys)))
	to := extend(&dst, len(keys)<<width)
	for i, k := range keys {
		switch width {
		case 0:
			to[i] = byte(k)
		case 1:
			binary.LittleEndian.PutUint16(to[2*i:], uint16(k))
		default:
			binary.LittleEndian.PutUint32(to[4*i:], k)
		}
	}
	return dst
}
