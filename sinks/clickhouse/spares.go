package clickhouse

import (
	"sync"

	"touchstream/pipeline/schema"
)

// spares keeps the memory of blocks that are done with for the next ones of
// their tables, and how large a block was. It may be used from any goroutine.
type spares struct {
	bytesMax int64 // that the blocks kept had, all told

	mu      sync.Mutex
	byTable map[*schema.Table][]*spare
	bytes   int64
	extents map[*schema.Table][]extent
}

// spare is an empty block.
type spare struct {
	*block
	bytes int64 // that it had
}

func newSpares(bytesMax int64) *spares {
	return &spares{bytesMax: bytesMax, byTable: map[*schema.Table][]*spare{}, extents: map[*schema.Table][]extent{}}
}

// take gives an empty block. The only one of its table gets room for as much as
// the one before it had; many, of the months of a backfill, stay small.
func (s *spares) take(t *schema.Table, isOnly bool) *block {
	s.mu.Lock()
	defer s.mu.Unlock()
	if list := s.byTable[t]; len(list) > 0 {
		x := list[len(list)-1]
		s.byTable[t] = list[:len(list)-1]
		s.bytes -= x.bytes
		return x.block
	}
	o, extents := &block{table: t}, s.extents[t]
	for i, c := range t.Columns {
		o.columns = append(o.columns, newColumn(c))
		if isOnly && extents != nil {
			o.columns[i].grow(extents[i])
		}
	}
	return o
}

// note remembers how large a block is that has closed.
func (s *spares) note(o *block) {
	extents := make([]extent, len(o.columns))
	for i, c := range o.columns {
		extents[i] = c.extent()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.extents[o.table] = extents
}

// give takes a block that nobody uses any more. One of each table is kept, and
// more of them up to the bound.
func (s *spares) give(o *block) {
	x := &spare{o, o.bytes}
	for _, c := range o.columns {
		c.reset()
	}
	o.version.reset()
	o.id.reset()
	o.rows, o.bytes, o.number = 0, 0, 0
	s.mu.Lock()
	defer s.mu.Unlock()
	if list := s.byTable[o.table]; len(list) == 0 || s.bytes+x.bytes <= s.bytesMax {
		s.byTable[o.table] = append(list, x)
		s.bytes += x.bytes
	}
}
