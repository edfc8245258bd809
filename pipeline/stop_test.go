package pipeline

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"touchstream/pipeline/event"
)

// openSink notes how it is used.
type openSink struct {
	memorySink
	opened, closed bool
	fail           error
}

func (s *openSink) Open(ctx context.Context, o *Opening) error {
	s.opened = true
	return errors.Join(s.fail, s.memorySink.Open(ctx, o))
}
func (s *openSink) Close(context.Context) error { s.closed = true; return nil }

// absentSource cannot be opened.
type absentSource struct{ *memorySource }

func (absentSource) Open(context.Context, bool) error { return errors.New("no such file") }

func TestStartThatFails(t *testing.T) {
	first, second := &openSink{}, &openSink{fail: errors.New("disk full")}
	cfg := testConfig(newMemorySource([]string{"1 a"}), nil, Arrival, 100, 1)
	cfg.Sinks = []SinkConfig{{Name: "first", Sink: first}, {Name: "second", Sink: second}}
	err := New(cfg).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "sinks.second: open: disk full") || !first.closed || second.closed {
		t.Errorf("error %v; first sink %+v", err, first)
	}
	first = &openSink{}
	cfg.Sinks = cfg.Sinks[:1]
	cfg.Sinks[0].Sink, cfg.Sources[0].Source = first, absentSource{newMemorySource()}
	err = New(cfg).Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "sources.s: no such file") || first.opened {
		t.Errorf("error %v; the sink was opened: %v", err, first.opened)
	}
}

// brokenSink fails for good; guardedSource tells when it is closed while read.
type brokenSink struct{ memorySink }

func (*brokenSink) Write(context.Context, *Delivery) error { return errors.New("no space left") }

type guardedSource struct {
	*memorySource
	mu      sync.Mutex
	closed  bool
	misused bool
}

func (s *guardedSource) Read(ctx context.Context, p, limit int, wait bool, c *event.Chunk) (ReadState, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.misused = s.misused || s.closed
	s.next[p] = 0 // for ever
	_, err := s.memorySource.Read(ctx, p, limit, wait, c)
	return HasMore, err
}

func (s *guardedSource) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	return nil
}

// TestSourcesAreClosedWhenNobodyReads: a sink that breaks ends the run in the
// midst of reading.
func TestSourcesAreClosedWhenNobodyReads(t *testing.T) {
	for range 20 {
		src := &guardedSource{memorySource: newMemorySource([]string{"1 a", "2 b"})}
		cfg := testConfig(nil, nil, Arrival, 1, 1)
		cfg.Sources[0].Source, cfg.Sinks[0].Sink = src, &brokenSink{}
		err := New(cfg).Run(t.Context())
		src.mu.Lock()
		if err == nil || !strings.Contains(err.Error(), "no space left") || src.misused || !src.closed {
			t.Errorf("error %v, read after Close %v, closed %v", err, src.misused, src.closed)
		}
		src.mu.Unlock()
	}
}

// hangingSink is in the middle of a write when it is told to stop.
type hangingSink struct{ memorySink }

func (*hangingSink) Write(ctx context.Context, _ *Delivery) error {
	<-ctx.Done()
	return ctx.Err()
}

func TestStopInTheMidstOfAWrite(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := testConfig(newMemorySource([]string{"1 a", "2 a", "3 a"}), nil, Arrival, 100, 1)
	cfg.Bounded, cfg.Sinks[0].Sink = false, &hangingSink{}
	cfg.OnStep = func(StepInfo) { cancel() }
	p := New(cfg)
	err := p.Run(ctx)
	if err == nil || !strings.Contains(err.Error(), "sinks.m: stopped with 3 rows not delivered") {
		t.Errorf("error %v", err)
	}
	if state, _ := p.Status().State(); state != Stopping {
		t.Errorf("state %s", state)
	}
}

// silentSource is away at first and then does not answer at all.
type silentSource struct {
	memorySource
	calls int
	stop  context.CancelFunc
}

func (s *silentSource) Open(ctx context.Context, _ bool) error {
	if s.calls++; s.calls == 1 {
		return Retryable(errors.New("no broker answers at localhost:9092"))
	}
	s.stop()
	<-ctx.Done()
	return ctx.Err()
}

func TestStopBeforeASourceIsOpen(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := testConfig(nil, nil, Arrival, 1, 1)
	cfg.Sources[0].Source = &silentSource{stop: cancel}
	err := New(cfg).Run(ctx)
	if err == nil || !strings.Contains(err.Error(), "stopped before it was opened: no broker answers at localhost:9092") {
		t.Errorf("error %v", err)
	}
}
