package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"touchstream/pipeline/event"
)

// liveSource serves what a test has put into its partitions; an empty one is
// caught up, has ended, or fails.
type liveSource struct {
	ends   bool
	parts  [][]string
	next   []int
	failed []error
	ready  chan struct{}
}

func newLiveSource(parts int) *liveSource {
	return &liveSource{parts: make([][]string, parts), next: make([]int, parts), failed: make([]error, parts), ready: make(chan struct{}, 1)}
}

func (s *liveSource) Open(context.Context, bool) error { return nil }
func (s *liveSource) Partitions() int                  { return len(s.parts) }
func (s *liveSource) Ready() <-chan struct{}           { return s.ready }
func (s *liveSource) Lag() int64                       { return 0 }
func (s *liveSource) Close() error                     { return nil }

func (s *liveSource) Read(_ context.Context, p, limit int, _ bool, c *event.Chunk) (ReadState, error) {
	c.Reset()
	c.Origin.Topic, c.Origin.Partition = "t", int32(p)
	if s.failed[p] != nil {
		return HasMore, s.failed[p]
	}
	for len(c.Recs) < limit && s.next[p] < len(s.parts[p]) {
		c.Add([]byte(s.parts[p][s.next[p]]), int64(s.next[p]), event.Absent)
		s.next[p]++
	}
	if s.next[p] < len(s.parts[p]) {
		return HasMore, nil
	}
	if s.ends {
		return Ended, nil
	}
	return CaughtUp, nil
}

// It goes on where it is, whatever the positions say.
func (s *liveSource) Resume([]Position)     {}
func (s *liveSource) Positions() []Position { return make([]Position, len(s.parts)) }

// live drives the input of an unbounded pipeline by hand.
type live struct {
	t   *testing.T
	in  *input
	cfg *Config
	now int64
}

func newLive(t *testing.T, sources ...*liveSource) *live {
	l := &live{t: t, now: 1_000_000}
	cfg := testConfig(nil, &memorySink{}, Arrival, 8, 1)
	cfg.Bounded, cfg.Clock = false, func() int64 { return l.now }
	base := cfg.Sources[0]
	cfg.Sources = nil
	for i, s := range sources {
		c := base
		c.Name, c.Source, c.IdleAfter = fmt.Sprintf("s%d", i), s, 60_000
		cfg.Sources = append(cfg.Sources, c)
	}
	l.cfg = &cfg
	status := newStatus(cfg.Log)
	l.in = newInput(&cfg, status)
	if err := l.in.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	return l
}

// step makes one step after so many ms, of one pass over the partitions.
func (l *live) step(after int64) *step {
	l.now += after
	s := &step{clock: l.now}
	l.in.discover()
	l.in.pass(l.t.Context(), s)
	l.in.decode(s)
	l.in.closeStep(s)
	for _, x := range s.pieces {
		l.in.givePiece(x)
	}
	return s
}

// restart goes on with another input where this one is; its sources go on.
func (l *live) restart() {
	l.t.Helper()
	for _, p := range l.in.parts {
		p.known = true
	}
	state := l.in.state()
	l.in = newInput(l.cfg, newStatus(l.cfg.Log))
	if err := errors.Join(l.in.resume(state, nil), l.in.open(l.t.Context())); err != nil {
		l.t.Fatal(err)
	}
	if !l.in.replay(l.t.Context(), nil) {
		l.t.Fatal("the replay broke off")
	}
}

// watermark checks the pipeline's watermark after one more step.
func (l *live) watermark(what string, after, want int64) {
	l.t.Helper()
	if got := l.step(after).watermarks[AllSources]; got != want {
		l.t.Errorf("%s: watermark %d, want %d", what, got, want)
	}
}

func TestIdlePartitions(t *testing.T) {
	src := newLiveSource(2)
	l := newLive(t, src)
	src.parts[0] = []string{"1000 a"}
	l.watermark("a partition that starts empty holds it", 0, beginOfTime)
	l.watermark("until it is idle", 59_999, beginOfTime)
	src.parts[0] = append(src.parts[0], "2000 a")
	l.watermark("then it leaves", 1, 1990)
	src.parts[1] = []string{"500 b"}
	l.watermark("it comes back behind", 0, 1990)
	src.parts[1] = append(src.parts[1], "5000 b")
	l.watermark("the other one holds now", 0, 1990)
	src.parts[1] = append(src.parts[1], "5000 c")
	l.watermark("until it is idle", 30_000, 1990)
	l.watermark("as it is now", 30_000, 4990)
	src.failed[1] = Retryable(errors.New("no broker"))
	l.watermark("a failing partition is not idle", 60_000, 4990)
	l.watermark("however long it fails", 600_000, 4990)
	src.failed[1] = nil
	l.watermark("it works again", 0, 4990)
	l.watermark("all are idle", 60_000, 4990)
	l.watermark("the time that passes counts", 1_000, 5990)
}

// TestTimeBetweenRunsIsNotIdle: a file that grew while no process ran was not
// idle meanwhile, whether it is read to its end in one step or in several.
func TestTimeBetweenRunsIsNotIdle(t *testing.T) {
	const hour = 3_600_000
	src := newLiveSource(1)
	l := newLive(t, src)
	src.ends, src.parts[0] = true, []string{"1000 a"}
	l.watermark("what it brings before its end counts", 0, 990)
	l.watermark("then the time that passes", 1_000, 1_990)
	src.parts[0] = append(src.parts[0], "9000 b")
	l.restart()
	l.watermark("what was appended counts alone", hour, 8_990)
	l.watermark("then the time that passes, again", 500, 9_490)
	l.restart()
	l.watermark("without news it stays", hour, 9_490)
	l.watermark("until time passes in this run", 500, 9_990)
}

func TestPausedPartitionIsNeverIdle(t *testing.T) {
	ahead, behind := newLiveSource(1), newLiveSource(1)
	l := newLive(t, ahead, behind)
	ahead.parts[0] = []string{"10000000 a"}
	for i := range 100 {
		behind.parts[0] = append(behind.parts[0], fmt.Sprintf("%d b", i))
	}
	l.step(0)
	l.step(10)
	if p := l.in.parts[0]; !p.paused {
		t.Fatalf("the source ahead is not paused: %+v", p)
	}
	ahead.parts[0] = append(ahead.parts[0], "10000001 a")
	for range 5 {
		l.step(60_000)
		if p := l.in.parts[0]; p.idle || p.state == Ended {
			t.Fatalf("a paused partition became idle: %+v", p)
		}
	}
}

// TestAlignmentWaitsForTheFirstEvent: a partition that has records and could not
// bring one yet is behind all others.
func TestAlignmentWaitsForTheFirstEvent(t *testing.T) {
	src := newLiveSource(2)
	src.failed[1] = Retryable(errors.New("no broker"))
	l := newLive(t, src)
	for i := range 100 {
		src.parts[0] = append(src.parts[0], fmt.Sprintf("%d a", i))
	}
	for range 10 {
		l.step(10)
	}
	if src.next[0] > 8 {
		t.Errorf("%d records of one partition were read while the other one failed", src.next[0])
	}
	src.failed[1] = nil
	for range 30 {
		l.step(10)
	}
	if src.next[0] != 100 {
		t.Errorf("%d of 100 records were read", src.next[0])
	}
}

func TestFailingAdvisorySourceHoldsNobodyBack(t *testing.T) {
	web, tills := newLiveSource(1), newLiveSource(1)
	l := newLive(t, web, tills)
	l.cfg.Sources[1].Advisory = true
	tills.parts[0] = []string{"1000 b"}
	l.step(0)
	tills.failed[0] = Retryable(errors.New("no broker"))
	l.step(10)
	for i := range 100 {
		web.parts[0] = append(web.parts[0], fmt.Sprintf("%d a", 1_000_000*i))
	}
	for range 30 {
		l.step(10)
	}
	if web.next[0] != 100 {
		t.Errorf("%d of 100 records were read", web.next[0])
	}
}

// TestStepIsBoundInBytes: a partition of large records gives its share.
func TestStepIsBoundInBytes(t *testing.T) {
	for _, bounded := range []bool{false, true} {
		src := newLiveSource(1)
		l := newLive(t, src)
		l.cfg.Bounded, l.cfg.MaxRecords = bounded, 1<<20
		large := "1 " + strings.Repeat("a", stepBytesMax/16)
		for range 100 {
			src.parts[0] = append(src.parts[0], large)
		}
		readSource{src, 1}.step(t, l, bounded)
	}
}

// readSource hands over few records at once, as a source does that bounds the
// bytes of a chunk.
type readSource struct {
	*liveSource
	most int
}

func (s readSource) Read(ctx context.Context, p, limit int, wait bool, c *event.Chunk) (ReadState, error) {
	return s.liveSource.Read(ctx, p, min(limit, s.most), wait, c)
}

func (s readSource) step(t *testing.T, l *live, bounded bool) {
	t.Helper()
	l.cfg.Sources[0].Source = s
	var st step
	if bounded {
		l.in.gatherBounded(t.Context(), &st)
	} else {
		l.in.gather(t.Context(), &st)
	}
	if st.bytes < stepBytesMax || st.bytes > stepBytesMax+stepBytesMax/8 {
		t.Errorf("bounded %v: a step of %d records has %d bytes, bound %d", bounded, st.records, st.bytes, stepBytesMax)
	}
}

// TestPlentyIsTakenAtOnce: one partition of many fills a step without waiting.
func TestPlentyIsTakenAtOnce(t *testing.T) {
	src := newLiveSource(50)
	l := newLive(t, src)
	l.cfg.MaxRecords = 100
	for i := range 1000 {
		src.parts[7] = append(src.parts[7], fmt.Sprintf("%d a", i))
	}
	var s step
	l.in.gather(t.Context(), &s)
	if s.records != 100 {
		t.Errorf("the step has %d records, want 100", s.records)
	}
}

func TestSortedSourceThatBreaks(t *testing.T) {
	src := newMemorySource([]string{"500 a", "400 a", "300 a", "200 a", "100 a"})
	src.fail = errors.New("unexpected end of file")
	sink, _, err := runLog(t, src, Arrival, 2, 1, func(c *Config) { c.Sources[0].Sort = true })
	if err == nil || !strings.Contains(err.Error(), "sources.s: unexpected end of file") {
		t.Errorf("error %v", err)
	}
	if got, want := sink.rows["trace"], []string{"a 100 0", "a 200 0", "a 300 0", "a 400 0", "a 500 0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestSortedSourceInALiveRun: it does not wait for ticks, and its memory goes.
func TestSortedSourceInALiveRun(t *testing.T) {
	src := newLiveSource(0)
	l := newLive(t, src)
	var lines []string
	for i := range 100 {
		lines = append(lines, fmt.Sprintf("%d a", 100-i))
	}
	l.cfg.Sources[0].Source, l.cfg.Sources[0].Sort = newMemorySource(lines), true
	l.in = newInput(l.cfg, newStatus(l.cfg.Log))
	if err := l.in.open(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := 0
	for range 13 {
		var s step
		l.in.gather(t.Context(), &s)
		if s.sortedRows > l.cfg.MaxRecords {
			t.Fatalf("a step has %d rows of a sorted source, at most %d may be", s.sortedRows, l.cfg.MaxRecords)
		}
		rows += s.sortedRows
	}
	if rows != 100 || l.in.sorted[0] != nil || l.in.parts[0].state != Ended {
		t.Errorf("%d rows, kept %v", rows, l.in.sorted[0] != nil)
	}
}

// holdLog counts log lines by message.
type holdLog struct {
	slog.Handler
	lines map[string]int
}

func (h holdLog) Enabled(context.Context, slog.Level) bool { return true }
func (h holdLog) Handle(_ context.Context, r slog.Record) error {
	h.lines[r.Message]++
	return nil
}

// TestFailingPartitionIsLoggedOnce: also while others of its source work.
func TestFailingPartitionIsLoggedOnce(t *testing.T) {
	src := newLiveSource(3)
	l := newLive(t, src)
	log := holdLog{slog.DiscardHandler, map[string]int{}}
	l.in.status.log = slog.New(log)
	src.failed[1] = Retryable(errors.New("no leader"))
	for range 5 {
		l.step(10)
	}
	if state, holds := l.in.status.State(); len(holds) != 1 || holds[0].Where != "sources.s0" {
		t.Errorf("state %s, holds %v", state, holds)
	}
	src.failed[1] = nil
	l.step(10)
	if log.lines["held"] != 1 || log.lines["resumed"] != 1 {
		t.Errorf("log lines %v, want one held and one resumed", log.lines)
	}
}
