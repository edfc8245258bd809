package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
	"touchstream/pipeline/prefetch"
)

// findAll finds the partitions when the source is opened, with their first
// offsets and, for a bounded run, their last ones.
func (s *Source) findAll(ctx context.Context) error {
	meta, err := s.metadata(ctx)
	if err != nil {
		return err
	}
	found, err := s.inOrder(s.unknown(meta))
	if err != nil {
		return err
	}
	starts, err := s.listStarts(ctx)
	if err != nil {
		return err
	}
	if err := s.place(ctx, starts); err != nil {
		return err
	}
	ends := map[topicPartition]int64{}
	if s.bounded {
		if ends, err = s.listEnds(ctx); err != nil {
			return err
		}
	}
	s.buffer.Lock()
	defer s.buffer.Unlock()
	for _, d := range found {
		name := topicPartition{d.Topic, d.Partition}
		if d.Leader < 0 {
			return pipeline.Retryable(fmt.Errorf("topic %s partition %d on %s has no leader: check the brokers", d.Topic, d.Partition, s.cfg.Address()))
		}
		end, ok := ends[name]
		if !ok {
			end = prefetch.NoEnd
		}
		s.add(d, starts[name], end)
		s.byName[name].fresh = s.resume == nil
	}
	return nil
}

// metadata asks for the topics. One that is missing or is another one by now
// is an error.
func (s *Source) metadata(ctx context.Context) (kadm.Metadata, error) {
	meta, err := s.admin.Metadata(ctx, s.cfg.Topics...)
	if err != nil {
		return meta, s.explain(err)
	}
	if err := s.cluster.Found(meta.Cluster, s.cfg.Address()); err != nil {
		return meta, err
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
func (s *Source) unknown(meta kadm.Metadata) []kadm.PartitionDetail {
	var out []kadm.PartitionDetail
	for _, t := range meta.Topics.Sorted() {
		s.topics[t.Topic], s.names[t.ID] = t.ID, t.Topic
		for _, d := range t.Partitions.Sorted() {
			if s.byName[topicPartition{t.Topic, d.Partition}] == nil {
				out = append(out, d)
			}
		}
	}
	return out
}

// inOrder puts the partitions that are gone on with before the others, in the
// order of their positions.
func (s *Source) inOrder(found []kadm.PartitionDetail) ([]kadm.PartitionDetail, error) {
	rest := make(map[topicPartition]kadm.PartitionDetail, len(found))
	for _, d := range found {
		rest[topicPartition{d.Topic, d.Partition}] = d
	}
	out := make([]kadm.PartitionDetail, 0, len(found))
	for _, name := range s.order {
		d, ok := rest[name]
		if !ok {
			return nil, s.notThere(name)
		}
		out = append(out, d)
		delete(rest, name)
	}
	for _, d := range found {
		if _, ok := rest[topicPartition{d.Topic, d.Partition}]; ok {
			out = append(out, d)
		}
	}
	return out, nil
}

// notThere says that a partition of the state is not among those found.
func (s *Source) notThere(p topicPartition) error {
	if !slices.Contains(s.cfg.Topics, p.topic) {
		return fmt.Errorf("topic %s was read before and is not among topics any more: put it back, or reset the state to go on without it", p.topic)
	}
	return fmt.Errorf("topic %s partition %d on %s was read before and is not there: the topic was created anew; reset the state to read it from start", p.topic, p.number, s.cfg.Address())
}

func (s *Source) add(d kadm.PartitionDetail, at, end int64) {
	p := &partition{Partition: s.buffer.Add(d.Topic, d.Partition, at, end), leader: d.Leader, began: at}
	s.parts = append(s.parts, p)
	s.byName[topicPartition{d.Topic, d.Partition}] = p
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

// place puts the positions that are gone on from into the starts; one that the
// log does not have is an error.
func (s *Source) place(ctx context.Context, starts map[topicPartition]int64) error {
	if len(s.resume) == 0 {
		return nil
	}
	highs, err := s.offsets(s.admin.ListEndOffsets(ctx, s.cfg.Topics...))
	if err != nil {
		return err
	}
	for name, first := range starts {
		at, ok := s.resume[name]
		if !ok {
			continue
		}
		if at < first || at > highs[name] {
			return gone(name, at, first, highs[name])
		}
		starts[name] = at
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
