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
}

// readFrom reads a source from a position to its end, in random portions.
func readFrom(t *testing.T, o Options, d *rand.Rand, from pipeline.Position) (out []taken, err error) {
	t.Helper()
	o.MaxRecord = 1 << 20
	s := New(o)
	s.Resume([]pipeline.Position{from})
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
				pipeline.Position{Topic: c.Origin.Topic, Offset: r.Offset + 1},
			})
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
			rest, err := readFrom(t, o, d, last.behind)
			if err != nil || !slices.Equal(rest, whole[i+1:]) {
				t.Fatalf("seed %d: from %v %d records, want %d, error %v: %v", seed, last.behind, len(rest), len(whole)-i-1, err, rest)
			}
		}
	}
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
