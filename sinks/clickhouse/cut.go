package clickhouse

import (
	"encoding/binary"
	"fmt"
	"time"
)

// The pace of small blocks, in ms. A partition of a table gets one insert in
// spacingMin at most, so that merges keep up with it for ever. Where rows of
// many months come at once, as in a backfill, each month waits for more rows,
// as long as it must to keep the inserts of a table below one in tableSpacing
// and those of all tables below one in totalSpacing, but no longer than
// spacingMax. Blocks that are full never wait.
const (
	spacingMin   = 900 // a second, and a clock that is not quite even
	spacingMax   = 10_000
	tableSpacing = 400
	totalSpacing = 25
)

// lateAfter is how long a released block may be on its way before the server
// counts as slow.
const lateAfter = 2 * time.Second

// decision is what a Cut decided, as it stands in the journal.
type decision struct {
	// closed are the indices of the open blocks that closed, rising.
	closed []int
	// delivered: all blocks up to mark, and those in beyond, rising, are in
	// ClickHouse. They are the low 32 bits of _block.
	mark   uint32
	beyond []uint32
}

// decisionForm is the first byte of a decision.
const decisionForm = 1

// beyondMax bounds a decision; what it leaves out is looked up again.
const beyondMax = 256

func (d *decision) append(dst []byte) []byte {
	dst = append(dst, decisionForm)
	dst = binary.AppendUvarint(dst, uint64(d.mark))
	dst = binary.AppendUvarint(dst, uint64(len(d.beyond)))
	last := d.mark
	for _, n := range d.beyond {
		dst = binary.AppendUvarint(dst, uint64(n-last))
		last = n
	}
	dst = binary.AppendUvarint(dst, uint64(len(d.closed)))
	before := 0
	for _, i := range d.closed {
		dst = binary.AppendUvarint(dst, uint64(i-before))
		before = i
	}
	return dst
}

// decodeDecision reads a decision for a number of open blocks.
func decodeDecision(b []byte, open int) (out decision, err error) {
	if len(b) == 0 || b[0] != decisionForm {
		return out, errMalformed
	}
	d := decoder{b: b[1:]}
	out.mark = uint32(d.uint())
	last := out.mark
	for range d.count() {
		last += uint32(d.uint())
		out.beyond = append(out.beyond, last)
	}
	at := uint64(0)
	for k := range d.count() {
		step := d.uint()
		if at += step; k > 0 && step == 0 || at >= uint64(open) {
			return out, fmt.Errorf("%w: it closes a block that is not there", errMalformed)
		}
		out.closed = append(out.closed, int(at))
	}
	if d.err != nil || len(d.b) > 0 {
		return out, errMalformed
	}
	return out, nil
}

// pace remembers when each partition got a block last.
type pace struct {
	last map[partition]int64 // journaled clock in ms, of the last spacingMax
}

func newPace() *pace { return &pace{last: map[partition]int64{}} }

// note takes the partitions whose blocks closed in the commit that ends at the
// clock.
func (p *pace) note(closed []partition, clock int64) {
	for _, x := range closed {
		p.last[x] = clock
	}
	for x, at := range p.last {
		if clock-at >= spacingMax {
			delete(p.last, x)
		}
	}
}

// strain is how the server does, as far as blocks on their way tell.
type strain struct {
	// late: nothing small may close, blocks grow instead.
	late bool
	// waiting are the partitions of released blocks.
	waiting map[partition]bool
	// crowded are the tables that had too many parts not long ago.
	crowded map[string]bool
}

// due chooses the open blocks that close though they are not full.
func (p *pace) due(open []*block, clock int64, s *strain) (indices []int) {
	if s.late {
		return nil
	}
	months := map[string]int64{}
	for _, o := range open {
		months[o.table.Name]++
	}
	for i, o := range open {
		spacing := int64(spacingMax)
		if !s.crowded[o.table.Name] {
			spacing = min(spacing, max(spacingMin, tableSpacing*months[o.table.Name], totalSpacing*int64(len(open))))
		}
		last, ok := p.last[o.partition()]
		// A clock that was set back counts as one that went on.
		isDue := !ok || clock < last || clock-last >= spacing
		if isDue && !s.waiting[o.partition()] {
			indices = append(indices, i)
		}
	}
	return indices
}

func all(n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = i
	}
	return out
}
