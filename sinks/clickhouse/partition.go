package clickhouse

import (
	"encoding/binary"
	"time"

	"touchstream/pipeline/schema"
)

// partitioner tells the month of a table's rows as ClickHouse's toYYYYMM does.
type partitioner struct {
	column int
	uuid   bool
	dayMs  int64 // the beginning of a day
	month  int32 // of that day
}

// The months of tables without partitions, and those to which ClickHouse
// clamps what lies beyond its range.
const (
	noMonth    = 0
	firstMonth = 1900_01
	lastMonth  = 2299_12
)

func newPartitioner(t *schema.Table) partitioner {
	p := partitioner{column: t.Column(t.Partition), month: 1970_01}
	p.uuid = p.column >= 0 && t.Columns[p.column].Type == schema.UUID
	return p
}

func (p *partitioner) of(r *schema.Rows, row int) int32 {
	if p.column < 0 {
		return noMonth
	}
	c, ms := &r.Cols[p.column], int64(0)
	switch {
	case p.uuid && c.Str[row].Len > 0:
		ms = int64(binary.BigEndian.Uint64(r.Bytes(c.Str[row])) >> 16)
	case !p.uuid && c.I64[row] != schema.Absent:
		ms = c.I64[row]
	}
	const dayLength = 86_400_000
	if since := ms - p.dayMs; since < 0 || since >= dayLength {
		day := ms / dayLength
		if ms < day*dayLength {
			day--
		}
		t := time.Unix(day*dayLength/1000, 0).UTC()
		p.dayMs = day * dayLength
		p.month = int32(min(max(t.Year()*100+int(t.Month()), firstMonth), lastMonth))
	}
	return p.month
}
