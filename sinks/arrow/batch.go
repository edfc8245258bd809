package arrow

import (
	"bytes"
	"math"
	"unicode/utf8"

	"github.com/apache/arrow/go/v15/arrow"
	"github.com/apache/arrow/go/v15/arrow/array"
	"github.com/apache/arrow/go/v15/arrow/decimal128"
	"github.com/apache/arrow/go/v15/arrow/memory"

	"touchstream/pipeline/schema"
)

// batch gathers the rows of a row group.
type batch struct {
	table   *schema.Table
	builder *array.RecordBuilder // with keys in place of dictionaries
	words   []*words             // by column; nil if it has no dictionary
	rows    int
	bytes   int
	text    []byte
}

func newBatch(t *schema.Table) *batch {
	b := &batch{table: t, builder: array.NewRecordBuilder(memory.DefaultAllocator, bareSchema(t))}
	for _, c := range t.Columns {
		var w *words
		if c.Type == schema.LowText {
			w = &words{keys: map[string]int32{}}
		}
		b.words = append(b.words, w)
	}
	return b
}

// add takes all rows.
func (b *batch) add(r *schema.Rows) {
	for i, c := range b.table.Columns {
		b.column(b.builder.Field(i), c, r, &r.Cols[i], b.words[i])
	}
	b.rows += r.N
	b.bytes += len(r.Arena) + 8*r.N*len(b.table.Columns)
}

// take gives the gathered rows, which the caller releases, and starts anew.
func (b *batch) take() arrow.Record {
	b.rows, b.bytes = 0, 0
	return b.builder.NewRecord()
}

func (b *batch) column(to array.Builder, c schema.Column, r *schema.Rows, d *schema.Data, w *words) {
	to.Reserve(r.N)
	switch to := to.(type) {
	case *array.Int32Builder:
		for _, s := range d.Str {
			to.Append(w.key(valid(r.Bytes(s))))
		}
	case *array.StringBuilder:
		b.texts(to, c, r, d)
	case *array.Float64Builder:
		for _, v := range d.F64 {
			isAbsent := math.IsNaN(v) || math.IsInf(v, 0)
			switch {
			case !isAbsent:
				to.Append(v)
			case isNullable(c):
				to.AppendNull()
			default:
				to.Append(0)
			}
		}
	case *array.ListBuilder:
		b.lists(to, r, d)
	case *array.MapBuilder:
		b.maps(to, r, d)
	default:
		b.numbers(to, isNullable(c), d.I64)
	}
}

func (b *batch) texts(to *array.StringBuilder, c schema.Column, r *schema.Rows, d *schema.Data) {
	for _, s := range d.Str {
		switch {
		case c.Type != schema.UUID:
			to.BinaryBuilder.Append(valid(r.Bytes(s)))
		case s.Len > 0:
			b.text = appendUUID(b.text[:0], r.Bytes(s))
			to.BinaryBuilder.Append(b.text)
		case isNullable(c):
			to.AppendNull()
		default:
			to.BinaryBuilder.Append(nil)
		}
	}
}

func (b *batch) numbers(to array.Builder, nullable bool, values []int64) {
	for _, v := range values {
		if v == schema.Absent {
			if nullable {
				to.AppendNull()
				continue
			}
			v = 0
		}
		switch to := to.(type) {
		case *array.Int64Builder:
			to.Append(v)
		case *array.TimestampBuilder:
			to.Append(arrow.Timestamp(v))
		case *array.Decimal128Builder:
			to.Append(decimal128.FromI64(v))
		case *array.BooleanBuilder:
			to.Append(v != 0)
		}
	}
}

func (b *batch) lists(to *array.ListBuilder, r *schema.Rows, d *schema.Data) {
	for i := range r.N {
		from, end := d.Range(i)
		to.Append(true)
		switch items := to.ValueBuilder().(type) {
		case *array.StringBuilder:
			for _, s := range d.Str[from:end] {
				items.BinaryBuilder.Append(valid(r.Bytes(s)))
			}
		default:
			b.numbers(items, true, d.I64[from:end])
		}
	}
}

func (b *batch) maps(to *array.MapBuilder, r *schema.Rows, d *schema.Data) {
	keys, values := to.KeyBuilder().(*array.StringBuilder), to.ItemBuilder().(*array.StringBuilder)
	for i := range r.N {
		from, end := d.Range(i)
		to.Append(true)
		for k := from; k+1 < end; k += 2 {
			keys.BinaryBuilder.Append(valid(r.Bytes(d.Str[k])))
			values.BinaryBuilder.Append(valid(r.Bytes(d.Str[k+1])))
		}
	}
}

// valid gives the text with U+FFFD in place of bytes that are not UTF-8, which
// the type utf8 does not allow.
func valid(s []byte) []byte {
	if utf8.Valid(s) {
		return s
	}
	return bytes.ToValidUTF8(s, []byte("\uFFFD"))
}

func appendUUID(dst, id []byte) []byte {
	const digits = "0123456789abcdef"
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			dst = append(dst, '-')
		}
		dst = append(dst, digits[b>>4], digits[b&15])
	}
	return dst
}

// words numbers the different texts of a column.
type words struct {
	list []string
	keys map[string]int32
	last int32
}

func (w *words) key(s []byte) int32 {
	if len(w.list) > 0 && w.list[w.last] == string(s) {
		return w.last
	}
	k, ok := w.keys[string(s)]
	if !ok {
		k = int32(len(w.list))
		w.list = append(w.list, string(s))
		w.keys[w.list[k]] = k
	}
	w.last = k
	return k
}

func (w *words) reset() {
	clear(w.keys)
	w.list, w.last = w.list[:0], 0
}

// array is the dictionary as it is by now.
func (w *words) array() arrow.Array {
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(w.list, nil)
	return b.NewArray()
}

// dictionaries are those of all columns, nil where there is none.
func (b *batch) dictionaries() []arrow.Array {
	out := make([]arrow.Array, len(b.words))
	for i, w := range b.words {
		if w != nil {
			out[i] = w.array()
		}
	}
	return out
}

// dress gives the record with dictionaries in place of bare keys.
func dress(s *arrow.Schema, bare arrow.Record, dictionaries []arrow.Array) arrow.Record {
	columns := make([]arrow.Array, bare.NumCols())
	for i := range columns {
		columns[i] = bare.Column(i)
		if dictionaries[i] != nil {
			columns[i] = array.NewDictionaryArray(dictionaryType, bare.Column(i), dictionaries[i])
			defer columns[i].Release()
		}
	}
	return array.NewRecord(s, columns, bare.NumRows())
}

func releaseAll(arrays []arrow.Array) {
	for _, a := range arrays {
		if a != nil {
			a.Release()
		}
	}
}
