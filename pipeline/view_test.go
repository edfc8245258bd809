package pipeline

import (
	"testing"

	"touchstream/pipeline/event"
)

// TestPoolIsBounded: pieces in which rows have waited do not keep their memory
// for ever, whether they are of many rows or of few large ones.
func TestPoolIsBounded(t *testing.T) {
	for name, give := range map[string]func() *piece{
		"rows": func() *piece { b := event.NewBatch(event.Want{}); b.Grow(50_000); return &piece{batch: b} },
		"bytes": func() *piece {
			b := event.NewBatch(event.Want{})
			b.Arena = make([]byte, 0, 16<<20)
			return &piece{batch: b}
		},
	} {
		in := &input{pool: make(chan *piece, 1024)}
		for range 50 {
			in.givePiece(give())
		}
		kept := 0
		for range len(in.pool) {
			kept += (<-in.pool).batch.Size()
		}
		if kept > pooledBytes || kept < pooledBytes/2 || in.pooled.Load() != int64(kept) {
			t.Errorf("%s: pieces of %d bytes are kept, counted as %d", name, kept, in.pooled.Load())
		}
	}
}

// TestLargeRecordsAreNotKept: rows that need little of a large record are copied.
func TestLargeRecordsAreNotKept(t *testing.T) {
	b := event.NewBatch(event.Want{})
	for range 100 {
		b.Int[event.EventTime][b.Add()] = 1000
	}
	if v := openView(newViewTable(), b, 0, 0); !v.keeps {
		t.Error("rows of small records are copied")
	}
	b.Arena = make([]byte, 100*8<<10)
	if v := openView(newViewTable(), b, 0, 0); v.keeps {
		t.Error("100 rows keep records of 800 KiB")
	}
}

// TestViewsWithoutNumbers: when there are more pieces than numbers, rows leave in
// their own step all the same.
func TestViewsWithoutNumbers(t *testing.T) {
	defer func(n int) { viewsMax = n }(viewsMax)
	viewsMax = 1
	f := newQueueing(1).fold
	f.cfg.Lanes = 1
	b := f.buffers[0]
	in := event.NewBatch(b.want)
	p := &piece{batch: in, users: 1}
	for i := range 10 {
		row := uint32(in.Add())
		in.Int[event.EventTime][row] = int64(i)
		p.rows = append(p.rows, row)
	}
	p.byKey[profileKey].group(p.rows, make([]uint32, 10), 2)
	s := &step{pieces: []*piece{p}, watermarks: [2]int64{5, 5}}
	f.view(s)
	f.fill(s, 0, 0, 2)
	q := b.queues[0]
	if rows := q.release(nil); len(rows) != 5 || q.held != 5 {
		t.Errorf("%d rows leave and %d wait", len(rows), q.held)
	}
}

// TestStragglersFreeTheirPiece: rows that wait long do not hold the pieces that
// they came in.
func TestStragglersFreeTheirPiece(t *testing.T) {
	defer func(n int) { wasteMax = n }(wasteMax)
	wasteMax = 100 << 10
	f := newQueueing(1).fold
	b := f.buffers[0]
	q := b.queues[0]
	for step := range int64(20) {
		q.take(step * 1000)
		in := event.NewBatch(b.want)
		var rows []uint32
		for i := range 100 {
			row := in.Add()
			rows = append(rows, uint32(row))
			in.Int[event.EventTime][row] = (step+1)*1000 + int64(i)
			if i == 0 {
				in.Int[event.EventTime][row] = 1_000_000 + step
			}
		}
		v := openView(b.views, in, step*1000, step*1000)
		if !v.keeps {
			t.Fatal("rows are copied at once")
		}
		q.insert(v, rows, step*1000)
		q.seal()
		q.release(nil)
		q.recycle()
		f.tidy(&step0)
	}
	if kept := len(b.views.at) - 1 - len(b.views.free); kept > 6 {
		t.Errorf("%d pieces are kept for %d rows", kept, q.held)
	}
	q.take(endOfTime)
	left := q.release(nil)
	if len(left) != 2*99+20 || left[217].Eff != 1_000_019 {
		t.Errorf("%d rows leave", len(left))
	}
	q.recycle()
	for _, v := range b.views.spare {
		if v.piece != nil || v.batch.N > 0 || v.batch.Name != nil {
			t.Fatal("a spare view holds a piece's memory")
		}
	}
	if f.tidy(&step0); len(b.views.free) != len(b.views.at)-1 || q.slab.N != 0 {
		t.Error("memory is left behind")
	}
}

var step0 step
