package pipeline

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/event"
)

// steadyWorld is a world in which nothing fails by itself.
func steadyWorld(t *testing.T) *world {
	w := newWorld(t, 1)
	w.away = 0
	return w
}

// run runs a process of the world that nothing kills.
func (w *world) run(bounded bool, change func(*Config)) error {
	return w.start(0).run(bounded, change)
}

// runUntil runs a live process and stops it in order when the condition holds.
func (w *world) runUntil(reached func(*Pipeline) bool, change func(*Config)) error {
	cfg := w.start(0).config(false)
	change(&cfg)
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	p, done := New(cfg), make(chan error, 1)
	go func() { done <- p.Run(ctx) }()
	for !reached(p) {
		select {
		case err := <-done:
			return err
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	return <-done
}

// sameRows compares what came out with what an undisturbed run leaves.
func (w *world) sameRows() {
	w.t.Helper()
	calm := newWorld(w.t, w.seed)
	calm.away = 0
	if err := calm.run(true, nil); err != nil {
		w.t.Fatal(err)
	}
	if got, want := w.rows(), calm.rows(); !slices.Equal(got, want) {
		w.t.Errorf("got %d rows, want %d\n%s", len(got), len(want), differ(got, want))
	}
}

// breakingSource fails for good behind a number of records.
type breakingSource struct {
	*simSource
	left int
}

func (s *breakingSource) Read(ctx context.Context, p, limit int, wait bool, c *event.Chunk) (ReadState, error) {
	if s.left <= 0 {
		c.Reset()
		return HasMore, errors.New("the disk cannot be read")
	}
	state, err := s.simSource.Read(ctx, p, min(limit, s.left), wait, c)
	s.left -= len(c.Recs)
	return state, err
}

func TestBoundedRunGoesOnBehindASourceThatBroke(t *testing.T) {
	w := steadyWorld(t)
	for _, left := range []int{7, 0, 20} {
		err := w.run(true, func(c *Config) {
			c.Sources[0].Source = &breakingSource{c.Sources[0].Source.(*simSource), left}
		})
		if err == nil || !strings.Contains(err.Error(), "the disk cannot be read") {
			t.Fatal(err)
		}
	}
	if err := w.run(true, nil); err != nil {
		t.Fatal(err)
	}
	w.sameRows()
}

// faultyDecoder has a fault that shows behind a number of chunks.
type faultyDecoder struct {
	lineDecoder
	left  *int
	fault func()
}

func (d faultyDecoder) Decode(c *event.Chunk, b *event.Batch) {
	if *d.left--; *d.left < 0 {
		d.fault()
		panic("a fault")
	}
	d.lineDecoder.Decode(c, b)
}

func TestStateGoesOnBehindAFaultOfADecoder(t *testing.T) {
	w := steadyWorld(t)
	// Without the folder there is no snapshot behind the last commit.
	for _, fault := range []func(){func() { os.RemoveAll(w.dir) }, func() {}} {
		left := 3
		err := w.run(true, func(c *Config) {
			c.Lanes, c.MaxRecords, c.SnapshotEvery = 1, 4, 3_600_000
			c.Sources[0].NewDecoder = func() event.Decoder { return faultyDecoder{left: &left, fault: fault} }
		})
		if err == nil {
			t.Fatal("the fault was not seen")
		}
	}
	if err := w.run(true, nil); err != nil {
		t.Fatal(err)
	}
	w.sameRows()
}

func TestSortedSourceIsKeptUntilItIsLoadedAgain(t *testing.T) {
	cfg := testConfig(newMemorySource([]string{"1 a", "2 a", "3 a"}), nil, Arrival, 2, 1)
	cfg.Sources[0].Sort = true
	in := newInput(&cfg, newStatus(cfg.Log))
	kept := partitionState{highest: 2, sorted: true, next: 2}
	if err := in.resume(&inputState{sources: []sourceState{{name: "s", parts: []partitionState{kept}}}}, nil); err != nil {
		t.Fatal(err)
	}
	if err := in.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := in.state().sources[0].parts[0]; got != kept {
		t.Errorf("got %+v, want %+v", got, kept)
	}
}

// latestSource starts at the end of its partitions.
type latestSource struct {
	*simSource
	isResumed bool
}

func (s *latestSource) Resume(positions []Position) {
	s.simSource.Resume(positions)
	s.isResumed = true
}

func (s *latestSource) Open(ctx context.Context, bounded bool) error {
	if err := s.simSource.Open(ctx, bounded); err != nil || s.isResumed {
		return err
	}
	for i, p := range s.w.parts {
		s.next[i] = int64(len(p))
	}
	return nil
}

// TestWhatComesBetweenTwoRunsIsRead: a run that has read nothing yet has begun
// all the same, with a partition at its end or without one, alone or not.
func TestWhatComesBetweenTwoRunsIsRead(t *testing.T) {
	f := func(visible int, alone bool) {
		t.Helper()
		w := steadyWorld(t)
		w.parts, w.visible = [][]string{w.parts[0][:10]}, visible
		other := onceSource{newMemorySource([]string{"1000 z m"})}
		sources := func(c *Config) {
			second := c.Sources[0]
			c.Sources[0].Source = &latestSource{simSource: c.Sources[0].Source.(*simSource)}
			if !alone {
				second.Name, second.Source = "second", other
				c.Sources = append(c.Sources, second)
			}
		}
		drained := func(p *Pipeline) bool { return p.Status().Drained() && (alone || p.Status().Records.Load() > 0) }
		if err := w.runUntil(drained, sources); err != nil {
			t.Fatal(err)
		}
		if visible == 0 {
			w.parts[0] = nil
		}
		w.parts[0] = append(slices.Clone(w.parts[0]), "2000 y n")
		err := w.run(true, sources)
		if err != nil || !slices.ContainsFunc(w.rows(), func(row string) bool { return strings.HasPrefix(row, "tally y 2000") }) {
			t.Errorf("with %d partitions at first, alone %t: %v, %q", visible, alone, err, w.rows())
		}
	}
	f(0, false)
	f(1, false)
	f(1, true)
}

// onceSource goes on where it was without being told.
type onceSource struct{ *memorySource }

func (onceSource) Resume([]Position)     {}
func (onceSource) Positions() []Position { return []Position{{}} }

func TestEntryOfAnotherFormatIsNoDamage(t *testing.T) {
	w := steadyWorld(t)
	if err := w.run(true, func(c *Config) { c.SnapshotEvery = 3_600_000 }); err != nil {
		t.Fatal(err)
	}
	if err := os.RemoveAll(w.dir); err != nil {
		t.Fatal(err)
	}
	b := w.journal[0].bytes
	b[0]++
	body := b[:len(b)-4]
	binary.LittleEndian.PutUint32(b[len(body):], crc32.Checksum(body, castagnoli))
	err := w.run(true, nil)
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("journal entry 1: its format is %d, this version reads %d", entryFormat+1, entryFormat)) || len(w.journal) < 2 {
		t.Error(err)
	}
}
