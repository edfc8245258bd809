package journal

import (
	"bufio"
	"bytes"
	"testing"
)

// FuzzScanner reads any bytes as a segment: what it gives is, written again,
// what it has read.
func FuzzScanner(f *testing.F) {
	good := header(5, 7, 6)
	f.Add(good)
	good = appendEntry(good, 7, []byte("seven"))
	f.Add(good)
	good = appendEntry(good, 8, nil)
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add(append(good, make([]byte, 40)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		s := &scanner{generation: 5, segment: segment{first: 7}, size: int64(len(data)), in: bufio.NewReader(bytes.NewReader(data))}
		damage, err := s.begin(7)
		again := header(5, 7, 6)
		for number := int64(7); damage == nil && err == nil; number++ {
			var entry []byte
			if entry, damage, err = s.entry(); entry == nil {
				break
			}
			again = appendEntry(again, number, entry)
		}
		switch {
		case err != nil:
			t.Fatal(err)
		case s.offset > 0 && !bytes.Equal(again, data[:s.offset]):
			t.Fatalf("read %x as %x", data[:s.offset], again)
		case damage == nil && s.offset != int64(len(data)):
			t.Fatalf("ended at %d of %d bytes without damage", s.offset, len(data))
		}
	})
}
