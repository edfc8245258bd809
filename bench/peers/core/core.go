package core

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"runtime"
	"time"

	"touchstream/operators/sessions"
	"touchstream/operators/window"
	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
	"touchstream/sinks/file"
	"touchstream/sources/decode/segment"
)

// Windowing is the section of a configuration that counts events by name and
// minute, into the table window_by_event.
const Windowing = "operators: {windows: {by_event: {tumbling: 1m, key: [event], aggregate: {events: count()}}}}"

const head = "name: peers\nidentity: {key: bench}\n"

// settings are the keys, read the way that a configuration file is, so that
// defaults are those of the product.
type settings struct {
	config.Common
	sessions sessions.Config
	window   window.Config
}

// Declare declares the keys.
func (c *settings) Declare(s *config.Section) {
	c.Common.Declare(s)
	s.Section("operators", config.Func(func(s *config.Section) {
		s.Section("sessions", &c.sessions, "Visits.")
		s.Map("windows", "Aggregates.", func(name string, s *config.Section) {
			c.window.Name = name
			c.window.Declare(s)
		})
	}), "What is computed.")
}

// Sessions writes the table sessions of the records, Segment calls in order of
// arrival, to dir/sessions.jsonl.
func Sessions(ctx context.Context, records iter.Seq[[]byte], dir string) error {
	return run(ctx, records, dir, func(c *settings, _ *event.Hasher) (pipeline.Operator, error) {
		return sessions.New(c.sessions, sessions.Env{Shards: c.Shards, AllowedLateness: c.Time.AllowedLatenessMs,
			EventsPerMinuteMax: int64(c.Bots.MaxEventsPerMinute)}), nil
	})
}

// Windows writes counts of the records by event and minute to
// dir/window_by_event.jsonl.
func Windows(ctx context.Context, records iter.Seq[[]byte], dir string) error {
	return run(ctx, records, dir, func(c *settings, h *event.Hasher) (pipeline.Operator, error) {
		return window.New(c.window, window.Env{Hasher: h, Shards: c.Shards, AllowedLateness: c.Time.AllowedLatenessMs})
	})
}

func run(ctx context.Context, records iter.Seq[[]byte], dir string, newOperator func(*settings, *event.Hasher) (pipeline.Operator, error)) error {
	f, err := config.Parse("peers.yaml", []byte(head+Windowing), os.LookupEnv)
	if err != nil {
		return err
	}
	var c settings
	if err := f.Read(&c); err != nil {
		return err
	}
	hasher := event.NewHasher(c.Identity.Key.Reveal(), c.Identity.Block)
	op, err := newOperator(&c, hasher)
	if err != nil {
		return err
	}
	now := func() int64 { return time.Now().UnixMilli() }
	p := pipeline.New(pipeline.Config{
		Name: c.Name, Shards: c.Shards, Lanes: runtime.GOMAXPROCS(0), Bounded: true,
		MaxRecords: c.Step.MaxRecords, MaxWait: c.Step.MaxWaitMs, CommitEvery: c.CommitIntervalMs,
		DedupWindow: c.Dedup.WindowMs, DedupEntries: int(c.Dedup.MaxEntries), BufferRows: 1 << 21,
		Hasher: hasher, Clock: now, Started: now(), Log: slog.New(slog.DiscardHandler),
		Operators: []pipeline.Operator{op},
		Sources: []pipeline.SourceConfig{{
			Name: "records", Source: newSource(records), NewDecoder: segment.New(segment.Config{}), Bots: event.KnownBots,
			MaxRecord: 1 << 20, OutOfOrderness: c.Time.MaxOutOfOrdernessMs, AllowedLateness: c.Time.AllowedLatenessMs,
			IdleAfter: c.Time.IdleAfterMs, MaxSkew: c.Time.MaxSkewMs, FutureMax: c.Time.MaxFutureMs,
		}},
		Sinks: []pipeline.SinkConfig{{
			Name: "files", Sink: file.New(file.Config{Dir: dir, Format: file.JSONL}),
			Tables: append([]*schema.Table{pipeline.DeadLetters}, op.Spec().Tables...),
		}},
	})
	if err := p.Run(ctx); err != nil {
		return err
	}
	s := p.Status()
	if records, events := s.Records.Load(), s.Events.Load(); records != events {
		return fmt.Errorf("%d records became %d events: see dead_letters in %s", records, events, dir)
	}
	return nil
}
