package kafka

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// Sink is a pipeline.Sink for the tables triggers and dead_letters.
type Sink struct {
	cfg    *Config
	opts   []kgo.Opt
	ledger *Ledger // nil: messages leave with Release, outside of transactions
	outbox *outbox // nil if all goes through the ledger
	tables []*schema.Table

	make        *triggers
	triggers    route
	deadLetters route
	routes      []route // these two, or one
	held        func() int
	waiting     atomic.Int64 // messages in the ledger
	messages    []*kgo.Record
	deadMax     int    // bytes of a dead letter
	taken       counts // since the last Cut
}

// counts is what a commit holds; a Cut's decision.
type counts struct{ triggers, deadLetters int }

// New makes a sink without a ledger, for runs that keep no state. Nothing is
// connected yet; an error is one of the configuration.
func New(cfg *Config) (*Sink, error) {
	s, err := newSink(cfg)
	if err != nil {
		return nil, err
	}
	s.outbox = newOutbox(&cfg.Conn)
	w := &afterRelease{outbox: s.outbox}
	s.triggers, s.deadLetters, s.routes, s.held = w, w, []route{w}, w.count
	return s, nil
}

// NewInLedger makes a sink whose messages are written with the entries of a
// ledger of the same cluster, which must be opened before the sink.
func NewInLedger(cfg *Config, l *Ledger) (*Sink, error) {
	s, err := newSink(cfg)
	if err != nil {
		return nil, err
	}
	s.ledger = l
	w := &inLedger{l, &s.waiting}
	s.triggers, s.deadLetters, s.routes, s.held = w, w, []route{w}, func() int { return 0 }
	if cfg.Fast {
		s.outbox = newOutbox(&cfg.Conn)
		early := &atOnce{outbox: s.outbox, ledger: l, open: &bundle{}}
		s.triggers, s.routes, s.held = early, []route{w, early}, early.count
	}
	return s, nil
}

func newSink(cfg *Config) (*Sink, error) {
	opts, err := options(&cfg.Conn)
	if err != nil {
		return nil, err
	}
	return &Sink{cfg: cfg, opts: opts, make: newTriggers(cfg)}, nil
}

// Open connects and creates the topics that are missing. A state holds
// nothing: after a Cut no row is left.
func (s *Sink) Open(ctx context.Context, o *pipeline.Opening) error {
	for _, t := range o.Tables {
		if s.topic(t) == "" {
			return fmt.Errorf("table %s cannot be sent to Kafka: only triggers (key topic) and dead_letters (key dead_letters) can", t.Name)
		}
	}
	admin, err := kgo.NewClient(s.opts...)
	if err != nil {
		return err
	}
	limits, err := s.prepare(ctx, kadm.NewClient(admin), o.Tables)
	admin.Close()
	if err != nil {
		return err
	}
	s.deadMax = int(limits(s.cfg.DeadLetters))
	if s.outbox != nil {
		if s.outbox.client, err = kgo.NewClient(append(s.opts[:len(s.opts):len(s.opts)], kgo.ProducerBatchMaxBytesFn(limits))...); err != nil {
			return err
		}
	}
	s.tables = o.Tables
	return nil
}

// prepare creates the topics that are missing and asks what they take.
func (s *Sink) prepare(ctx context.Context, admin *kadm.Client, tables []*schema.Table) (func(topic string) int32, error) {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	limits := map[string]int32{}
	if s.ledger != nil {
		meta, err := admin.BrokerMetadata(within)
		if err != nil {
			return nil, explain(&s.cfg.Conn, s.cfg.Topic, err)
		}
		if meta.Cluster != s.ledger.cluster {
			return nil, fmt.Errorf("%s is another cluster than that of the journal, %s: messages and journal are written in one transaction, which ends at one cluster", s.cfg.Address(), s.ledger.conn.Address())
		}
	}
	for _, t := range tables {
		topic := s.topic(t)
		const byDefault = -1
		if err := ensureTopic(within, &s.cfg.Conn, admin, topic, s.cfg.Create, byDefault, nil); err != nil {
			return nil, err
		}
		limits[topic] = messageLimit(within, admin, topic)
		if s.ledger != nil {
			s.ledger.setLimit(topic, limits[topic])
		}
	}
	return func(topic string) int32 {
		if n, ok := limits[topic]; ok {
			return n
		}
		return messageBytesDefault
	}, nil
}

func (s *Sink) topic(t *schema.Table) string {
	switch t {
	case pipeline.Triggers:
		return s.cfg.Topic
	case pipeline.DeadLetters:
		return s.cfg.DeadLetters
	}
	return ""
}

// Write makes messages of the rows. It takes nothing while too many of those
// wait that were released.
func (s *Sink) Write(ctx context.Context, d *pipeline.Delivery) error {
	if s.ledger != nil && s.ledger.full() {
		return pipeline.Retryable(errors.New("messages wait for the journal: the commit before theirs is not durable yet"))
	}
	if s.outbox != nil {
		if err := s.outbox.makeRoom(ctx); err != nil {
			return err
		}
	}
	for i, rows := range d.Rows {
		messages := s.messages[:0]
		switch s.tables[i] {
		case pipeline.Triggers:
			messages = s.make.messages(messages, rows)
			s.taken.triggers += len(messages)
			s.triggers.put(messages)
		case pipeline.DeadLetters:
			messages = deadLetters(messages, s.cfg.DeadLetters, s.deadMax, rows)
			s.taken.deadLetters += len(messages)
			s.deadLetters.put(messages)
		}
		clear(messages)
		s.messages = messages
	}
	return nil
}

// Cut ends a commit. All that was taken leaves with it; the decision says how
// many messages these are. In a replay they have left already.
func (s *Sink) Cut(_ context.Context, c *pipeline.Cut) ([]byte, error) {
	taken := s.taken
	s.taken = counts{}
	decision := taken.append(nil)
	if c.Replay && !bytes.Equal(decision, c.Decision) {
		return nil, fmt.Errorf("commit %d has %d triggers and %d dead letters for Kafka, other than when it was made", c.Number, taken.triggers, taken.deadLetters)
	}
	for _, w := range s.routes {
		w.cut(c)
	}
	return decision, nil
}

func (c counts) append(dst []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(c.triggers))
	return binary.AppendUvarint(dst, uint64(c.deadLetters))
}

// State is empty: after a Cut the sink holds nothing.
func (s *Sink) State(context.Context) ([]byte, error) { return []byte{}, nil }

// Release sends the messages of commits that are durable, if they were not
// sent with these.
func (s *Sink) Release(_ context.Context, number int64) error {
	for _, w := range s.routes {
		w.release(number)
	}
	return nil
}

// Drain waits until all messages that were released are acknowledged; those in
// the ledger were when their commit was durable.
func (s *Sink) Drain(ctx context.Context) error {
	if s.outbox == nil {
		return nil
	}
	return s.outbox.drain(ctx)
}

// Waiting is the number of messages that are not acknowledged, or not
// committed.
func (s *Sink) Waiting() int64 {
	n := s.waiting.Load() + int64(s.held())
	if s.outbox != nil {
		n += int64(s.outbox.count())
	}
	return n
}

// Close disconnects; what is not acknowledged is given up.
func (s *Sink) Close(context.Context) error {
	if s.outbox != nil && s.outbox.client != nil {
		s.outbox.client.Close()
	}
	return nil
}

var _ pipeline.Sink = (*Sink)(nil)
