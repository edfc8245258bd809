package kafka

import (
	"context"
	"errors"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Probe connects and looks for the topics; one that Open would create may be
// missing.
func (s *Sink) Probe(ctx context.Context) error {
	client, err := kgo.NewClient(s.opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	for _, t := range s.cfg.Tables() {
		topic := s.topic(t)
		meta, err := kadm.NewClient(client).Metadata(within, topic)
		if err == nil {
			err = meta.Topics[topic].Err
		}
		switch {
		case err == nil:
		case !errors.Is(err, kerr.UnknownTopicOrPartition):
			return explain(&s.cfg.Conn, topic, err)
		case !s.cfg.Create:
			return missing(topic, &s.cfg.Conn)
		}
	}
	return nil
}

// Probe connects and looks for the journal; one that Open would create may be
// missing.
func (l *Ledger) Probe(ctx context.Context) error {
	client, err := kgo.NewClient(l.opts...)
	if err != nil {
		return err
	}
	defer client.Close()
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	meta, err := kadm.NewClient(client).Metadata(within, l.topic)
	if err == nil {
		err = meta.Topics[l.topic].Err
	}
	switch n := len(meta.Topics[l.topic].Partitions); {
	case errors.Is(err, kerr.UnknownTopicOrPartition) && l.create:
		return nil
	case errors.Is(err, kerr.UnknownTopicOrPartition):
		return missing(l.topic, l.conn)
	case err != nil:
		return explain(l.conn, l.topic, err)
	case n != 1:
		return l.wrongPartitions(n)
	}
	return nil
}
