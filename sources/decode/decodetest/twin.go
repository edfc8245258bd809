package decodetest

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
)

// MustAgree decodes the records with both decoders and compares rows and
// faults. The records come thrice, in one chunk.
func MustAgree(t *testing.T, fast, slow event.Decoder, want event.Want, records ...[]byte) {
	t.Helper()
	var texts []string
	for range 3 {
		for _, r := range records {
			texts = append(texts, string(r))
		}
	}
	c := Chunk("", texts...)
	a, b := event.NewBatch(want), event.NewBatch(want)
	Decode(fast, c, a)
	Decode(slow, c, b)
	got, lines := strings.Split(Rows(a), "\n"), strings.Split(Rows(b), "\n")
	for i := range min(len(got), len(lines)) {
		if got[i] != lines[i] {
			t.Fatalf("%.2000q gives in line %d\n%.500s\nwant\n%.500s", texts[:len(records)], i+1, got[i], lines[i])
		}
	}
	if len(got) != len(lines) {
		t.Fatalf("%.2000q gives %d lines, want %d", texts[:len(records)], len(got), len(lines))
	}
}

// AgreeOnMutations is MustAgree for a number of chunks of records that were
// changed at some places. Decoders are kept from chunk to chunk, so that what
// they remember is of records that were sound.
func AgreeOnMutations(t *testing.T, fast, slow event.Decoder, want event.Want, chunks int, records [][]byte) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for range chunks {
		var some [][]byte
		for range 1 + rng.IntN(10) {
			r := records[rng.IntN(len(records))]
			for range rng.IntN(3) {
				r = Mutate(rng, r)
			}
			some = append(some, r)
		}
		MustAgree(t, fast, slow, want, some...)
	}
}

// Mutate gives a copy of a record in which a byte was changed, a piece cut out
// or doubled.
func Mutate(rng *rand.Rand, record []byte) []byte {
	d := bytes.Clone(record)
	if len(d) < 2 {
		return d
	}
	const odd = "\"\\{}[],:0123-.eE \t\r\nabtfnuT\x00\xc3\xff"
	i := rng.IntN(len(d) - 1)
	j := i + 1 + rng.IntN(min(len(d)-i-1, 12))
	switch rng.IntN(3) {
	case 0:
		d[i] = odd[rng.IntN(len(odd))]
	case 1:
		d = slices.Delete(d, i, j)
	default:
		d = slices.Insert(d, i, bytes.Clone(d[i:j])...)
	}
	return d
}
