package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstream/pipeline/disk/disktest"
)

var errKilled = errors.New("killed")

// simulated is a journal on a simulated disk through many lives.
type simulated struct {
	t    *testing.T
	r    *rand.Rand
	disk *disktest.Disk
	// durable are the entries that a Commit has confirmed, by number from 1;
	// maybe is one that a killed process was about to.
	durable []string
	maybe   string
	trimmed int64
}

// life opens the journal, reads it, and commits until it is killed.
func (s *simulated) life(acts int) {
	var p *disktest.Process
	p = s.disk.Process(func(effect func()) error {
		acts--
		if acts > 0 || acts == 0 && s.r.IntN(2) == 0 {
			effect()
		}
		if acts <= 0 {
			s.disk.Kill(p)
			return errKilled
		}
		return nil
	})
	defer func() {
		s.disk.Kill(p)
		if s.r.IntN(2) == 0 {
			s.disk.LosePower(s.r)
		}
	}()
	f, err := OpenOn(p, "/state")
	if err == nil {
		err = f.Open(s.t.Context(), func() { s.t.Error("a killed process has the lock") })
	}
	if s.died(acts, err) {
		return
	}
	defer f.Close()
	first := 1 + s.r.Int64N(s.trimmed+1)
	var got []string
	begin := int64(0)
	_, err = f.Read(s.t.Context(), first, func(number int64, entry []byte) error {
		if begin == 0 {
			begin = number
		}
		got = append(got, string(entry))
		return nil
	})
	if s.died(acts, err) {
		return
	}
	s.compare(first, begin, got)
	for {
		number := int64(len(s.durable) + 1)
		s.maybe = fmt.Sprint(number, " ", strings.Repeat("x", s.r.IntN(40)), s.r.Uint64())
		f.isFull = f.isFull || s.r.IntN(4) == 0
		if err := f.Commit(s.t.Context(), number, []byte(s.maybe)); s.died(acts, err) {
			return
		}
		s.durable, s.maybe = append(s.durable, s.maybe), ""
		if s.r.IntN(5) == 0 {
			below := s.trimmed + s.r.Int64N(number-s.trimmed+1)
			s.trimmed = max(s.trimmed, below)
			if err := f.Trim(s.t.Context(), below); s.died(acts, err) {
				return
			}
		}
	}
}

// died reports whether the life is over, by an error of the kill alone.
func (s *simulated) died(acts int, err error) bool {
	if err != nil && acts > 0 {
		s.t.Fatal(err)
	}
	return err != nil
}

// compare takes what a life has read, which may hold the entry that was under
// way.
func (s *simulated) compare(first, begin int64, got []string) {
	if begin == 0 {
		begin = int64(len(s.durable)) + 1
	}
	if begin < first || begin > max(first, s.trimmed) && len(s.durable) >= int(max(first, s.trimmed)) {
		s.t.Fatalf("from %d on the first entry is %d; %d are durable, those below %d trimmed", first, begin, len(s.durable), s.trimmed)
	}
	want := s.durable[begin-1:]
	if len(got) == len(want)+1 && got[len(want)] == s.maybe {
		s.durable, want = append(s.durable, s.maybe), got
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		s.t.Fatalf("from %d on %d entries are there, %d were durable\n%q\n%q", begin, len(got), len(want), got, want)
	}
}

// TestNothingDurableIsLost kills processes at random acts and cuts the power:
// every entry that was confirmed is there, in its order and as it was.
func TestNothingDurableIsLost(t *testing.T) {
	seeds := uint64(3_000)
	if testing.Short() {
		seeds = 600
	}
	for seed := range seeds {
		s := &simulated{t: t, r: rand.New(rand.NewPCG(seed, 8)), disk: disktest.New()}
		for range 2 + s.r.IntN(6) {
			s.life(1 + s.r.IntN(40))
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}
