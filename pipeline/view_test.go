package pipeline

import (
	"testing"

	"touchstream/pipeline/event"
)

// TestPoolIsBounded: pieces in which rows have waited do not keep their memory
// for ever.
func TestPoolIsBounded(t *testing.T) {
	in := &input{cfg: &Config{MaxRecords: 1000}, pool: make(chan *piece, 1024)}
	rows := func() (n int) {
		for range len(in.pool) {
			x := <-in.pool
			n += x.batch.Cap()
			in.pool <- x
		}
		return n
	}
	for range 50 {
		b := event.NewBatch(event.Want{})
		b.Grow(500)
		in.givePiece(&piece{batch: b})
	}
	if n := rows(); n != pooledSteps*chunkRecordsMax-pooledSteps*chunkRecordsMax%500 || in.pooled.Load() != int64(n) {
		t.Errorf("pieces for %d rows are kept, counted as %d", n, in.pooled.Load())
	}
}

// TestStragglersFreeTheirPiece: rows that wait long do not hold the pieces that
// they came in.
func TestStragglersFreeTheirPiece(t *testing.T) {
	defer func(n int) { roomSlack = n }(roomSlack)
	roomSlack = 100
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
	if kept := len(b.views.at) - 1 - len(b.views.free); kept > 3 {
		t.Errorf("%d pieces are kept for %d rows", kept, q.held)
	}
	q.take(endOfTime)
	left := q.release(nil)
	if len(left) != 2*99+20 || left[217].Eff() != 1_000_019 {
		t.Errorf("%d rows leave", len(left))
	}
	q.recycle()
	if f.tidy(&step0); len(b.views.free) != len(b.views.at)-1 || q.slab.N != 0 {
		t.Error("memory is left behind")
	}
}

var step0 step
