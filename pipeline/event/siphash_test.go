package event

import (
	"math/rand/v2"
	"testing"
)

// TestColumnsAreHashedAsTexts: hashing a column gives what Sum gives for each of
// its texts, whatever their lengths and order.
func TestColumnsAreHashedAsTexts(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	h := testHasher()
	for range 300 {
		texts := make([][]byte, 1+rng.IntN(40))
		most := 1 + rng.IntN(100)
		for i := range texts {
			texts[i] = make([]byte, 1+rng.IntN(most))
			for k := range texts[i] {
				texts[i][k] = byte(rng.Uint32())
			}
		}
		tag := byte(rng.IntN(256))
		var c columnHasher
		c.start(h, tag)
		dst := make([]Hash, len(texts))
		for i, text := range texts {
			c.hash(h, dst, i, text)
		}
		c.flush(dst)
		for i, text := range texts {
			if want := h.Sum(tag, text); dst[i] != want {
				t.Fatalf("%d bytes, %d of %d: %v, want %v", len(text), i, len(texts), dst[i], want)
			}
		}
	}
}

func FuzzColumnHasher(f *testing.F) {
	f.Add("a", "bcdefghi", "0123456789abcdef", "")
	h := testHasher()
	f.Fuzz(func(t *testing.T, a, b, c, d string) {
		var col columnHasher
		col.start(h, 3)
		var dst [4]Hash
		for i, s := range [...]string{a, b, c, d} {
			if s != "" {
				col.hash(h, dst[:], i, []byte(s))
			}
		}
		col.flush(dst[:])
		for i, s := range [...]string{a, b, c, d} {
			if s != "" && dst[i] != h.Sum(3, []byte(s)) {
				t.Fatalf("%q", s)
			}
		}
	})
}
