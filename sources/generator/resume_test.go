package generator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// resumed opens a small world at a position.
func resumed(t testing.TB, rate float64, positions ...pipeline.Position) (*Source, error) {
	t.Helper()
	o := Defaults()
	o.Customers, o.Days, o.Rate, o.DuplicateShare, o.BadShare = 5, 2, rate, 0.1, 0.1
	s := NewSource(o)
	s.Resume(positions)
	t.Cleanup(func() { s.Close() })
	return s, s.Open(t.Context(), true)
}

type given struct {
	offset, timestamp, at int64
	text                  string
}

func drain(t *testing.T, s *Source) (out []given) {
	t.Helper()
	var c event.Chunk
	for {
		state, err := s.Read(t.Context(), 0, 13, true, &c)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range c.Recs {
			out = append(out, given{r.Offset, r.Timestamp, c.At, c.Origin.Topic + string(c.Header) + string(c.Value(i))})
		}
		if state == pipeline.Ended {
			return out
		}
	}
}

// TestResume: from each position the world is the one that was left.
func TestResume(t *testing.T) {
	s, err := resumed(t, 0)
	if err != nil || !slices.Equal(s.Positions(), []pipeline.Position{{}}) {
		t.Fatalf("%v, %v", s.Positions(), err)
	}
	whole := drain(t, s)
	if len(whole) < 50 {
		t.Fatalf("a world of %d records", len(whole))
	}
	for _, n := range []int{0, 1, 2, len(whole) / 3, len(whole) / 2, len(whole) - 1, len(whole)} {
		from := pipeline.Position{Topic: topic, Offset: int64(n)}
		if n == 0 {
			from = pipeline.Position{}
		}
		s, err := resumed(t, 0, from)
		if err != nil || !slices.Equal(s.Positions(), []pipeline.Position{from}) {
			t.Fatalf("%v, %v", s.Positions(), err)
		}
		if got := drain(t, s); !slices.Equal(got, whole[n:]) {
			t.Errorf("from %d: %d records, want those of the rest, %d", n, len(got), len(whole)-n)
		}
	}
	_, err = resumed(t, 0, pipeline.Position{Topic: topic, Offset: int64(len(whole)) + 1})
	if err == nil || !strings.Contains(err.Error(), "go on behind") {
		t.Errorf("behind the end: %v", err)
	}
}

// TestResumeWithARate: what is skipped does not count as read.
func TestResumeWithARate(t *testing.T) {
	s, err := resumed(t, 0.001, pipeline.Position{Topic: topic, Offset: 20})
	if err != nil {
		t.Fatal(err)
	}
	s.began = s.began.Add(-3000 * time.Second)
	var c event.Chunk
	if state, err := s.Read(t.Context(), 0, 10, false, &c); state != pipeline.HasMore || err != nil || len(c.Recs) != 3 || c.Recs[0].Offset != 20 {
		t.Errorf("3 are due: state %d, error %v, %+v", state, err, c.Recs)
	}
}

func TestResumeIsGivenUp(t *testing.T) {
	s := NewSource(Defaults())
	s.Resume([]pipeline.Position{{Topic: topic, Offset: 1 << 40}})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := s.Open(ctx, false); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// BenchmarkSkip is a record that is skipped.
func BenchmarkSkip(b *testing.B) {
	o := Defaults()
	o.Days = 3660
	w, err := New(o, nil)
	if err != nil {
		b.Fatal(err)
	}
	s := NewSource(o)
	s.first = int64(b.N)
	b.ResetTimer()
	if err := s.skip(b.Context(), w); err != nil {
		b.Fatal(err)
	}
}
