package clickhouse

import (
	"slices"

	"touchstream/pipeline/schema"
)

// openMax bounds the blocks that gather rows; over it the oldest is closed.
const openMax = 256

// block is the rows of one insert: of one table and one month.
type block struct {
	table   *schema.Table
	month   int32
	rows    int
	bytes   int64
	columns []*column
	version numbers
	chosen  []uint32 // rows of the batch at hand

	number  uint64  // given when the block is closed
	id      numbers // the number as column _block
	attempt int
	// doubtful is the query of a former attempt whose end is unknown.
	doubtful string
}

// blocks gathers rows and decides when a block is closed.
type blocks struct {
	limits Limits
	stamp  uint64   // generation and run of _block
	high   uint64   // generation of _version
	open   []*block // the one used last is first
	closed []*block // in the order of closing
	bytes  int64    // of open and closed ones
	number uint32   // of the last block closed
	spare  map[*schema.Table]*block
	months map[*schema.Table]*partitioner
}

func newBlocks(l Limits, generation, run uint32) *blocks {
	return &blocks{
		limits: l,
		stamp:  uint64(generation&0xfff)<<52 | uint64(run&0xfffff)<<32,
		high:   uint64(generation) << 32,
		spare:  map[*schema.Table]*block{},
		months: map[*schema.Table]*partitioner{},
	}
}

// add gathers a batch and closes the blocks that are full.
func (b *blocks) add(r *schema.Rows) {
	months := b.months[r.Table]
	if months == nil {
		p := newPartitioner(r.Table)
		months = &p
		b.months[r.Table] = months
	}
	var touched []*block
	for i := range r.N {
		o := b.openFor(r.Table, months.of(r, i))
		if len(o.chosen) == 0 {
			touched = append(touched, o)
		}
		o.chosen = append(o.chosen, uint32(i))
		if o.rows+len(o.chosen) == b.limits.RowsMax {
			b.gather(o, r)
			b.close(o)
		}
	}
	for _, o := range touched {
		if len(o.chosen) > 0 {
			b.gather(o, r)
		}
	}
	b.closeFull()
}

// openFor finds the open block of a month.
func (b *blocks) openFor(t *schema.Table, month int32) *block {
	for i, o := range b.open {
		if o.table == t && o.month == month {
			if i > 0 {
				copy(b.open[1:i+1], b.open[:i])
				b.open[0] = o
			}
			return o
		}
	}
	o := b.spare[t]
	if o == nil {
		o = &block{table: t}
		for _, c := range t.Columns {
			o.columns = append(o.columns, newColumn(c))
		}
	}
	delete(b.spare, t)
	o.month = month
	b.open = slices.Insert(b.open, 0, o)
	return o
}

// gather moves the chosen rows of the batch into the block.
func (b *blocks) gather(o *block, r *schema.Rows) {
	before := o.bytes
	o.bytes = int64(8 * (o.rows + len(o.chosen)))
	for i, c := range o.columns {
		c.take(r, &r.Cols[i], o.chosen)
		o.bytes += int64(c.size())
	}
	revision := r.Table.Column("revision")
	for _, i := range o.chosen {
		v := b.high
		if revision >= 0 {
			v |= uint64(uint32(r.Cols[revision].I64[i]))
		}
		o.version.add(v)
	}
	o.rows += len(o.chosen)
	o.chosen = o.chosen[:0]
	b.bytes += o.bytes - before
}

// closeFull closes what the limits demand. That a block closes is decided here,
// in close's callers in this file, and nowhere else.
func (b *blocks) closeFull() {
	for _, o := range slices.Clone(b.open) {
		if o.bytes >= b.limits.BytesMax {
			b.close(o)
		}
	}
	for len(b.open) > openMax {
		b.close(b.open[len(b.open)-1])
	}
	if b.bytes > b.limits.MemoryMax {
		b.closeAll()
	}
}

// closeAll closes every block, the one that was used longest ago first.
func (b *blocks) closeAll() {
	for _, o := range slices.Backward(slices.Clone(b.open)) {
		b.close(o)
	}
}

func (b *blocks) close(o *block) {
	b.number++
	o.number = b.stamp | uint64(b.number)
	for range o.rows {
		o.id.add(o.number)
	}
	b.open = slices.DeleteFunc(b.open, func(x *block) bool { return x == o })
	b.closed = append(b.closed, o)
}

// next is the closed block that must go out first, nil if there is none.
func (b *blocks) next() *block {
	if len(b.closed) == 0 {
		return nil
	}
	return b.closed[0]
}

// delivered forgets the block that next gave and keeps its memory for another.
func (b *blocks) delivered() {
	o := b.closed[0]
	b.closed = slices.Delete(b.closed, 0, 1)
	b.bytes -= o.bytes
	for _, c := range o.columns {
		c.reset()
	}
	o.version.reset()
	o.id.reset()
	o.rows, o.bytes, o.number, o.attempt, o.doubtful = 0, 0, 0, 0, ""
	b.spare[o.table] = o
}
