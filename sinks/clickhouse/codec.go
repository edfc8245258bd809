package clickhouse

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/ClickHouse/ch-go/proto"

	"touchstream/pipeline/schema"
)

// errMalformed says that bytes are not what an encoder wrote.
var errMalformed = errors.New("malformed")

// encoder writes numbers and texts; the first error stays.
type encoder struct {
	w     io.Writer
	small []byte
	err   error
}

func (e *encoder) raw(b []byte) {
	if e.err == nil {
		_, e.err = e.w.Write(b)
	}
}

func (e *encoder) uint(v uint64) {
	e.small = binary.AppendUvarint(e.small[:0], v)
	e.raw(e.small)
}

func (e *encoder) bytes(b []byte) {
	e.uint(uint64(len(b)))
	e.raw(b)
}

func (e *encoder) text(s string) { e.bytes([]byte(s)) }

// decoder reads what an encoder wrote; the first error stays, and what is read
// after it is empty. Bytes are not copied.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) fail() {
	d.b = nil
	if d.err == nil {
		d.err = errMalformed
	}
}

func (d *decoder) uint() uint64 {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.b = d.b[n:]
	return v
}

// count reads a number of things of which each takes a byte or more.
func (d *decoder) count() int {
	n := d.uint()
	if n > uint64(len(d.b)) {
		d.fail()
		return 0
	}
	return int(n)
}

// bytes gives a slice whose capacity ends with it, so that it can be appended
// to.
func (d *decoder) bytes() []byte {
	n := d.count()
	out := d.b[:n:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) text() string { return string(d.bytes()) }

// encode writes the block with the names and types of its columns.
func (o *block) encode(e *encoder) {
	e.text(o.table.Name)
	e.uint(uint64(o.month))
	e.uint(o.number)
	e.uint(uint64(o.rows))
	e.bytes(o.version.wire)
	e.uint(uint64(len(o.columns)))
	for _, c := range o.columns {
		e.text(c.field)
		e.text(string(c.name))
		c.encode(e)
	}
}

func (c *column) encode(e *encoder) {
	e.uint(uint64(c.blank))
	e.uint(uint64(c.elems))
	for _, b := range [][]byte{c.nulls, c.ends, c.data, c.extra, c.words.Wire} {
		e.bytes(b)
	}
	const chunk = 1 << 12
	buf := make([]byte, 0, 4*min(chunk, len(c.keys)))
	e.uint(uint64(4 * len(c.keys)))
	for keys := range slices.Chunk(c.keys, chunk) {
		buf = buf[:0]
		for _, k := range keys {
			buf = binary.LittleEndian.AppendUint32(buf, k)
		}
		e.raw(buf)
	}
}

// decodeBlock reads a block of one of the tables. It keeps parts of the bytes.
// The columns are those of the block, whatever the table's are now.
func decodeBlock(d *decoder, tables []*schema.Table) (*block, error) {
	name := d.text()
	o := &block{month: int32(d.uint()), number: d.uint(), rows: int(d.uint())}
	if d.err != nil || o.rows < 0 || o.rows > len(d.b) {
		return nil, errMalformed
	}
	if o.table = tableNamed(tables, name); o.table == nil {
		return nil, unknownTable(name)
	}
	o.version = numbers{rows: o.rows, wire: d.bytes()}
	o.bytes = int64(8 * o.rows)
	for range d.count() {
		field, wire := d.text(), d.text()
		typ, nullable, ok := typeOf(wire)
		if !ok {
			return nil, errMalformed
		}
		c := newColumn(schema.Column{Name: field, Type: typ, Nullable: nullable})
		if !c.decode(d, o.rows) {
			return nil, errMalformed
		}
		o.columns = append(o.columns, c)
		o.bytes += int64(c.size())
	}
	if d.err != nil || len(o.version.wire) != 8*o.rows {
		return nil, errMalformed
	}
	if o.number != 0 {
		o.id.repeat(o.number, o.rows)
	}
	return o, nil
}

// decode reads the column's rows and reports whether they fit together.
func (c *column) decode(d *decoder, rows int) bool {
	c.rows, c.blank, c.elems = rows, int(d.uint()), int(d.uint())
	for _, b := range []*[]byte{&c.nulls, &c.ends, &c.data, &c.extra} {
		*b = d.bytes()
	}
	words, keys := d.bytes(), d.bytes()
	if d.err != nil || len(keys)%4 != 0 || !c.words.Load(words) {
		return false
	}
	c.keys = make([]uint32, 0, len(keys)/4)
	for len(keys) > 0 {
		k := binary.LittleEndian.Uint32(keys)
		if int(k) >= c.words.Len() {
			return false
		}
		c.keys = append(c.keys, k)
		keys = keys[4:]
	}
	return c.fits()
}

// fits compares the lengths of the column's pieces.
func (c *column) fits() bool {
	if c.blank != 0 {
		return c.isBlank() && c.size() == 0 && c.elems == 0
	}
	width, lists, nulls, words := 0, 0, 0, 0
	switch c.typ {
	case schema.LowText:
		words = c.rows
	case schema.Texts, schema.Moneys, schema.Map:
		lists = 8 * c.rows
	case schema.UUID:
		width = 16
	case schema.Flag:
		width = 1
	case schema.Text:
	default:
		width = 8
	}
	if c.nullable {
		nulls = c.rows
	}
	if c.typ == schema.Moneys && (c.elems < 0 || len(c.extra) != c.elems || len(c.data) != 8*c.elems) {
		return false
	}
	return len(c.ends) == lists && len(c.nulls) == nulls && len(c.keys) == words && (width == 0 || len(c.data) == width*c.rows)
}

// typeOf is the type that columns of a type on the wire have.
func typeOf(wire string) (typ schema.Type, nullable, ok bool) {
	for i := range columnTypes {
		for _, null := range []bool{false, true} {
			c := schema.Column{Type: schema.Type(i), Nullable: null}
			if columnType(c) == wire {
				return c.Type, isNullable(c), true
			}
		}
	}
	return 0, false, false
}

// isDeclared reports whether the block's columns are those of its table.
func (o *block) isDeclared() bool {
	return slices.EqualFunc(o.columns, o.table.Columns, func(c *column, want schema.Column) bool {
		return c.field == want.Name && c.name == proto.ColumnType(columnType(want))
	})
}

func tableNamed(tables []*schema.Table, name string) *schema.Table {
	if i := slices.IndexFunc(tables, func(t *schema.Table) bool { return t.Name == name }); i >= 0 {
		return tables[i]
	}
	return nil
}

func unknownTable(name string) error {
	return fmt.Errorf("the state has rows for table %s, which this sink does not get any more: start the former configuration once and let it deliver them", name)
}
