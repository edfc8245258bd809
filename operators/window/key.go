package window

import (
	"encoding/binary"
	"math"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// appendKey writes the values of a unit's key columns, absent ones included.
func appendKey(dst []byte, keys []operand, b *event.Batch, row, item uint32) []byte {
	var digits [32]byte
	for i := range keys {
		k := &keys[i]
		switch k.kind {
		case event.Text:
			v := k.text(b, row, item, digits[:0])
			dst = binary.AppendUvarint(dst, uint64(len(v)))
			dst = append(dst, v...)
		case event.Float:
			dst = binary.BigEndian.AppendUint64(dst, uint64(sortable(b.Real(k.column, int(row)))))
		default:
			dst = binary.BigEndian.AppendUint64(dst, uint64(k.integer(b, row, item)))
		}
	}
	return dst
}

// writeKey writes the columns of a key that appendKey wrote.
func writeKey(key []byte, keys []operand, out *schema.Rows) {
	for i := range keys {
		k := &keys[i]
		if k.kind == event.Text {
			n, size := binary.Uvarint(key)
			out.Text(key[size : size+int(n)])
			key = key[size+int(n):]
			continue
		}
		v := int64(binary.BigEndian.Uint64(key))
		key = key[8:]
		switch k.columnType() {
		case schema.Float:
			if v == event.Absent {
				out.Float(math.NaN())
			} else {
				out.Float(unsortable(v))
			}
		case schema.Time:
			out.Time(v)
		case schema.Money:
			out.Money(v)
		case schema.Flag:
			out.NullFlag(v)
		default:
			out.Int(v)
		}
	}
}
