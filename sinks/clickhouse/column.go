package clickhouse

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
	"math"
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

	words dictionary // of LowText
	keys  []uint32
	index []byte // keys as they go out
}

func newColumn(c schema.Column) *column {
	return &column{field: c.Name, typ: c.Type, nullable: isNullable(c), name: proto.ColumnType(columnType(c))}
}

func (c *column) reset() {
	c.rows, c.elems = 0, 0
	c.nulls, c.ends, c.data, c.extra = c.nulls[:0], c.ends[:0], c.data[:0], c.extra[:0]
	c.keys, c.index = c.keys[:0], c.index[:0]
	c.words.reset()
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
	return len(c.nulls) + len(c.ends) + len(c.data) + len(c.extra) + len(c.words.wire) + 4*len(c.keys)
}

// take adds the chosen rows of a batch.
func (c *column) take(r *schema.Rows, d *schema.Data, chosen []uint32) {
	c.rows += len(chosen)
	switch c.typ {
	case schema.Text:
		c.takeTexts(r, d, chosen)
	case schema.LowText:
		c.takeWords(r, d, chosen)
	case schema.UUID:
		c.takeUUIDs(r, d, chosen)
	case schema.Float:
		for _, i := range chosen {
			v, null := d.F64[i], byte(0)
			if math.IsNaN(v) || math.IsInf(v, 0) {
				v, null = 0, 1
			}
			c.mark(null)
			c.data = binary.LittleEndian.AppendUint64(c.data, math.Float64bits(v))
		}
	case schema.Flag:
		for _, i := range chosen {
			switch d.I64[i] {
			case schema.Absent:
				c.mark(1)
				c.data = append(c.data, 0)
			case 0:
				c.mark(0)
				c.data = append(c.data, 0)
			default:
				c.mark(0)
				c.data = append(c.data, 1)
			}
		}
	case schema.Texts, schema.Moneys, schema.Map:
		c.takeLists(r, d, chosen)
	default:
		c.takeNumbers(d, chosen)
	}
}

func (c *column) takeNumbers(d *schema.Data, chosen []uint32) {
	data := extend(&c.data, 8*len(chosen))
	for k, i := range chosen {
		v := d.I64[i]
		if v == schema.Absent {
			v = 0
		}
		binary.LittleEndian.PutUint64(data[8*k:], uint64(v))
	}
	if !c.nullable {
		return
	}
	nulls := extend(&c.nulls, len(chosen))
	for k, i := range chosen {
		nulls[k] = 0
		if d.I64[i] == schema.Absent {
			nulls[k] = 1
		}
	}
}

// shortMax is the length up to which a text has a length of one byte.
const shortMax = 1<<7 - 1

// takeTexts looks at the lengths first: many columns have no text at all.
func (c *column) takeTexts(r *schema.Rows, d *schema.Data, chosen []uint32) {
	total, longest := 0, uint32(0)
	for _, i := range chosen {
		n := d.Str[i].Len
		total, longest = total+int(n), max(longest, n)
	}
	switch {
	case total == 0:
		clear(extend(&c.data, len(chosen)))
	case longest <= shortMax:
		to := extend(&c.data, len(chosen)+total)
		for _, i := range chosen {
			s := r.Bytes(d.Str[i])
			to[0] = byte(len(s))
			to = to[1+copy(to[1:], s):]
		}
	default:
		for _, i := range chosen {
			c.data = appendText(c.data, r.Bytes(d.Str[i]))
		}
	}
}

// extend makes a slice longer by n bytes, which it gives.
func extend(s *[]byte, n int) []byte {
	before := len(*s)
	*s = slices.Grow(*s, n)[:before+n]
	return (*s)[before:]
}

func (c *column) mark(null byte) {
	if c.nullable {
		c.nulls = append(c.nulls, null)
	}
}

// takeUUIDs turns each half around: the wire has two little-endian words.
func (c *column) takeUUIDs(r *schema.Rows, d *schema.Data, chosen []uint32) {
	for _, i := range chosen {
		if d.Str[i].Len == 0 {
			c.mark(1)
			c.data = append(c.data, make([]byte, 16)...)
			continue
		}
		c.mark(0)
		id := r.Bytes(d.Str[i])
		c.data = binary.LittleEndian.AppendUint64(c.data, binary.BigEndian.Uint64(id))
		c.data = binary.LittleEndian.AppendUint64(c.data, binary.BigEndian.Uint64(id[8:]))
	}
}

func (c *column) takeWords(r *schema.Rows, d *schema.Data, chosen []uint32) {
	for _, i := range chosen {
		c.keys = append(c.keys, c.words.key(r.Bytes(d.Str[i])))
	}
}

func (c *column) takeLists(r *schema.Rows, d *schema.Data, chosen []uint32) {
	for _, i := range chosen {
		from, to := d.Range(int(i))
		switch c.typ {
		case schema.Texts:
			for k := from; k < to; k++ {
				c.data = appendText(c.data, r.Bytes(d.Str[k]))
			}
			c.elems += int(to - from)
		case schema.Moneys:
			for k := from; k < to; k++ {
				v, null := d.I64[k], byte(0)
				if v == schema.Absent {
					v, null = 0, 1
				}
				c.extra = append(c.extra, null)
				c.data = binary.LittleEndian.AppendUint64(c.data, uint64(v))
			}
			c.elems += int(to - from)
		case schema.Map:
			for k := from; k+1 < to; k += 2 {
				c.data = appendText(c.data, r.Bytes(d.Str[k]))
				c.extra = appendText(c.extra, r.Bytes(d.Str[k+1]))
			}
			c.elems += int(to-from) / 2
		}
		c.ends = binary.LittleEndian.AppendUint64(c.ends, uint64(c.elems))
	}
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
	switch c.typ {
	case schema.LowText:
		c.index = c.words.appendColumn(c.index[:0], c.keys)
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

// numbers is a UInt64 column of the sink's own.
type numbers struct {
	rows int
	wire []byte
}

func (n *numbers) reset() { n.rows, n.wire = 0, n.wire[:0] }

func (n *numbers) add(v uint64) {
	n.rows++
	n.wire = binary.LittleEndian.AppendUint64(n.wire, v)
}

// Type is UInt64.
func (n *numbers) Type() proto.ColumnType { return proto.ColumnTypeUInt64 }

// Rows is the number of rows.
func (n *numbers) Rows() int { return n.rows }

// EncodeColumn copies the column.
func (n *numbers) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, n.wire...) }

// WriteColumn lends the column's bytes to the writer.
func (n *numbers) WriteColumn(w *proto.Writer) { w.ChainWrite(n.wire) }

// dictionary numbers the different texts of a column of a block: open
// addressing over the wire form of the texts.
type dictionary struct {
	seed  maphash.Seed
	slots []uint32 // key + 1; 0 is free
	from  []uint32 // where the text of each key begins in wire
	to    []uint32
	wire  []byte // texts with their lengths
	last  uint32
}

func (d *dictionary) reset() {
	clear(d.slots)
	d.from, d.to, d.wire, d.last = d.from[:0], d.to[:0], d.wire[:0], 0
}

func (d *dictionary) text(key uint32) []byte { return d.wire[d.from[key]:d.to[key]] }

// key numbers a text.
func (d *dictionary) key(s []byte) uint32 {
	if len(d.from) > 0 && bytes.Equal(d.text(d.last), s) {
		return d.last
	}
	if 2*(len(d.from)+1) > len(d.slots) {
		d.grow()
	}
	mask := uint64(len(d.slots) - 1)
	for at := maphash.Bytes(d.seed, s) & mask; ; at = (at + 1) & mask {
		slot := d.slots[at]
		if slot == 0 {
			d.wire = binary.AppendUvarint(d.wire, uint64(len(s)))
			d.from = append(d.from, uint32(len(d.wire)))
			d.wire = append(d.wire, s...)
			d.to = append(d.to, uint32(len(d.wire)))
			d.last = uint32(len(d.from) - 1)
			d.slots[at] = d.last + 1
			return d.last
		}
		if bytes.Equal(d.text(slot-1), s) {
			d.last = slot - 1
			return d.last
		}
	}
}

func (d *dictionary) grow() {
	if len(d.slots) == 0 {
		d.seed = maphash.MakeSeed()
	}
	d.slots = make([]uint32, max(64, 2*len(d.slots)))
	mask := uint64(len(d.slots) - 1)
	for key := range d.from {
		at := maphash.Bytes(d.seed, d.text(uint32(key))) & mask
		for d.slots[at] != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = uint32(key) + 1
	}
}

// The flags before a dictionary: it comes with its keys and replaces the one
// before. The low byte is the width of the keys.
const dictionaryFlags = 1<<9 | 1<<10

// appendColumn writes the dictionary and the rows' keys into it.
func (d *dictionary) appendColumn(dst []byte, keys []uint32) []byte {
	width := uint64(0)
	switch n := len(d.from); {
	case n > 1<<16:
		width = 2
	case n > 1<<8:
		width = 1
	}
	dst = binary.LittleEndian.AppendUint64(dst, dictionaryFlags|width)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(d.from)))
	dst = append(dst, d.wire...)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(len(keys)))
	for _, k := range keys {
		switch width {
		case 0:
			dst = append(dst, byte(k))
		case 1:
			dst = binary.LittleEndian.AppendUint16(dst, uint16(k))
		default:
			dst = binary.LittleEndian.AppendUint32(dst, k)
		}
	}
	return dst
}
