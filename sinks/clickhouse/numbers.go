package clickhouse

import (
	"encoding/binary"

	"github.com/ClickHouse/ch-go/proto"
)

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

// repeat adds the same number so many times.
func (n *numbers) repeat(v uint64, times int) {
	n.rows += times
	to := extend(&n.wire, 8*times)
	for i := range times {
		binary.LittleEndian.PutUint64(to[8*i:], v)
	}
}

// Type is UInt64.
func (n *numbers) Type() proto.ColumnType { return proto.ColumnTypeUInt64 }

// Rows is the number of rows.
func (n *numbers) Rows() int { return n.rows }

// EncodeColumn copies the column.
func (n *numbers) EncodeColumn(b *proto.Buffer) { b.Buf = append(b.Buf, n.wire...) }

// WriteColumn lends the column's bytes to the writer.
func (n *numbers) WriteColumn(w *proto.Writer) { w.ChainWrite(n.wire) }
