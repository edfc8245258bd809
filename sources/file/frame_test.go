package file

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// cut reads all records of a text, each as line:size:record.
func cut(in io.Reader, f frame) ([]string, error) {
	f.in = in
	var out []string
	for {
		record, line, size, err := f.next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, fmt.Errorf("line %d: %w", line, err)
		}
		out = append(out, fmt.Sprintf("%d:%d:%s", line, size, record))
	}
}

func TestFrame(t *testing.T) {
	check := func(title, text string, f frame, want ...string) {
		t.Helper()
		if f.limit == 0 {
			f.limit = 100
		}
		for name, in := range map[string]io.Reader{
			"whole": strings.NewReader(text), "by byte": iotest.OneByteReader(strings.NewReader(text)),
			"end with data": iotest.DataErrReader(strings.NewReader(text)),
		} {
			got, err := cut(in, f)
			if err != nil || !slices.Equal(got, want) {
				t.Errorf("%s, %s: got %q, %v; want %q", title, name, got, err, want)
			}
		}
	}
	jsonl, csv := frame{}, frame{csv: true, delim: ','}
	short := func(f frame) frame { f.limit = 8; return f }

	check("nothing", "", jsonl)
	check("lines", "a\nbc\n", jsonl, "1:1:a", "2:2:bc")
	check("no line end at the end", "a\nbc", jsonl, "1:1:a", "2:2:bc")
	check("CRLF", "a\r\nb\r\n", jsonl, "1:1:a", "2:1:b")
	check("blank lines count as lines", "\n\r\na\n\n\nb", jsonl, "3:1:a", "6:1:b")
	check("only blank lines", "\n\r\n\n", jsonl)
	check("byte order mark", "\xef\xbb\xbfa\nb\n", jsonl, "1:1:a", "2:1:b")
	check("only a byte order mark", "\xef\xbb\xbf", jsonl)
	check("a mark is one only at the start", "a\n\xef\xbb\xbfb\n", jsonl, "1:1:a", "2:4:\xef\xbb\xbfb")
	check("quotes are nothing special in jsonl", "{\"a\n\"}\n", jsonl, "1:3:{\"a", "2:2:\"}")
	check("a long line is cut", "123456789012\nab\n", short(jsonl), "1:12:12345678", "2:2:ab")
	check("a line at the limit", "12345678\nab\n", short(jsonl), "1:8:12345678", "2:2:ab")
	check("a line at the limit with CRLF", "12345678\r\nab\r\n", short(jsonl), "1:8:12345678", "2:2:ab")
	check("a long line with CRLF", "123456789012\r\nab", short(jsonl), "1:12:12345678", "2:2:ab")
	check("a long line at the end", "ab\n123456789012", short(jsonl), "1:2:ab", "2:12:12345678")

	check("csv without quotes", "a,b\n1,2\n", csv, "1:3:a,b", "2:3:1,2")
	check("a line end in quotes", "a,\"b\nc\"\nd\n", csv, "1:7:a,\"b\nc\"", "3:1:d")
	check("a CRLF in quotes", "a,\"b\r\nc\"\r\nd\r\n", csv, "1:8:a,\"b\r\nc\"", "3:1:d")
	check("a doubled quote", "\"a\"\"\nb\",c\nd\n", csv, "1:9:\"a\"\"\nb\",c", "3:1:d")
	check("a quote within a cell", "5\" pipe,1\n6,2\n", csv, "1:9:5\" pipe,1", "2:3:6,2")
	check("another delimiter", "a;\"b\nc\"\n1,\"2\n", frame{csv: true, delim: ';'}, "1:7:a;\"b\nc\"", "3:4:1,\"2")
	check("a quote that never closes", "a\n\"b,1\nc,2\n", csv, "1:1:a", "2:4:\"b,1", "3:3:c,2")
	check("a quote that never closes within the limit", "\"b,1\nc,2,3,4,5\nd\n", short(csv), "1:4:\"b,1", "2:9:c,2,3,4,", "3:1:d")
	check("blank lines in csv", "a\n\n\r\n\"\n\"\n", csv, "1:1:a", "4:3:\"\n\"")
}

// TestFrameTellsWhereAStreamBreaks: what was complete before it is there.
func TestFrameTellsWhereAStreamBreaks(t *testing.T) {
	broken := errors.New("gone")
	in := io.MultiReader(strings.NewReader("a\nb\nhalf"), iotest.ErrReader(broken))
	got, err := cut(in, frame{limit: 100})
	if !errors.Is(err, broken) || !strings.Contains(err.Error(), "line 3") || !slices.Equal(got, []string{"1:1:a", "2:1:b"}) {
		t.Errorf("got %q, %v", got, err)
	}
}

// TestFrameOverManyBuffers: records that lie across the reads of the buffer.
func TestFrameOverManyBuffers(t *testing.T) {
	for _, csv := range []bool{false, true} {
		var text strings.Builder
		var want []string
		for i := range 30_000 {
			record := fmt.Sprintf("%d,%s", i, strings.Repeat("x", i%97))
			if i%1000 == 0 {
				record += strings.Repeat("y", readSize+7)
			}
			fmt.Fprintf(&text, "%s\n", record)
			want = append(want, fmt.Sprintf("%d:%d:%s", i+1, len(record), record))
		}
		got, err := cut(strings.NewReader(text.String()), frame{csv: csv, delim: ',', limit: 1 << 20})
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("csv %v: %d records, want %d, error %v", csv, len(got), len(want), err)
		}
	}
}

// BenchmarkFrame cuts lines of about 100 bytes.
func BenchmarkFrame(b *testing.B) {
	text := strings.Repeat(strings.Repeat("abcdefghi,", 10)+"\n", 50_000)
	for name, f := range map[string]frame{"jsonl": {limit: 1 << 20}, "csv": {csv: true, delim: ',', limit: 1 << 20}} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				g := f
				g.in = strings.NewReader(text)
				for {
					if _, _, _, err := g.next(); err != nil {
						break
					}
				}
			}
		})
	}
}
