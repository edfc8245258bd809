package pipeline

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/schema/text"
)

// anyEvent fills a row of every column with values that the seed chooses; most
// columns are without any in most batches.
func anyEvent(b *event.Batch, seed uint64) {
	r, row := rand.New(rand.NewPCG(seed, 1)), b.Add()
	put := func() event.Str {
		return b.Put([]byte(strings.Repeat(string(rune('a'+r.IntN(4))), []int{0, 1, 15, 16, 17, 63, 64, 65, 127, 128, 400}[r.IntN(11)])))
	}
	for c := range event.Column(event.NumColumns) {
		isThere := int(c)%7 < 2 || seed%50 == uint64(c)%50
		switch {
		case c == event.EventTime:
			b.Int[c][row] = int64(1_772_000_000_000 + seed)
		case !isThere:
		case c.Kind() == event.Text && b.Str[c] != nil:
			b.Str[c][row] = put()
		case c.Kind() == event.Float && b.Float[c] != nil:
			b.Float[c][row] = r.Float64()
		case b.Int[c] != nil:
			b.Int[c][row] = r.Int64N(1000)
		}
	}
	b.Profile[row] = event.Hash{Hi: r.Uint64(), Lo: uint64(r.IntN(3))}
	if r.IntN(10) == 0 {
		b.Head[row].Flags |= event.IsPositional
	}
	b.Offset[row], b.Origin[row], b.Element[row] = int64(seed), uint32(r.IntN(2)), 0
	for range max(0, r.IntN(6)-3) {
		i := b.AddItem(row)
		b.Item.Str[event.ProductID][i] = put()
		b.Item.Int[event.Price][i] = []int64{r.Int64N(100), schema.Absent}[r.IntN(2)]
	}
	if r.IntN(40) == 0 {
		b.AddAttr(row, b.Put([]byte("k")), put())
	}
}

// packedEvents writes the events with these seeds, cut into pieces; between
// those that take part lie rows that do not.
func packedEvents(seeds []uint64, cut func() int) *schema.Rows {
	var want event.Want
	for c := range event.Column(event.NumColumns) {
		want.Columns.Add(c)
	}
	want.Items, want.AllAttrs = true, true
	origins := []event.Origin{{Source: "web", Topic: "a", Partition: 1}, {Source: "shop", Topic: "b"}}
	out := schema.NewRows(Events)
	for len(seeds) > 0 {
		p := &piece{batch: event.NewBatch(want)}
		for _, s := range seeds[:min(cut(), len(seeds))] {
			if s%3 == 0 {
				anyEvent(p.batch, s+1_000_003)
			}
			p.rows = append(p.rows, uint32(p.batch.N))
			anyEvent(p.batch, s)
		}
		p.batch.NoteEmpty()
		seeds = seeds[len(p.rows):]
		writeEvents(out, p, origins)
	}
	return out
}

// TestEventsDoNotDependOnPieces: however a step is cut into pieces, its events
// have the same digest and, unpacked, the same values as written one by one.
func TestEventsDoNotDependOnPieces(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for round := range 20 {
		seeds := make([]uint64, 1+r.IntN(300))
		for i := range seeds {
			seeds[i] = r.Uint64N(1_000_000)
		}
		whole := packedEvents(seeds, func() int { return len(seeds) })
		pieces := packedEvents(seeds, func() int { return 1 + r.IntN(40) })
		if whole.Digest() != pieces.Digest() {
			t.Fatalf("round %d: the digest of %d events depends on how they are cut", round, len(seeds))
		}
		single := schema.NewRows(Events)
		for _, s := range seeds {
			single.AppendPacked(packedEvents([]uint64{s}, func() int { return 1 }))
		}
		plain := schema.NewRows(Events)
		plain.AppendPacked(pieces)
		w := text.NewJSON(Events, false)
		if got, want := string(w.Append(nil, plain)), string(w.Append(nil, single)); got != want {
			t.Fatalf("round %d: the events differ from those written one by one", round)
		}
		if plain.Digest() != single.Digest() {
			t.Fatalf("round %d: unpacked columns differ", round)
		}
	}
}

// TestDigestSeesEveryEvent: a value more, less or elsewhere changes the digest.
func TestDigestSeesEveryEvent(t *testing.T) {
	seen := map[uint64]string{}
	note := func(seeds []uint64, what string) {
		t.Helper()
		sum := packedEvents(seeds, func() int { return len(seeds) }).Digest()
		if other, ok := seen[sum]; ok {
			t.Errorf("%s have the digest of %s", what, other)
		}
		seen[sum] = what
	}
	note(nil, "none")
	for i := range uint64(200) {
		note([]uint64{i}, fmt.Sprint("event ", i))
		note([]uint64{i, i + 1}, fmt.Sprint("events from ", i))
		note([]uint64{i + 1, i}, fmt.Sprint("events to ", i))
	}
}
