package pipeline

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// memorySource serves records of some partitions from memory.
type memorySource struct {
	parts [][]string
	next  []int
	ready chan struct{}
	fail  error // after the last record, instead of the end
}

func newMemorySource(parts ...[]string) *memorySource {
	return &memorySource{parts: parts, next: make([]int, len(parts)), ready: make(chan struct{}, 1)}
}

func (s *memorySource) Open(context.Context, bool) error { return nil }
func (s *memorySource) Partitions() int                  { return len(s.parts) }
func (s *memorySource) Ready() <-chan struct{}           { return s.ready }
func (s *memorySource) Lag() int64                       { return -1 }
func (s *memorySource) Close() error                     { return nil }

func (s *memorySource) Read(_ context.Context, p, limit int, _ bool, c *event.Chunk) (ReadState, error) {
	c.Reset()
	c.Origin.Topic, c.Origin.Partition = "t", int32(p)
	for len(c.Recs) < limit && s.next[p] < len(s.parts[p]) {
		c.Add([]byte(s.parts[p][s.next[p]]), int64(s.next[p]), event.Absent)
		s.next[p]++
	}
	if s.next[p] < len(s.parts[p]) {
		return HasMore, nil
	}
	switch {
	case s.fail == nil:
		return Ended, nil
	case len(c.Recs) == 0:
		return HasMore, s.fail
	}
	return HasMore, nil // the failure comes with the next read
}

// lineDecoder reads "time key [message_id]".
type lineDecoder struct{}

func (lineDecoder) Decode(c *event.Chunk, b *event.Batch) {
	for i := range c.Recs {
		f := strings.Fields(string(c.Value(i)))
		t, err := strconv.ParseInt(f[0], 10, 64)
		if err != nil {
			b.Fail(c.First+uint32(i), 0, event.BadTime, err.Error())
			continue
		}
		r := b.Add()
		b.Record[r] = c.First + uint32(i)
		b.Str[event.Event][r] = b.Put([]byte("page"))
		b.Int[event.EventTime][r] = t
		b.Str[event.AnonymousID][r] = b.Put([]byte(f[1]))
		if len(f) > 2 {
			b.Str[event.MessageID][r] = b.Put([]byte(f[2]))
		}
	}
}

// traceOperator writes down in which order it sees rows and watermarks.
type traceOperator struct{ order Order }

var traceTable = &schema.Table{Name: "trace", Columns: []schema.Column{
	{Name: "key", Type: schema.Text}, {Name: "time", Type: schema.Int}, {Name: "late", Type: schema.Flag},
}}

func (o *traceOperator) Name() string { return "trace" }
func (o *traceOperator) Spec() Spec {
	return Spec{Key: ByDevice, Order: o.order, Tables: []*schema.Table{traceTable},
		Needs: event.Want{Columns: event.SetOf(event.AnonymousID)}}
}
func (o *traceOperator) Takes(b *event.Batch, row int) bool { return b.Mark[row]-b.Time(row) <= 100 }
func (o *traceOperator) NewShard(int) Shard                 { return &traceShard{} }

type traceShard struct{}

func (s *traceShard) Fold(t *Turn, rows []event.Row) {
	for _, r := range rows {
		b, row := r.At()
		out := t.Out(0)
		out.Begin()
		out.Text(b.Text(event.AnonymousID, row))
		out.Int(b.Time(row))
		out.Flag(b.IsLate(row))
		out.End()
	}
}
func (s *traceShard) Advance(*Turn) {}
func (s *traceShard) Entries() int  { return 0 }
func (s *traceShard) Bytes() int    { return 0 }

// memorySink keeps rows as text.
type memorySink struct {
	mu     sync.Mutex
	tables []*schema.Table
	rows   map[string][]string
	away   int // writes that fail for now
}

func (m *memorySink) Open(_ context.Context, o *Opening) error {
	m.tables, m.rows = o.Tables, map[string][]string{}
	return nil
}

func (m *memorySink) Write(_ context.Context, d *Delivery) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away > 0 {
		m.away--
		return Retryable(fmt.Errorf("the sink is away"))
	}
	for k, r := range d.Rows {
		for i := range r.N {
			var sb strings.Builder
			for c, col := range r.Table.Columns {
				switch col.Type {
				case schema.Text, schema.LowText:
					fmt.Fprintf(&sb, "%s ", r.Bytes(r.Cols[c].Str[i]))
				default:
					fmt.Fprintf(&sb, "%d ", r.Cols[c].I64[i])
				}
			}
			m.rows[m.tables[k].Name] = append(m.rows[m.tables[k].Name], strings.TrimSpace(sb.String()))
		}
	}
	return nil
}
func (m *memorySink) Cut(context.Context, *Cut) ([]byte, error) { return nil, nil }
func (m *memorySink) State(context.Context) ([]byte, error)     { return nil, nil }
func (m *memorySink) Release(context.Context, int64) error      { return nil }
func (m *memorySink) Drain(context.Context) error               { return nil }
func (m *memorySink) Waiting() int64                            { return 0 }
func (m *memorySink) Close(context.Context) error               { return nil }

// testConfig is a bounded pipeline over the partitions.
func testConfig(src *memorySource, sink *memorySink, order Order, step, lanes int) Config {
	return Config{
		Shards: 8, Lanes: lanes, Bounded: true, MaxRecords: step, CommitEvery: 1000,
		DedupWindow: 3_600_000, DedupEntries: 1 << 20, BufferRows: 1 << 20, StopWithin: 100,
		Hasher: event.NewHasher("k", []string{""}), Clock: func() int64 { return 0 }, Log: slog.New(slog.DiscardHandler),
		Sources: []SourceConfig{{Name: "s", Source: src, NewDecoder: func() event.Decoder { return lineDecoder{} },
			MaxRecord: 100, OutOfOrderness: 10, MaxSkew: 60_000, FutureMax: 1 << 40}},
		Operators: []Operator{&traceOperator{order}},
		Sinks:     []SinkConfig{{Name: "m", Sink: sink, Tables: []*schema.Table{traceTable, DeadLetters}}},
	}
}

// runLog runs a bounded pipeline over the partitions.
func runLog(t *testing.T, src *memorySource, order Order, step, lanes int, change func(*Config)) (*memorySink, *Status, error) {
	t.Helper()
	sink := &memorySink{}
	cfg := testConfig(src, sink, order, step, lanes)
	if change != nil {
		change(&cfg)
	}
	p := New(cfg)
	err := p.Run(context.Background())
	return sink, p.Status(), err
}

func TestInTimeRowsAreSorted(t *testing.T) {
	sink, _, err := runLog(t, newMemorySource([]string{"100 a", "95 a", "120 a", "111 a", "300 a", "200 a"}), InTime, 100, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"a 95 0", "a 100 0", "a 111 0", "a 120 0", "a 200 1", "a 300 0"}
	if got := sink.rows["trace"]; !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

func TestRowsDoNotDependOnStepsOrLanes(t *testing.T) {
	var lines []string
	r := rand.New(rand.NewPCG(7, 7))
	now := int64(1000)
	for i := range 3000 {
		now += r.Int64N(4)
		at := now - r.Int64N(9)
		if r.IntN(50) == 0 {
			at = now - 10 - r.Int64N(200) // late, or too late
		}
		lines = append(lines, fmt.Sprintf("%d %c m%d", at, 'a'+rune(r.IntN(20)), i-r.IntN(2)))
	}
	var first, firstSorted []string
	for _, step := range []int{1, 7, 100, 5000} {
		for _, lanes := range []int{1, 4} {
			sink, status, err := runLog(t, newMemorySource(lines), InTime, step, lanes, nil)
			if err != nil {
				t.Fatal(err)
			}
			sum := status.Events.Load() + status.Duplicates.Load() + status.DeadLetters[event.Late].Load()
			if sum != 3000 || status.Duplicates.Load() == 0 || status.DeadLetters[event.Late].Load() == 0 {
				t.Fatalf("step %d: %d events, %d duplicates, %d late of 3000", step, status.Events.Load(), status.Duplicates.Load(), status.DeadLetters[event.Late].Load())
			}
			got := sink.rows["trace"]
			byKey := slices.Clone(got)
			slices.SortStableFunc(byKey, func(a, b string) int { return strings.Compare(a[:1], b[:1]) })
			if firstSorted == nil {
				firstSorted = byKey
			}
			if !slices.Equal(byKey, firstSorted) {
				t.Fatalf("step %d, %d lanes: keys see other sequences", step, lanes)
			}
			if lanes == 1 {
				first = got
			} else if !slices.Equal(first, got) {
				t.Fatalf("step %d: the order of rows depends on lanes", step)
			}
		}
	}
}

func TestFullBufferMovesTheWatermark(t *testing.T) {
	var lines []string
	for i := range 40_000 {
		lines = append(lines, fmt.Sprintf("%d a", 1_000_000-i%7))
	}
	sink, status, err := runLog(t, newMemorySource(lines), InTime, 1000, 2, func(c *Config) { c.BufferRows = 1 })
	if err != nil {
		t.Fatal(err)
	}
	if n := len(sink.rows["trace"]); n != 40_000 {
		t.Errorf("%d rows of 40000", n)
	}
	if status.EarlyReleased.Load() == 0 {
		t.Error("nothing was released early")
	}
}

func TestSortedSource(t *testing.T) {
	src := newMemorySource([]string{"500 a", "x b", "100 a", "300 a", strings.Repeat("9", 200)})
	sink, status, err := runLog(t, src, Arrival, 2, 1, func(c *Config) { c.Sources[0].Sort = true })
	if err != nil {
		t.Fatal(err)
	}
	if got, want := sink.rows["trace"], []string{"a 100 0", "a 300 0", "a 500 0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if status.Records.Load() != 5 || status.DeadLetters[event.BadTime].Load() != 1 || status.DeadLetters[event.TooLarge].Load() != 1 {
		t.Errorf("records %d, dead letters %q", status.Records.Load(), sink.rows["dead_letters"])
	}
}

func TestAlignmentHoldsTheFasterPartition(t *testing.T) {
	var fast, slow []string
	for i := range 200 {
		fast = append(fast, fmt.Sprintf("%d a", int64(i)*1_000_000))
		slow = append(slow, fmt.Sprintf("%d b", int64(i)*1_000))
	}
	sink, _, err := runLog(t, newMemorySource(fast, slow), Arrival, 20, 1, nil)
	if err != nil {
		t.Fatal(err)
	}
	rows := sink.rows["trace"]
	last := slices.Index(rows, "b 199000 0")
	ahead := 0
	for _, r := range rows[:last] {
		if strings.HasPrefix(r, "a") {
			ahead++
		}
	}
	if len(rows) != 400 || ahead > 30 {
		t.Errorf("%d rows; %d of the fast partition before the slow one's end", len(rows), ahead)
	}
}

func TestBrokenSourceDeliversWhatWasBefore(t *testing.T) {
	src := newMemorySource([]string{"1 a", "2 a"})
	src.fail = fmt.Errorf("disk gone at line 3")
	sink, _, err := runLog(t, src, InTime, 100, 1, nil)
	if err == nil || !strings.Contains(err.Error(), "sources.s: disk gone at line 3") {
		t.Errorf("error %v", err)
	}
	if len(sink.rows["trace"]) != 2 {
		t.Errorf("rows %q", sink.rows["trace"])
	}
}

func TestSinkThatIsAwayIsWaitedFor(t *testing.T) {
	var sink *memorySink
	_, status, err := runLog(t, newMemorySource([]string{"1 a"}), InTime, 100, 1, func(c *Config) {
		sink = c.Sinks[0].Sink.(*memorySink)
		sink.away = 2
	})
	if err != nil || len(sink.rows["trace"]) != 1 || status.Sinks()[0].Retries != 2 {
		t.Errorf("error %v, rows %q", err, sink.rows)
	}
}

func TestStopNamesWhatWasNotDelivered(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cfg := testConfig(newMemorySource([]string{"1 a", "2000 a", "4000 a"}), &memorySink{away: 1 << 30}, Arrival, 100, 1)
	cfg.Bounded = false
	cfg.OnStep = func(StepInfo) { cancel() }
	err := New(cfg).Run(ctx)
	if err == nil || !strings.Contains(err.Error(), "3 rows not delivered: the sink is away") {
		t.Errorf("error %v", err)
	}
}

// panicOperator has a fault.
type panicOperator struct{ traceOperator }

func (o *panicOperator) NewShard(int) Shard { return &panicShard{} }

type panicShard struct{ traceShard }

func (*panicShard) Fold(*Turn, []event.Row) { panic("index out of range") }

func TestFaultOfAnOperatorIsAnError(t *testing.T) {
	for _, lanes := range []int{1, 4} {
		_, _, err := runLog(t, newMemorySource([]string{"1 a", "2 b"}), InTime, 100, lanes, func(c *Config) {
			c.Operators = []Operator{&panicOperator{}}
		})
		if err == nil || !strings.Contains(err.Error(), "internal fault of the program") || !strings.Contains(err.Error(), "index out of range") {
			t.Errorf("%d lanes: error %v", lanes, err)
		}
	}
}

// TestSourceRulesOfTime: a source with less allowed lateness has a later limit.
func TestSourceRulesOfTime(t *testing.T) {
	src := newMemorySource([]string{"1000 a", "950 a", "5000000 a"})
	sink, status, err := runLog(t, src, Arrival, 100, 1, func(c *Config) {
		c.Sources[0].AllowedLateness, c.Sources[0].FutureMax = 60, 3_000_000
		c.Operators = []Operator{&limitOperator{}}
		c.Sources = append(c.Sources, SourceConfig{Name: "patient", Source: newMemorySource(), MaxRecord: 100, AllowedLateness: 100,
			NewDecoder: func() event.Decoder { return lineDecoder{} }})
		c.Started = 1000
	})
	if err != nil {
		t.Fatal(err)
	}
	if status.DeadLetters[event.FutureTime].Load() != 1 {
		t.Errorf("dead letters %q", sink.rows["dead_letters"])
	}
	if got, want := sink.rows["trace"], []string{"a 1000 0", "a 1030 1"}; !slices.Equal(got, want) {
		t.Errorf("limits %q, want %q", got, want)
	}
}

// limitOperator writes down the limit of each row in place of its time.
type limitOperator struct{ traceOperator }

func (o *limitOperator) Spec() Spec {
	s := o.traceOperator.Spec()
	s.Order = Arrival
	return s
}
func (o *limitOperator) NewShard(int) Shard { return &limitShard{} }

type limitShard struct{ traceShard }

func (*limitShard) Fold(t *Turn, rows []event.Row) {
	for _, r := range rows {
		b, row := r.At()
		out := t.Out(0)
		out.Begin()
		out.Text(b.Text(event.AnonymousID, row))
		out.Int(max(b.Limit[row], b.Time(row)))
		out.Flag(b.IsLate(row))
		out.End()
	}
}
