package file

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// taken is a record with all that Read says of it, and the position behind it.
type taken struct {
	text   string
	behind pipeline.Position
	mark   string // of the last record of a chunk
}

// readFrom reads a source from a position to its end, in random portions.
func readFrom(t *testing.T, o Options, d *rand.Rand, from pipeline.Position) ([]taken, error) {
	return readMarked(t, o, d, from, nil)
}

// readMarked does it with the mark that was kept.
func readMarked(t *testing.T, o Options, d *rand.Rand, from pipeline.Position, mark []byte) (out []taken, err error) {
	t.Helper()
	if o.MaxRecord == 0 {
		o.MaxRecord = 1 << 20
	}
	s := New(o)
	s.Resume([]pipeline.Position{from})
	s.Expect(mark)
	if err := s.Open(context.Background(), true); err != nil {
		return nil, err
	}
	defer s.Close()
	if got := s.Positions(); !slices.Equal(got, []pipeline.Position{from}) {
		t.Errorf("began at %v, want %v", got, from)
	}
	var c event.Chunk
	for {
		state, err := s.Read(context.Background(), 0, 1+d.IntN(9), true, &c)
		for i, r := range c.Recs {
			out = append(out, taken{
				fmt.Sprintf("%v %d %d %d %s %q", c.Origin, r.Offset, r.Timestamp, c.At, c.Header, c.Value(i)),
				pipeline.Position{Topic: c.Origin.Topic, Offset: r.Offset + 1}, "",
			})
		}
		if len(c.Recs) > 0 {
			out[len(out)-1].mark = string(s.Mark())
		}
		if err != nil || state == pipeline.Ended {
			return out, err
		}
	}
}

// content makes a file's text with blank lines and, in csv, cells over lines.
func content(d *rand.Rand, csv bool) string {
	var b strings.Builder
	for i := range d.IntN(12) {
		switch {
		case d.IntN(5) == 0:
			b.WriteString("\n")
		case csv && d.IntN(3) == 0:
			fmt.Fprintf(&b, "%d,\"a\n\nb\"\r\n", i)
		default:
			fmt.Fprintf(&b, "%d,x\n", i)
		}
	}
	return strings.TrimSuffix(b.String(), []string{"\n", ""}[d.IntN(2)])
}

// TestResume: from each position the source gives what the undisturbed one
// gives behind it.
func TestResume(t *testing.T) {
	for seed := range 60 {
		d := rand.New(rand.NewPCG(uint64(seed), 3))
		dir := t.TempDir()
		o := Options{Dir: dir, Patterns: []string{"*"}}
		if d.IntN(2) == 0 {
			o.Format = csvFormat
			o.Format.Header = d.IntN(2) == 0
		}
		for i := range 1 + d.IntN(4) {
			name, text := fmt.Sprintf("%d", i), content(d, o.Format.CSV)
			switch d.IntN(3) {
			case 0:
				put(t, dir, name, []byte(text))
			case 1:
				put(t, dir, name+".gz", gz(t, text))
			case 2:
				put(t, dir, name+".zst", zst(t, text))
			}
		}
		whole, err := readFrom(t, o, d, pipeline.Position{})
		if err != nil {
			t.Fatal(err)
		}
		for i, last := range whole {
			rest, err := readMarked(t, o, d, last.behind, []byte(last.mark))
			if err != nil || !slices.EqualFunc(rest, whole[i+1:], same) {
				t.Fatalf("seed %d: from %v %d records, want %d, error %v: %v", seed, last.behind, len(rest), len(whole)-i-1, err, rest)
			}
		}
	}
}

// same compares records. Chunks may end elsewhere; where they end in one place
// they have one mark.
func same(a, b taken) bool {
	return a.text == b.text && a.behind == b.behind && (a.mark == b.mark || a.mark == "" || b.mark == "")
}

// TestChangedFileIsFound: of the same length, with other lines, cut or grown
// before the position, packed or not. What is appended is no change.
func TestChangedFileIsFound(t *testing.T) {
	d := rand.New(rand.NewPCG(2, 2))
	f := func(name, was, now, want string) {
		t.Helper()
		dir, pack := t.TempDir(), func(text string) []byte { return []byte(text) }
		switch {
		case strings.HasSuffix(name, ".gz"):
			pack = func(text string) []byte { return gz(t, text) }
		case strings.HasSuffix(name, ".zst"):
			pack = func(text string) []byte { return zst(t, text) }
		}
		o := Options{Dir: dir, Patterns: []string{"*"}, MaxRecord: 300}
		put(t, dir, name, pack(was))
		whole, err := readFrom(t, o, d, pipeline.Position{})
		if err != nil {
			t.Fatal(err)
		}
		last := whole[len(whole)-1]
		put(t, dir, name, pack(now))
		rest, err := readMarked(t, o, d, last.behind, []byte(last.mark))
		switch {
		case want == "" && (err != nil || len(rest) != 1):
			t.Errorf("%s from %.20q to %.20q: %d records, error %v", name, was, now, len(rest), err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s from %.20q to %.20q: error %v lacks %q", name, was, now, err, want)
		}
	}
	long := strings.Repeat("x", 1000)
	for _, ending := range []string{"", ".gz", ".zst"} {
		name := "web.jsonl" + ending
		f(name, "one\ntwo\n", "one\ntwo\nthree\n", "")
		f(name, "one\ntwo\n\n\n", "one\ntwo\n\n\n\nthree\n", "")
		f(name, "one\ntwo", "one\ntwo\nthree", "")
		f(name, "one\n"+long, "one\n"+long+"\nthree", "")
		f(name, "one\ntwo\n", "one\ntwO\n", name+": its records up to line 2 were 8 bytes with checksum fcac93a4 when they were read, and now are 8 bytes with checksum 832770a6: the file was changed or replaced")
		f(name, "one\ntwo\n", "One\ntwo\nthree\n", "and now are 8 bytes")
		f(name, "one\ntwo\n", "one\ntwice\nthree\n", "were 8 bytes with checksum fcac93a4 when they were read, and now are 10 bytes")
		f(name, "one\n"+long, "one\ny"+long+"\nthree", "and now are 1006 bytes")
		f(name, "one\ntwo\n", "one\n\ntwo\n", name+": a record began at line 2 when it was read, and now none does")
		f(name, "one\ntwo\n", "one\n\n", name+": a record began at line 2 when it was read, and now none does")
		f(name, "one\ntwo\n", "one\n", name+": has 1 lines, and reading is to go on at its line 3")
	}
	var lines strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&lines, "line %d\n", i)
	}
	f("long.jsonl", lines.String(), strings.Replace(lines.String(), "line 7\n", "line 8\n", 1), "its records up to line 100000 were 1088890 bytes")
	f("long.jsonl", lines.String(), lines.String()+"more\n", "")
}

func TestResumeWithoutItsFile(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "a", []byte("1\n2\n3\n"))
	put(t, dir, "c", []byte("4\n"))
	o := Options{Dir: dir, Patterns: []string{"*"}}
	d := rand.New(rand.NewPCG(1, 1))
	f := func(from pipeline.Position, wants ...string) {
		t.Helper()
		got, err := readFrom(t, o, d, from)
		if err == nil {
			t.Errorf("%v: no error, %v", from, got)
			return
		}
		for _, want := range wants {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%v: error %v lacks %q", from, err, want)
			}
		}
	}
	f(pipeline.Position{Topic: "b", Offset: 7}, "b: is not there any more", filepath.Join(dir, "b"), "line 7")
	f(pipeline.Position{Topic: "a", Offset: 5}, "a: has 3 lines", "line 5")
	if got, err := readFrom(t, o, d, pipeline.Position{Topic: "a", Offset: 4}); err != nil || len(got) != 1 {
		t.Errorf("at the end of a: %v, %v", got, err)
	}
	// A file that sorts before is never read.
	put(t, dir, "0", []byte("late\n"))
	if got, err := readFrom(t, o, d, pipeline.Position{Topic: "a", Offset: 3}); err != nil || len(got) != 2 {
		t.Errorf("with a file that came late: %v, %v", got, err)
	}
	if err := os.Remove(filepath.Join(dir, "a")); err != nil {
		t.Fatal(err)
	}
	f(pipeline.Position{Topic: "a", Offset: 4}, "a: is not there any more")
}
