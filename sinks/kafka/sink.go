package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/schema"
)

// Sink is a pipeline.Sink for the tables triggers and dead_letters.
type Sink struct {
	cfg      *Config
	opts     []kgo.Opt
	triggers *triggers
	tables   []*schema.Table
	client   *kgo.Client
	outbox   *outbox
	messages []*kgo.Record
}

// New makes a sink. Nothing is connected yet; an error is one of the
// configuration.
func New(cfg *Config) (*Sink, error) {
	opts, err := options(&cfg.Conn)
	if err != nil {
		return nil, err
	}
	return &Sink{cfg: cfg, opts: opts, triggers: newTriggers(cfg), outbox: newOutbox(&cfg.Conn)}, nil
}

// Open connects and creates the topics that are missing.
func (s *Sink) Open(ctx context.Context, tables []*schema.Table) error {
	var topics []string
	for _, t := range tables {
		topic := s.topic(t)
		if topic == "" {
			return fmt.Errorf("table %s cannot be sent to Kafka: only triggers (key topic) and dead_letters (key dead_letters) can", t.Name)
		}
		topics = append(topics, topic)
	}
	client, err := kgo.NewClient(s.opts...)
	if err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	if err := s.ensureTopics(within, kadm.NewClient(client), topics); err != nil {
		client.Close()
		return err
	}
	s.tables, s.client, s.outbox.client = tables, client, client
	return nil
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

func (s *Sink) ensureTopics(ctx context.Context, admin *kadm.Client, topics []string) error {
	if len(topics) == 0 {
		return nil
	}
	meta, err := admin.Metadata(ctx, topics...)
	if err != nil {
		return explain(&s.cfg.Conn, topics[0], err)
	}
	for _, topic := range topics {
		err := meta.Topics[topic].Err
		switch {
		case err == nil:
			continue
		case !errors.Is(err, kerr.UnknownTopicOrPartition):
			return explain(&s.cfg.Conn, topic, err)
		case !s.cfg.Create:
			return missing(topic, s.cfg)
		}
		const byDefault = -1
		if _, err := admin.CreateTopic(ctx, byDefault, byDefault, nil, topic); err != nil && !errors.Is(err, kerr.TopicAlreadyExists) {
			return explain(&s.cfg.Conn, topic, err)
		}
	}
	return nil
}

// Write takes the rows as messages and begins to send them. It takes nothing
// while too many messages wait.
func (s *Sink) Write(ctx context.Context, d *pipeline.Delivery) error {
	if err := s.outbox.drain(ctx, waitingMax, waitingBytesMax); err != nil {
		return err
	}
	messages := s.messages[:0]
	for i, rows := range d.Rows {
		switch s.tables[i] {
		case pipeline.Triggers:
			messages = s.triggers.messages(messages, rows)
		case pipeline.DeadLetters:
			messages = deadLetters(messages, s.cfg.DeadLetters, rows)
		}
	}
	s.outbox.put(messages)
	clear(messages)
	s.messages = messages
	return nil
}

// Flush waits until all messages are acknowledged.
func (s *Sink) Flush(ctx context.Context) error { return s.outbox.drain(ctx, 0, 0) }

// Waiting is the number of messages that are not acknowledged.
func (s *Sink) Waiting() int64 { return int64(s.outbox.count()) }

// Close disconnects; what is not acknowledged is given up.
func (s *Sink) Close(context.Context) error {
	if s.client != nil {
		s.client.Close()
	}
	return nil
}
