package pipeline

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"

	"touchstream/pipeline/event"
)

// TestRowsBehindAFullBufferAreDeadLetters: where a full buffer has moved the
// watermark to, operators measure by it, and so does what nobody takes.
func TestRowsBehindAFullBufferAreDeadLetters(t *testing.T) {
	var lines []string
	for i := range 3000 {
		lines = append(lines, fmt.Sprintf("%d a", 1_000_000+1000*i))
	}
	lines = append(lines, "5 a", "4000000 a")
	sink, status, err := runLog(t, newMemorySource(lines), InTime, 500, 1, func(c *Config) {
		c.BufferRows, c.Sources[0].OutOfOrderness = 1, 1<<40
	})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(sink.rows["trace"]); status.DeadLetters[event.Late].Load() != 1 || n != 3001 || status.Events.Load() != 3001 {
		t.Errorf("%d late, %d events, %d rows of 3002", status.DeadLetters[event.Late].Load(), status.Events.Load(), n)
	}
}

// trickle is at its end after each record, and brings another one all the same.
type trickle struct{ *memorySource }

func (s trickle) Read(ctx context.Context, p, _ int, wait bool, c *event.Chunk) (ReadState, error) {
	_, err := s.memorySource.Read(ctx, p, 1, wait, c)
	return CaughtUp, err
}

// drainOperator asks in the midst of a step whether all is drained.
type drainOperator struct {
	traceOperator
	status **Status
	lied   int
}

func (o *drainOperator) NewShard(int) Shard { return &drainShard{op: o} }

type drainShard struct {
	traceShard
	op *drainOperator
}

func (s *drainShard) Fold(t *Turn, rows []event.Row) {
	if (*s.op.status).Drained() {
		s.op.lied++
	}
	s.traceShard.Fold(t, rows)
}

func TestNothingIsDrainedInTheMidstOfAStep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var status *Status
	op := &drainOperator{traceOperator: traceOperator{Arrival}, status: &status}
	cfg := testConfig(nil, &memorySink{}, Arrival, 1, 1)
	cfg.Bounded, cfg.Sources[0].Source, cfg.Operators = false, trickle{newMemorySource([]string{"1 a", "2 a", "3 a", "4 a"})}, []Operator{op}
	cfg.Sinks = nil // so that no row waits
	cfg.OnStep = func(StepInfo) {
		if status.Records.Load() == 4 {
			cancel()
		}
	}
	p := New(cfg)
	status = p.Status()
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if op.lied > 0 || !status.Drained() {
		t.Errorf("drained in the midst of %d steps of 4; at the end %v", op.lied, status.Drained())
	}
}

func TestHoldsAreInOrder(t *testing.T) {
	s := newStatus(slog.New(slog.DiscardHandler))
	s.setState(Running)
	for _, where := range []string{"sources.web", "sinks.rtm", "sinks.a", "sources.app"} {
		s.holder(where).because(errors.New("away"))
	}
	s.holder("sinks.rtm").release()
	for range 20 {
		state, holds := s.State()
		var got []string
		for _, h := range holds {
			got = append(got, h.Where)
		}
		if want := []string{"sinks.a", "sources.app", "sources.web"}; state != Held || !slices.Equal(got, want) {
			t.Fatalf("%s by %q, want %q", state, got, want)
		}
	}
}

func TestSourceWatermark(t *testing.T) {
	at := func(highest int64, state ReadState, idle bool) *partition {
		return &partition{highest: highest, lag: 10, state: state, idle: idle}
	}
	check := func(what string, want int64, parts ...*partition) {
		t.Helper()
		if got := sourceWatermark(parts); got != want {
			t.Errorf("%s: %d, want %d", what, got, want)
		}
	}
	check("the lowest", 90, at(100, HasMore, false), at(200, CaughtUp, false))
	check("idle and ended ones do not count", 190, at(100, CaughtUp, true), at(50, Ended, false), at(200, HasMore, false))
	check("one without events", event.Absent, at(100, HasMore, false), at(event.Absent, CaughtUp, false))
	check("none counts", 190, at(100, Ended, false), at(200, CaughtUp, true))
}
