package event

import (
	"math/rand/v2"
	"testing"
)

// TestRowsUsedBeforeAreAbsent: rows of a batch that is used again and again are
// absent when they are added, whatever stood there before, and whether it was
// noted which columns and kinds of identifiers are empty or not.
func TestRowsUsedBeforeAreAbsent(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	b := NewBatch(Want{Columns: AllColumns(), Items: true, AllAttrs: true})
	for round := range 120 {
		if round%3 == 0 {
			b.Grow(r.IntN(300))
		}
		missing, kinds := r.Uint64(), r.Uint64()
		for n := r.IntN(200); b.N < n; {
			row := b.Add()
			absent(t, "after Reset", b, row)
			b.N = row
			addRandom(r, b, missing)
			for k := range b.Ident {
				if kinds>>k&1 == 1 {
					b.Ident[k][row] = Hash{}
				}
			}
			if r.IntN(20) == 0 {
				b.Undo(max(0, b.N-3))
			}
		}
		if r.IntN(2) == 0 {
			b.NoteEmpty()
			for k := range b.NoIdent {
				b.NoIdent[k] = kinds>>k&1 == 1
			}
		}
		b.Reset()
	}
}
