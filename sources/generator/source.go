package generator

import (
	"context"
	"fmt"
	"sync"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
)

// Declare declares the keys of a generator as a source.
func (o *Options) Declare(s *config.Section) {
	d := Defaults()
	*o = d
	var seed, customers, days int
	s.Int("seed", &seed, int(d.Seed), "Fixes everything.").Min(0)
	s.Int("customers", &customers, d.Customers, "People in the world.").Min(1)
	s.Int("days", &days, d.Days, "Length of the world in days.").Min(1)
	s.Float("rate", &o.Rate, d.Rate, "Records per second; 0: as fast as possible.")
	s.Duration("disorder", &o.DisorderMaxMS, config.FormatDuration(d.DisorderMaxMS), "The longest delay of a record out of order.")
	s.Float("disorder_share", &o.DisorderShare, d.DisorderShare, "Share of records out of order.")
	s.Float("late", &o.LateShare, d.LateShare, "Share of app sessions whose phone is offline for minutes.")
	s.Float("duplicates", &o.DuplicateShare, d.DuplicateShare, "Share of records delivered twice.")
	s.Float("bad", &o.BadShare, d.BadShare, "Share of records that cannot be decoded.")
	o.Seed, o.Customers, o.Days = uint64(seed), customers, days
	s.Check(func() {
		if err := o.Validate(); err != nil {
			s.Fault("", "%s", err)
		}
	})
}

// Source is a world as a pipeline.Source of one partition: the records of all
// topics in the order of their arrival.
type Source struct {
	opts  Options
	world Stream
	rec   Record
	first int64 // the number of the first record to give
	next  int64
	began time.Time
	ready chan struct{}
	done  chan struct{}
	close sync.Once
}

// NewSource makes a source. The world is made by Open.
func NewSource(opts Options) *Source {
	return &Source{opts: opts, ready: make(chan struct{}, 1), done: make(chan struct{})}
}

// pace is how often a source with a rate looks at the clock.
const pace = 10 * time.Millisecond

// topic is the name under which all records come.
const topic = "world"

// Resume makes the source go on with the record of this number, from 0.
func (s *Source) Resume(positions []pipeline.Position) {
	s.first = 0
	if len(positions) > 0 {
		s.first = positions[0].Offset
	}
}

// Positions is where the source began.
func (s *Source) Positions() []pipeline.Position {
	if s.first == 0 {
		return []pipeline.Position{{}}
	}
	return []pipeline.Position{{Topic: topic, Offset: s.first}}
}

// Open makes the world, lives through the part of it that is done, and starts
// the clock of a source with a rate.
func (s *Source) Open(ctx context.Context, _ bool) error {
	w, err := New(s.opts, nil)
	if err != nil {
		return err
	}
	if err := s.skip(ctx, w); err != nil {
		return err
	}
	s.world, s.began = w, time.Now()
	s.ready <- struct{}{}
	if s.opts.Rate > 0 {
		go s.tick()
	}
	return nil
}

// skip makes the records before the first one to give, and drops them.
func (s *Source) skip(ctx context.Context, w Stream) error {
	for s.next = 0; s.next < s.first; s.next++ {
		if s.next%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if !w.Next(&s.rec) {
			return fmt.Errorf("generator: the world has %d records, and it is to go on behind %d; give back the seed, customers and days that it had, or forget the state with touchstream reset", s.next, s.first)
		}
	}
	return nil
}

func (s *Source) tick() {
	every := time.NewTicker(pace)
	defer every.Stop()
	for {
		select {
		case <-s.done:
			return
		case <-every.C:
			select {
			case s.ready <- struct{}{}:
			default:
			}
		}
	}
}

// Partitions is always 1.
func (s *Source) Partitions() int { return 1 }

// Ready signals when records are due.
func (s *Source) Ready() <-chan struct{} { return s.ready }

// Lag is not known: the world is made while it is read.
func (s *Source) Lag() int64 { return -1 }

// Read gives the next records that are due. Until the rate allows another one
// the source is caught up.
func (s *Source) Read(ctx context.Context, _, limit int, wait bool, c *event.Chunk) (pipeline.ReadState, error) {
	c.Reset()
	c.Origin.Topic = topic
	due := s.due(limit)
	for due == 0 && wait {
		select {
		case <-ctx.Done():
			return pipeline.HasMore, ctx.Err()
		case <-time.After(pace):
		}
		due = s.due(limit)
	}
	if due == 0 {
		return pipeline.CaughtUp, nil
	}
	for range due {
		if !s.world.Next(&s.rec) {
			return pipeline.Ended, nil
		}
		c.Add(s.rec.Value, s.next, s.rec.ArrivalMS)
		s.next++
	}
	return pipeline.HasMore, nil
}

// due is how many records the rate allows now.
func (s *Source) due(limit int) int {
	if s.opts.Rate <= 0 {
		return limit
	}
	allowed := int64(time.Since(s.began).Seconds() * s.opts.Rate)
	return int(min(int64(limit), max(0, s.first+allowed-s.next)))
}

// Close ends the clock.
func (s *Source) Close() error {
	s.close.Do(func() { close(s.done) })
	return nil
}
