package kafka

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
)

// findAll finds the partitions when the source is opened, with their first
// offsets and, for a bounded run, their last ones.
func (s *Source) findAll(ctx context.Context) error {
	meta, err := s.metadata(ctx)
	if err != nil {
		return err
	}
	for _, p := range s.unknown(meta) {
		if p.leader < 0 {
			return pipeline.Retryable(fmt.Errorf("topic %s partition %d on %s has no leader: check the brokers", p.topic, p.number, s.cfg.Address()))
		}
		s.add(p)
	}
	starts, err := s.listStarts(ctx)
	if err != nil {
		return err
	}
	for _, p := range s.parts {
		p.fetchAt = starts[p.topicPartition]
		p.fresh = s.resume == nil
		p.readAt = p.fetchAt
	}
	if err := s.place(ctx); err != nil {
		return err
	}
	return s.findEnds(ctx)
}

// metadata asks for the topics. One that is missing or is another one by now
// is an error.
func (s *Source) metadata(ctx context.Context) (kadm.Metadata, error) {
	meta, err := s.admin.Metadata(ctx, s.cfg.Topics...)
	if err != nil {
		return meta, s.explain(err)
	}
	var faults []error
	for _, t := range meta.Topics.Sorted() {
		switch {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
			faults = append(faults, fmt.Errorf("topic %s does not exist on %s: create it or correct topics", t.Topic, s.cfg.Address()))
		case t.Err != nil && kerr.IsRetriable(t.Err):
			return meta, pipeline.Retryable(fmt.Errorf("topic %s on %s: %w", t.Topic, s.cfg.Address(), t.Err))
		case t.Err != nil:
			faults = append(faults, fmt.Errorf("topic %s on %s: %w", t.Topic, s.cfg.Address(), t.Err))
		}
	}
	return meta, errors.Join(faults...)
}

// unknown lists partitions that are new, in the order of topic and number.
func (s *Source) unknown(meta kadm.Metadata) []*partition {
	var out []*partition
	for _, t := range meta.Topics.Sorted() {
		s.topics[t.Topic], s.names[t.ID] = t.ID, t.Topic
		for _, d := range t.Partitions.Sorted() {
			name := topicPartition{t.Topic, d.Partition}
			if s.byName[name] == nil {
				out = append(out, &partition{topicPartition: name, leader: d.Leader, end: -1, readable: -1})
			}
		}
	}
	slices.SortFunc(out, func(a, b *partition) int {
		return cmp.Or(cmp.Compare(a.topic, b.topic), cmp.Compare(a.number, b.number))
	})
	return out
}

func (s *Source) add(p *partition) {
	s.parts = append(s.parts, p)
	s.byName[p.topicPartition] = p
}

// offsets lists one kind of offset of all partitions of the topics.
func (s *Source) offsets(list kadm.ListedOffsets, err error) (map[topicPartition]int64, error) {
	if err != nil {
		return nil, s.explain(err)
	}
	out := map[topicPartition]int64{}
	var fault error
	list.Each(func(o kadm.ListedOffset) {
		if o.Err != nil {
			fault = fmt.Errorf("topic %s partition %d: %w", o.Topic, o.Partition, o.Err)
			return
		}
		out[topicPartition{o.Topic, o.Partition}] = o.Offset
	})
	if fault != nil {
		return nil, s.explain(fault)
	}
	return out, nil
}

// listStarts lists where partitions start that have no position.
func (s *Source) listStarts(ctx context.Context) (map[topicPartition]int64, error) {
	switch {
	case s.resume != nil || s.cfg.Start.Where == kafkaconn.Earliest:
		return s.offsets(s.admin.ListStartOffsets(ctx, s.cfg.Topics...))
	case s.cfg.Start.Where == kafkaconn.AtTime:
		return s.offsets(s.admin.ListOffsetsAfterMilli(ctx, s.cfg.Start.Time, s.cfg.Topics...))
	}
	return s.listEnds(ctx)
}

func (s *Source) listEnds(ctx context.Context) (map[topicPartition]int64, error) {
	if s.cfg.Committed {
		return s.offsets(s.admin.ListCommittedOffsets(ctx, s.cfg.Topics...))
	}
	return s.offsets(s.admin.ListEndOffsets(ctx, s.cfg.Topics...))
}

// place puts partitions at the positions that are gone on from; one that the
// log does not have is an error.
func (s *Source) place(ctx context.Context) error {
	if len(s.resume) == 0 {
		return nil
	}
	highs, err := s.offsets(s.admin.ListEndOffsets(ctx, s.cfg.Topics...))
	if err != nil {
		return err
	}
	for _, p := range s.parts {
		at, ok := s.resume[p.topicPartition]
		if !ok {
			continue
		}
		if first, behind := p.fetchAt, highs[p.topicPartition]; at < first || at > behind {
			return gone(p.topicPartition, at, first, behind)
		}
		p.fetchAt, p.readAt = at, at
	}
	return nil
}

func (s *Source) findEnds(ctx context.Context) error {
	if !s.bounded {
		return nil
	}
	ends, err := s.listEnds(ctx)
	if err != nil {
		return err
	}
	for _, p := range s.parts {
		p.end = ends[p.topicPartition]
		p.readable = p.end
	}
	return nil
}

// gone says that an offset is not in the log.
func gone(p topicPartition, at, first, behind int64) error {
	if at < first {
		return fmt.Errorf("topic %s partition %d: offset %d is gone, the log begins at %d: the records between were deleted before they were read; raise the topic's retention, and reset the state to go on without them",
			p.topic, p.number, at, first)
	}
	return fmt.Errorf("topic %s partition %d: offset %d is not there, the log ends at %d: the topic was cut or created anew; reset the state to read it from start",
		p.topic, p.number, at, behind)
}
