package pipeline

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline/event"
)

// sortedLines are records in another order than that of their times.
func sortedLines() (lines []string) {
	for i := range 40 {
		lines = append(lines, fmt.Sprintf("%d k id%d", 1000+(i*7)%40, i))
	}
	return lines
}

// sorting gives a process a sorted source with these records.
func sorting(lines []string, change func(*Config)) func(*Config) {
	return func(c *Config) {
		c.MaxRecords, c.Operators = 2, []Operator{&echoOperator{traceOperator{InTime}}}
		c.Sinks[0].Tables = append(c.Sinks[0].Tables, echoTable)
		c.Sources[0].Source, c.Sources[0].Sort = newMemorySource(lines), true
		if change != nil {
			change(c)
		}
	}
}

// TestSortedSourceThatChangedIsRefused: whether its place is in a snapshot or in
// the journal alone, and whether anything of it is left.
func TestSortedSourceThatChangedIsRefused(t *testing.T) {
	lines := sortedLines()
	other := slices.Clone(lines)
	other[3] = "1021 k idX"
	for _, every := range []time.Duration{0, time.Hour} {
		for _, dieAt := range []int{3, 0} {
			f := func(want string, now []string, change func(*Config)) {
				t.Helper()
				w := steadyWorld(t)
				p := w.start(dieAt)
				snapshots := func(c *Config) { c.SnapshotEvery = every.Milliseconds() }
				if err := p.run(true, sorting(lines, snapshots)); (err == nil) != (dieAt == 0) {
					t.Fatal(err)
				}
				before := len(w.journal)
				if err := w.run(true, sorting(now, change)); err == nil || !strings.Contains(err.Error(), want) || dieAt > 0 && len(w.journal) != before {
					t.Errorf("snapshots every %s, killed at %d: error %v, %d entries after %d; want %q", every, dieAt, err, len(w.journal), before, want)
				}
				if err := w.run(true, sorting(lines, nil)); err != nil {
					t.Fatal(err)
				}
				if got := strings.Count(strings.Join(w.rows(), ""), "echo "); got != len(lines) {
					t.Errorf("snapshots every %s, killed at %d: %d rows of %d records", every, dieAt, got, len(lines))
				}
			}
			held := "sources.s: the source was sorted when it held 40 records of 430 bytes with checksum 89a034ac, and now it holds "
			f(held+"41 records of 441 bytes with checksum 86d4520d", append(slices.Clone(lines), "1039 k id40"), nil)
			f(held+"40 records of 430 bytes with checksum 6f0e7eb2", other, nil)
			f("sources.s: of the same 40 records 40 events from 1970-01-01T00:00:01.000Z to 1970-01-01T00:00:01.039Z with checksum ", lines, func(c *Config) {
				c.Sources[0].NewDecoder = func() event.Decoder { return laterDecoder{} }
			})
		}
	}
}

// laterDecoder gives every event another time.
type laterDecoder struct{ lineDecoder }

func (d laterDecoder) Decode(c *event.Chunk, b *event.Batch) {
	from := b.N
	d.lineDecoder.Decode(c, b)
	for i := from; i < b.N; i++ {
		b.Int[event.EventTime][i]++
	}
}

// TestSortedSourceIsJudgedByItsFirstStart: an event that was too far ahead then
// is so for good, or all behind it would move up.
func TestSortedSourceIsJudgedByItsFirstStart(t *testing.T) {
	lines := append([]string{"5000 k ahead"}, sortedLines()...)
	w := steadyWorld(t)
	for _, started := range []int64{2000, 4500} {
		err := w.run(true, sorting(lines, func(c *Config) { c.Started, c.Sources[0].FutureMax = started, 1000 }))
		if err != nil {
			t.Fatal(err)
		}
	}
	all := strings.Join(w.rows(), "")
	if got := strings.Count(all, "echo "); got != len(lines)-1 || strings.Contains(all, "echo ahead") {
		t.Errorf("%d rows of %d records\n%s", got, len(lines), all)
	}
}
