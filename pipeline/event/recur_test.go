package event

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestTextsThatRecurStandInOnePlace: no text changes, and short ones that follow
// an equal one stand where that does.
func TestTextsThatRecurStandInOnePlace(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	f := &Finisher{Hasher: testHasher()}
	b := NewBatch(Want{Columns: AllColumns()})
	for range 200 {
		b.Reset()
		want := map[Column][]string{}
		for from := 0; from < 60; from = b.N {
			for range 1 + r.IntN(20) {
				row := b.Add()
				for _, c := range recurring {
					text := strings.Repeat(string(rune('a'+r.IntN(3))), r.IntN(20)) + strings.Repeat("x", r.IntN(2))
					want[c] = append(want[c], text)
					b.Str[c][row] = b.Put([]byte(text))
				}
			}
			f.recur(b, from)
		}
		for c, texts := range want {
			for row, text := range texts {
				if got := string(b.Text(c, row)); got != text {
					t.Fatalf("%s of row %d is %q, want %q", c, row, got, text)
				}
				if row > 0 && len(text) <= recurBytesMax && text == texts[row-1] && b.Str[c][row] != b.Str[c][row-1] {
					t.Fatalf("%s of row %d, %q, stands apart from that before it", c, row, text)
				}
			}
		}
	}
}

// FuzzEnds: two texts of one length have the same ends only if they are equal.
func FuzzEnds(f *testing.F) {
	f.Add([]byte("webapp"), uint8(3))
	f.Fuzz(func(t *testing.T, arena []byte, n uint8) {
		size := uint32(n) % (recurBytesMax + 1)
		for i := uint32(0); i+size <= uint32(len(arena)); i++ {
			for k := uint32(0); k < i; k++ {
				a, b := Str{i, size}, Str{k, size}
				firstA, lastA := ends(arena, a)
				firstB, lastB := ends(arena, b)
				isEqual := bytes.Equal(arena[i:i+size], arena[k:k+size])
				if (firstA == firstB && lastA == lastB) != isEqual {
					t.Fatalf("%q and %q: %x %x, %x %x", arena[i:i+size], arena[k:k+size], firstA, lastA, firstB, lastB)
				}
			}
		}
	})
}
