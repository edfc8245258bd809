package kafkago

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"

	"touchstream/pipeline"
)

// bounds are the ends of a partition.
type bounds struct {
	first, last int64
	atTime      int64 // the first record of the start time or later, -1 for none
}

// find lists the partitions of the topics, by topic and number.
func (s *Source) find(ctx context.Context) ([]topicPartition, error) {
	meta, err := s.client.Metadata(ctx, &kafka.MetadataRequest{Topics: s.cfg.Topics})
	if err != nil {
		return nil, s.explain(err)
	}
	if err := s.cluster.Found(meta.ClusterID, s.cfg.Address()); err != nil {
		return nil, err
	}
	var found []topicPartition
	var faults []error
	for _, t := range meta.Topics {
		var code kafka.Error
		switch {
		case errors.Is(t.Error, kafka.UnknownTopicOrPartition):
			faults = append(faults, fmt.Errorf("topic %s does not exist on %s: create it or correct topics", t.Name, s.cfg.Address()))
		case errors.As(t.Error, &code) && code.Temporary():
			return nil, pipeline.Retryable(fmt.Errorf("topic %s on %s: %w", t.Name, s.cfg.Address(), t.Error))
		case t.Error != nil:
			faults = append(faults, s.explain(fmt.Errorf("topic %s: %w", t.Name, t.Error)))
		}
		for _, p := range t.Partitions {
			found = append(found, topicPartition{t.Name, int32(p.ID)})
		}
	}
	slices.SortFunc(found, func(a, b topicPartition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.number, b.number))
	})
	return found, errors.Join(faults...)
}

// inOrder puts the partitions that are gone on with before the others, in the
// order of their positions.
func (s *Source) inOrder(found []topicPartition) ([]topicPartition, error) {
	out := slices.Clone(s.order)
	for _, name := range s.order {
		if slices.Contains(found, name) {
			continue
		}
		if !slices.Contains(s.cfg.Topics, name.topic) {
			return nil, fmt.Errorf("topic %s was read before and is not among topics any more: put it back, or reset the state to go on without it", name.topic)
		}
		return nil, fmt.Errorf("topic %s partition %d on %s was read before and is not there: the topic was created anew; reset the state to read it from start", name.topic, name.number, s.cfg.Address())
	}
	for _, name := range found {
		if _, resumed := s.resume[name]; !resumed {
			out = append(out, name)
		}
	}
	return out, nil
}

// list asks for the bounds of partitions. One request asks for one offset of a
// partition, because answers do not say which question they belong to.
func (s *Source) list(ctx context.Context, names []topicPartition) (map[topicPartition]bounds, error) {
	ask := func(what int64, take func(kafka.PartitionOffsets, *bounds), into map[topicPartition]bounds) error {
		req := &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{}}
		for _, n := range names {
			req.Topics[n.topic] = append(req.Topics[n.topic], kafka.OffsetRequest{Partition: int(n.number), Timestamp: what})
		}
		resp, err := s.client.ListOffsets(ctx, req)
		if err != nil {
			return s.explain(err)
		}
		for topic, list := range resp.Topics {
			for _, o := range list {
				if o.Error != nil {
					return s.explain(fmt.Errorf("topic %s partition %d: %w", topic, o.Partition, o.Error))
				}
				name := topicPartition{topic, int32(o.Partition)}
				b := into[name]
				take(o, &b)
				into[name] = b
			}
		}
		return nil
	}
	out := map[topicPartition]bounds{}
	if err := ask(kafka.FirstOffset, func(o kafka.PartitionOffsets, b *bounds) { b.first = max(o.FirstOffset, o.LastOffset) }, out); err != nil {
		return nil, err
	}
	if err := ask(kafka.LastOffset, func(o kafka.PartitionOffsets, b *bounds) { b.last = max(o.FirstOffset, o.LastOffset) }, out); err != nil {
		return nil, err
	}
	err := ask(s.cfg.Start.Time, func(o kafka.PartitionOffsets, b *bounds) {
		b.atTime = -1
		for at := range o.Offsets {
			b.atTime = max(b.atTime, at)
		}
	}, out)
	return out, err
}

// refreshLoop takes up new partitions.
func (s *Source) refreshLoop(ctx context.Context) {
	every := time.NewTicker(s.refreshEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
		// What is in the way shows at the partitions that are known.
		if err := s.takeUp(ctx); err != nil && !pipeline.IsRetryable(err) && ctx.Err() == nil && !s.stillThere(ctx) {
			s.buffer.Break(err)
			return
		}
	}
}

// stillThere looks a second time before a topic counts as deleted: brokers
// that have just started may not know it yet.
func (s *Source) stillThere(ctx context.Context) bool {
	pause(ctx, 2*metadataAge)
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	_, err := s.find(within)
	return err == nil || pipeline.IsRetryable(err) || ctx.Err() != nil
}

func (s *Source) takeUp(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	found, err := s.find(within)
	if err != nil {
		return err
	}
	s.buffer.Lock()
	fresh := slices.DeleteFunc(found, func(n topicPartition) bool { return s.known[n] })
	s.buffer.Unlock()
	if len(fresh) == 0 {
		return nil
	}
	list, err := s.list(within, fresh)
	if err != nil {
		return err
	}
	s.buffer.Lock()
	defer s.buffer.Unlock()
	for _, name := range fresh {
		s.begin(ctx, name, list[name].first, -1, true)
	}
	return nil
}
