package decode

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"
)

// isMarked says what an index marks.
func isMarked(c byte) bool { return c == '"' || c == '\\' || c < ' ' || c >= 0x80 }

func checkIndex(t *testing.T, data []byte) {
	t.Helper()
	var x Index
	x.Build(data, 0)
	portable := make([]uint64, len(data)/blockBytes)
	markBlocksPortable(portable, data)
	for i, m := range portable {
		if m != x.marks[i] {
			t.Fatalf("block %d of %q: %x, portable %x", i, data, x.marks[i], m)
		}
	}
	for i, c := range data {
		if got := x.marks[i/blockBytes]>>(i%blockBytes)&1 == 1; got != isMarked(c) {
			t.Fatalf("byte %d of %q is marked: %v", i, data, got)
		}
	}
	for _, from := range [...]int{len(data) / 3, len(data)} {
		var part Index
		part.Build(data, from)
		if at := from / blockBytes; !slices.Equal(part.marks[at:], x.marks[at:]) {
			t.Fatalf("from byte %d of %q: %x, want %x", from, data, part.marks[at:], x.marks[at:])
		}
	}
	for i := len(data); i < len(x.marks)*blockBytes; i++ {
		if x.marks[i/blockBytes]>>(i%blockBytes)&1 == 0 {
			t.Fatalf("no mark behind %d bytes, at %d", len(data), i)
		}
	}
}

func TestIndexMarksEveryByteInEveryPlace(t *testing.T) {
	for c := range 256 {
		for _, around := range []byte{'a', '"', 0, 0xff, '!', '#', '\\', 0x7f} {
			for at := range 8 {
				data := bytes.Repeat([]byte{around}, 70)
				data[at], data[64-at] = byte(c), byte(c)
				checkIndex(t, data)
			}
		}
	}
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 300 {
		data := make([]byte, n)
		for i := range data {
			data[i] = byte(rng.Uint32())
		}
		checkIndex(t, data)
	}
}

func FuzzIndex(f *testing.F) {
	f.Add([]byte(`{"a":"b\n"}`))
	f.Fuzz(checkIndex)
}
