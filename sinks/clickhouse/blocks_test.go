package clickhouse

import (
	"fmt"
	"testing"
	"time"

	"touchstream/pipeline/schema"
)

// closedBlocks tells month and rows of what is closed.
func closedBlocks(b *blocks) string {
	s := ""
	for _, o := range b.closed {
		s += fmt.Sprintf("%d:%d ", o.month, o.rows)
	}
	return s
}

func batchOf(times ...int64) *schema.Rows {
	r := schema.NewRows(growing)
	for i, at := range times {
		addGrowing(r, at, fmt.Sprint(i))
	}
	return r
}

func TestBlocksClose(t *testing.T) {
	f := func(title string, l Limits, want string, batches ...*schema.Rows) {
		t.Helper()
		b := newBlocks(l, 1, 1)
		for _, r := range batches {
			b.add(r)
		}
		if got := closedBlocks(b); got != want {
			t.Errorf("%s: closed %s, want %s", title, got, want)
		}
	}
	roomy := Limits{RowsMax: 100, BytesMax: 1 << 20, MemoryMax: 1 << 20}
	april := march + 31*day
	f("none is full", roomy, "", batchOf(march, march))
	l := roomy
	l.RowsMax = 2
	f("by rows, within a batch and over batches", l, "202603:2 202603:2 202604:2 202603:2 ",
		batchOf(march, march, april, march), batchOf(march, march+1, april, march))
	l = roomy
	l.BytesMax = 50
	f("by bytes", l, "202603:3 ", batchOf(march, april, march, march))
	l = roomy
	l.MemoryMax = 100
	f("the biggest by the bytes of all", l, "202604:2 ", batchOf(march, april, april))
	many := batchOf()
	for i := range int64(openMax + 3) {
		addGrowing(many, march+i*31*day, "x")
	}
	b := newBlocks(roomy, 1, 1)
	b.add(many)
	if len(b.open) > openMax || len(b.closed) == 0 || b.closed[0].month != 2026_03 {
		t.Errorf("%d open, closed %s", len(b.open), closedBlocks(b))
	}
}

func TestBlocksAreNumberedAndReused(t *testing.T) {
	b := newBlocks(Limits{RowsMax: 100, BytesMax: 1 << 20, MemoryMax: 1 << 20}, 2, 0xfff00003)
	for i := range 3 {
		b.add(batchOf(march, march))
		b.closeMarked(all(len(b.open)))
		closed := b.takeClosed()
		o := closed[0]
		if want := uint64(2)<<52 | 3<<32 | uint64(i+1); o.number != want || o.id.Rows() != 2 || o.version.Rows() != 2 {
			t.Errorf("number %x of %d rows, want %x", o.number, o.id.Rows(), want)
		}
		b.spare.give(o)
		if len(closed) != 1 || len(b.takeClosed()) != 0 || b.bytes != 0 || len(b.spare.byTable[growing]) != 1 {
			t.Errorf("%d closed, %d bytes are left, %d spare blocks", len(closed), b.bytes, len(b.spare.byTable[growing]))
		}
	}
}

func TestMonths(t *testing.T) {
	f := func(at time.Time, want int32) {
		t.Helper()
		r := schema.NewRows(growing)
		addGrowing(r, at.UnixMilli(), "x")
		p := newPartitioner(growing)
		if got := p.of(r, 0); got != want {
			t.Errorf("%s: month %d, want %d", at, got, want)
		}
	}
	f(time.Unix(0, 0), 1970_01)
	f(time.UnixMilli(-1), 1969_12)
	f(time.Date(2026, 2, 28, 23, 59, 59, 999e6, time.UTC), 2026_02)
	f(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 2026_03)
	f(time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), 1900_01)
	f(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC), 2299_12)
	r := schema.NewRows(everything)
	addEverything(r, march+40*day, 1, "p", 1, false)
	p := newPartitioner(everything)
	if got := p.of(r, 0); got != 2026_04 {
		t.Errorf("by id: month %d", got)
	}
}
