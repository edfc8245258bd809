package clickhouse

import (
	"cmp"
	"slices"
	"sync"

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

	number uint64  // given when the block is closed
	id     numbers // the number as column _block
}

// partition is where a block goes.
type partition struct {
	table *schema.Table
	month int32
}

func (o *block) partition() partition { return partition{o.table, o.month} }

// blocks gathers rows and closes blocks. Which ones close follows from the rows
// added and from the indices given to closeMarked, and from nothing else.
type blocks struct {
	limits Limits
	stamp  uint64   // generation and run of _block
	high   uint64   // generation of _version
	open   []*block // the one used last is first
	closed []*block // in the order of closing
	bytes  int64    // of the open ones
	number uint32   // of the last block closed
	spare  *spares
	months map[*schema.Table]*partitioner
}

func newBlocks(l Limits, generation, run uint32) *blocks {
	b := &blocks{
		limits: l,
		high:   uint64(generation) << 32,
		spare:  newSpares(),
		months: map[*schema.Table]*partitioner{},
	}
	b.renumber(run)
	return b
}

// renumber makes the numbers of later blocks those of a run.
func (b *blocks) renumber(run uint32) {
	b.stamp = b.high>>32&0xfff<<52 | uint64(run&0xfffff)<<32
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
	isOnly := !slices.ContainsFunc(b.open, func(x *block) bool { return x.table == t })
	o := b.spare.take(t, isOnly)
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

// closeFull closes what the limits demand. Where all blocks together are too
// big, the biggest go first: the fewer parts the better.
func (b *blocks) closeFull() {
	for _, o := range slices.Clone(b.open) {
		if o.bytes >= b.limits.BytesMax {
			b.close(o)
		}
	}
	for len(b.open) > openMax {
		b.close(b.open[len(b.open)-1])
	}
	for b.bytes > b.limits.openMax() {
		b.close(slices.MaxFunc(b.open, func(x, y *block) int { return cmp.Compare(x.bytes, y.bytes) }))
	}
}

// closeMarked closes the open blocks with these indices, in rising order, the
// one that was used longest ago first.
func (b *blocks) closeMarked(indices []int) {
	for _, i := range slices.Backward(indices) {
		b.close(b.open[i])
	}
}

func (b *blocks) close(o *block) {
	b.number++
	o.number = b.stamp | uint64(b.number)
	for range o.rows {
		o.id.add(o.number)
	}
	b.bytes -= o.bytes
	b.open = slices.DeleteFunc(b.open, func(x *block) bool { return x == o })
	b.closed = append(b.closed, o)
}

// takeClosed hands over the blocks closed since it was called last.
func (b *blocks) takeClosed() []*block {
	out := b.closed
	b.closed = nil
	return out
}

// spares keeps the memory of one delivered block per table for the next one,
// and how large it was. It may be used from any goroutine.
type spares struct {
	mu      sync.Mutex
	byTable map[*schema.Table]*block
	extents map[*schema.Table][]extent
}

func newSpares() *spares {
	return &spares{byTable: map[*schema.Table]*block{}, extents: map[*schema.Table][]extent{}}
}

// take gives an empty block. The only one of its table gets room for as much as
// the one before it had; many, of the months of a backfill, stay small.
func (s *spares) take(t *schema.Table, isOnly bool) *block {
	s.mu.Lock()
	o, extents := s.byTable[t], s.extents[t]
	delete(s.byTable, t)
	s.mu.Unlock()
	if o != nil {
		return o
	}
	o = &block{table: t}
	for i, c := range t.Columns {
		o.columns = append(o.columns, newColumn(c))
		if isOnly && extents != nil {
			o.columns[i].grow(extents[i])
		}
	}
	return o
}

// give takes a block that nobody uses any more.
func (s *spares) give(o *block) {
	extents := make([]extent, len(o.columns))
	for i, c := range o.columns {
		extents[i] = c.extent()
		c.reset()
	}
	o.version.reset()
	o.id.reset()
	o.rows, o.bytes, o.number = 0, 0, 0
	s.mu.Lock()
	s.byTable[o.table], s.extents[o.table] = o, extents
	s.mu.Unlock()
}
