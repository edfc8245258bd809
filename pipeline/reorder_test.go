package pipeline

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
)

// waiting is a row as the oracle of a reorder buffer keeps it.
type waiting struct {
	eff, time, own int64
	id             string
}

func (a waiting) compare(b waiting) int {
	late := func(w waiting) int {
		if w.time < w.eff {
			return 0
		}
		return 1
	}
	for _, d := range []int64{a.eff - b.eff, int64(late(a) - late(b)), a.time - b.time} {
		if d != 0 {
			return int(d)
		}
	}
	if a.id < b.id {
		return -1
	}
	return 1
}

// TestReorderAgainstSort inserts pieces of rows that are mostly in order,
// releases by a rising watermark and compares with sorting all that waits.
func TestReorderAgainstSort(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 1))
		want := event.Want{Columns: event.SetOf(event.MessageID, event.PagePath)}
		q := newReorder(&emptyBatches{want: want}, newViewTable())
		var held []waiting
		watermark, now, next := int64(0), int64(0), 0
		for range 40 {
			before := watermark
			watermark += r.Int64N(60)
			q.take(watermark)
			for range r.IntN(4) {
				b, rows := event.NewBatch(want), []uint32{}
				for range r.IntN(60) {
					row := b.Add()
					now += r.Int64N(3)
					at := now
					if r.IntN(5) == 0 {
						at -= r.Int64N(40)
					}
					w := waiting{time: at, own: before - r.Int64N(10), id: fmt.Sprintf("m%05d", (next*7919)%100_000)}
					next++
					w.eff = max(w.time, before)
					b.Int[event.EventTime][row], b.Own[row] = w.time, w.own
					b.Str[event.MessageID][row] = b.Put([]byte(w.id))
					b.Str[event.PagePath][row] = b.Put([]byte(strings.Repeat("/"+w.id, 50)))
					held, rows = append(held, w), append(rows, uint32(row))
				}
				q.insert(openView(q.views, b, before, watermark), rows, watermark)
				if r.IntN(2) == 0 {
					q.seal()
				}
			}
			q.seal()
			slices.SortFunc(held, waiting.compare)
			n := 0
			for n < len(held) && held[n].eff < watermark {
				n++
			}
			slots := q.release(nil)
			if len(slots) != n || q.held != len(held)-n {
				t.Fatalf("seed %d: %d rows left and %d wait, not %d and %d", seed, len(slots), q.held, n, len(held)-n)
			}
			for i, s := range slots {
				b, row := s.At()
				id, path := string(b.Text(event.MessageID, row)), string(b.Text(event.PagePath, row))
				if id != held[i].id || path != strings.Repeat("/"+id, 50) || s.Eff != held[i].eff {
					t.Fatalf("seed %d: row %d is %s %s at %d, not %s at %d", seed, i, id, path, s.Eff, held[i].id, held[i].eff)
				}
			}
			q.recycle()
			q.views.tidy(nil)
			held = held[n:]
		}
		if got, most := q.slab.N, 16*(q.held+64); got > most {
			t.Errorf("seed %d: %d slots for %d rows", seed, got, q.held)
		}
	}
}
