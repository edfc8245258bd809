package file

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// splitLines is the slow way to cut jsonl.
func splitLines(text string) (lines []string) {
	text = strings.TrimPrefix(text, byteOrderMark)
	for _, l := range strings.Split(text, "\n") {
		if l = strings.TrimSuffix(l, "\r"); l != "" {
			lines = append(lines, l)
		}
	}
	return lines
}

// FuzzFrame cuts any text: how it arrives changes nothing; jsonl gives its lines;
// of csv no byte but line ends is lost.
func FuzzFrame(f *testing.F) {
	f.Add([]byte("a,b\n1,\"2\n3\"\r\n\n\"x"), uint8(20))
	f.Add([]byte("\xef\xbb\xbf{}\n{\"a\":1}\n"), uint8(3))
	f.Add([]byte("\"\"\"\n\",\"\n"), uint8(1))
	f.Fuzz(func(t *testing.T, text []byte, limit uint8) {
		for _, g := range []frame{
			{limit: 1 << 20}, {limit: 1 + int(limit)}, {csv: true, delim: ',', limit: 1 << 20},
		} {
			want, err := cut(bytes.NewReader(text), g)
			if err != nil {
				t.Fatal(err)
			}
			got, err := cut(iotest.OneByteReader(bytes.NewReader(text)), g)
			if err != nil || !slices.Equal(got, want) {
				t.Fatalf("csv %v, limit %d: by byte %q, whole %q, %v", g.csv, g.limit, got, want, err)
			}
			if lines := splitLines(string(text)); !g.csv && len(want) != len(lines) {
				t.Fatalf("limit %d: %q, want %q", g.limit, want, lines)
			}
		}
		g := frame{csv: true, delim: ',', limit: 1 << 20, in: bytes.NewReader(text)}
		var all []byte
		last := int64(0)
		for {
			record, line, size, err := g.next()
			if err != nil {
				break
			}
			if line <= last || size != int64(len(record)) {
				t.Fatalf("line %d after %d, size %d of %d bytes", line, last, size, len(record))
			}
			last, all = line, append(all, record...)
		}
		bare := func(b []byte) string { return strings.NewReplacer("\n", "", "\r", "").Replace(string(b)) }
		if want := bare(bytes.TrimPrefix(text, []byte(byteOrderMark))); bare(all) != want {
			t.Fatalf("records hold %q, want %q", bare(all), want)
		}
	})
}
