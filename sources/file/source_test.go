package file

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

func put(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
		t.Fatal(err)
	}
}

func gz(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func zst(t *testing.T, text string) []byte {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return w.EncodeAll([]byte(text), nil)
}

var csvFormat = Format{CSV: true, Delimiter: ',', Header: true}

// readAll reads a source to its end, up to limit records a time, each as
// topic:offset:header:record.
func readAll(t *testing.T, o Options, limit int) (out []string, err error) {
	t.Helper()
	if o.MaxRecord == 0 {
		o.MaxRecord = 1 << 20
	}
	s := New(o)
	if err := s.Open(context.Background(), true); err != nil {
		return nil, err
	}
	defer s.Close()
	var c event.Chunk
	for {
		state, err := s.Read(context.Background(), 0, limit, true, &c)
		for i := range c.Recs {
			out = append(out, fmt.Sprintf("%s:%d:%s:%s", c.Origin.Topic, c.Recs[i].Offset, c.Header, c.Value(i)))
		}
		if err != nil || state == pipeline.Ended {
			return out, err
		}
		if len(c.Recs) == 0 || len(c.Recs) > limit {
			t.Fatalf("a read of up to %d brought %d records and no end", limit, len(c.Recs))
		}
	}
}

// TestEveryFileHasItsOwnHeader: also where a file ends with a chunk, or has no
// record at all.
func TestEveryFileHasItsOwnHeader(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "1.csv", []byte("a,b\n1,2\n3,4\n"))
	put(t, dir, "2.csv", []byte("b,a\n"))
	put(t, dir, "3.csv", nil)
	put(t, dir, "4.csv", []byte("\xef\xbb\xbfb,c\n5,6\n"))
	want := []string{"1.csv:2:a,b:1,2", "1.csv:3:a,b:3,4", "4.csv:2:b,c:5,6"}
	for limit := 1; limit < 5; limit++ {
		got, err := readAll(t, Options{Dir: dir, Patterns: []string{"*.csv"}, Format: csvFormat}, limit)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%d at once: %q, %v; want %q", limit, got, err, want)
		}
	}
}

func TestPackedFiles(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.jsonl.gz", append(gz(t, "1\n2\n"), gz(t, "3\n")...)) // of two members
	put(t, dir, "b.jsonl.zst", zst(t, "4\r\n5"))
	put(t, dir, "c.jsonl", []byte("6"))
	got, err := readAll(t, Options{Dir: dir, Patterns: []string{"*"}}, 100)
	want := []string{"a.jsonl.gz:1::1", "a.jsonl.gz:2::2", "a.jsonl.gz:3::3", "b.jsonl.zst:1::4", "b.jsonl.zst:2::5", "c.jsonl:1::6"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}

// TestBrokenFiles: what was before is there; file and place are named.
func TestBrokenFiles(t *testing.T) {
	text := strings.Repeat("some line of a log\n", 100_000)
	packed := map[string][]byte{"a.gz": gz(t, text), "a.zst": zst(t, text)}
	for name, content := range packed {
		dir := t.TempDir()
		put(t, dir, name, content[:len(content)-20])
		got, err := readAll(t, Options{Dir: dir, Patterns: []string{"a.*"}}, 2048)
		if err == nil || !strings.HasPrefix(err.Error(), name+": cannot be read on at line ") || len(got) == 0 || len(got) >= 100_000 {
			t.Errorf("%s: %d records, error %v", name, len(got), err)
		}
	}
	for name, content := range map[string]string{"a.gz": "plain text", "b.gz": "", "c.zst": "plain text"} {
		dir := t.TempDir()
		put(t, dir, name, []byte(content))
		if _, err := readAll(t, Options{Dir: dir, Patterns: []string{name}}, 10); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// TestBareCarriageReturns: a file with the line ends of old would be one long
// header and leave nothing.
func TestBareCarriageReturns(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a.csv", []byte("ts,id\r1,a\r2,b\r"))
	_, err := readAll(t, Options{Dir: dir, Patterns: []string{"a.csv"}, Format: csvFormat}, 10)
	if err == nil || !strings.Contains(err.Error(), "a.csv: line 1, the header, holds carriage returns") {
		t.Errorf("error %v", err)
	}
}

func TestLongRecordsAreCutAndMeasured(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a", []byte("short\n"+strings.Repeat("x", 10<<20)+"\nshort\n"))
	s := New(Options{Dir: dir, Patterns: []string{"a"}, MaxRecord: 100})
	if err := s.Open(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var c event.Chunk
	if _, err := s.Read(context.Background(), 0, 10, true, &c); err != nil || len(c.Recs) != 3 {
		t.Fatalf("%d records, %v", len(c.Recs), err)
	}
	if r := c.Recs[1]; r.Len != 100 || r.Size != 10<<20 || r.Offset != 2 || c.Recs[0].Size != 0 || c.Recs[2].Offset != 3 {
		t.Errorf("records %+v", c.Recs)
	}
}

func TestFiles(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"b.csv", "a.csv", "c.txt"} {
		put(t, dir, name, nil)
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	got, err := Files(dir, []string{"*.csv", "a.*", "./b.csv"})
	if want := []string{"a.csv", "b.csv"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	_, err = Files(dir, []string{"none*", "folder", "[", "a.csv"})
	for _, want := range []string{"none*: no such file", "is a folder, not a file; write folder/*", "[: bad pattern"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

func TestOriginsAreTheFilesInOrder(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "b", []byte("1\n"))
	put(t, dir, "a", []byte("2\n"))
	s := New(Options{Dir: dir, Patterns: []string{"b", "a"}})
	if err := s.Open(context.Background(), true); err != nil {
		t.Fatal(err)
	}
	if got, want := s.Origins(), []event.Origin{{Topic: "a"}, {Topic: "b"}}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestNamesThatLookLikePatterns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[1]*?")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"plain.jsonl", "part[2].jsonl", "part2.jsonl"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	f := func(pattern, want string) {
		t.Helper()
		names, err := Files(dir, []string{pattern})
		if got := strings.Join(names, " "); err != nil || got != want {
			t.Errorf("%s: got %q, %v; want %q", pattern, got, err, want)
		}
	}
	f("plain.jsonl", "plain.jsonl")
	f("p*.jsonl", "part2.jsonl part[2].jsonl plain.jsonl")
	f("part[2].jsonl", "part[2].jsonl")
	f("part[1-3].jsonl", "part2.jsonl")
	if _, err := Files(dir, []string{"none"}); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "none")) {
		t.Errorf("error %v, want the whole path", err)
	}
}
