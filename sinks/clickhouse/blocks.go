package clickhouse

import (
	"cmp"
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
		spare:  newSpares(l.closedMax()),
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
	for i := 0; i < r.N; {
		month := months.of(r, i)
		end := i + 1
		for end < r.N && months.of(r, end) == month {
			end++
		}
		for i < end {
			o := b.openFor(r.Table, month)
			if len(o.chosen) == 0 {
				touched = append(touched, o)
			}
			n := end - i
			if left := b.limits.RowsMax - o.rows - len(o.chosen); left > 0 { // it is not if the limit was another one
				n = min(n, left)
			}
			o.choose(i, i+n)
			i += n
			if o.rows+len(o.chosen) == b.limits.RowsMax {
				b.gather(o, r)
				b.close(o)
			}
		}
	}
	for _, o := range touched {
		if len(o.chosen) > 0 {
			b.gather(o, r)
		}
	}
	b.closeFull()
}

// choose takes the rows from from to to-1 of the batch at hand.
func (o *block) choose(from, to int) {
	at := len(o.chosen)
	o.chosen = slices.Grow(o.chosen, to-from)[:at+to-from]
	for k := range o.chosen[at:] {
		o.chosen[at+k] = uint32(from + k)
	}
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
	if revision := r.Table.Column("revision"); revision < 0 {
		o.version.repeat(b.high, len(o.chosen))
	} else {
		for _, i := range o.chosen {
			o.version.add(b.high | uint64(uint32(r.Cols[revision].I64[i])))
		}
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
	o.id.repeat(o.number, o.rows)
	b.spare.note(o)
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
