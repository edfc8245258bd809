package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
	"touchstream/pipeline/prefetch"
)

// lookAgain asks for a refresh soon.
func (s *Source) lookAgain() {
	select {
	case s.refresh <- struct{}{}:
	default:
	}
}

// refreshLoop keeps leaders and partitions up to date.
func (s *Source) refreshLoop(ctx context.Context) {
	every := time.NewTicker(s.refreshEvery)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		case <-s.refresh:
			pause(ctx, fetchRetryMin) // Many partitions may ask for the same.
		}
		err := s.lookAround(ctx)
		if ctx.Err() != nil {
			return
		}
		if err != nil && pipeline.IsRetryable(err) {
			pause(ctx, fetchRetryMin)
			s.lookAgain()
			continue
		}
		if err != nil {
			s.buffer.Break(err)
			return
		}
	}
}

// lookAround takes up new leaders and partitions and lists the starts of those
// that have lost theirs.
func (s *Source) lookAround(ctx context.Context) error {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	meta, err := s.admin.Metadata(within, s.cfg.Topics...)
	if err != nil {
		return s.explain(err)
	}
	starts, err := s.offsets(s.admin.ListStartOffsets(within, s.cfg.Topics...))
	if err != nil {
		return err
	}
	if err := s.takeUp(ctx, meta, starts); err != nil {
		return err
	}
	return s.findLost(within, starts)
}

func (s *Source) takeUp(ctx context.Context, meta kadm.Metadata, starts map[topicPartition]int64) error {
	s.buffer.Lock()
	defer s.buffer.Unlock()
	for name, id := range s.topics {
		t := meta.Topics[name]
		switch {
		case errors.Is(t.Err, kerr.UnknownTopicOrPartition):
			return pipeline.Retryable(fmt.Errorf("topic %s does not exist on %s any more", name, s.cfg.Address()))
		case t.Err != nil:
			return s.explain(fmt.Errorf("topic %s: %w", name, t.Err))
		case t.ID != id && id != kadm.TopicID{}:
			return fmt.Errorf("topic %s on %s was deleted and created again: its offsets count anew; reset the state to read it from start", name, s.cfg.Address())
		}
		for _, d := range t.Partitions {
			if p := s.byName[topicPartition{name, d.Partition}]; p != nil {
				p.leader = d.Leader
			}
		}
	}
	if !s.bounded {
		for _, d := range s.unknown(meta) {
			name := topicPartition{d.Topic, d.Partition}
			first, ok := starts[name]
			if !ok {
				return pipeline.Retryable(fmt.Errorf("topic %s partition %d on %s is not ready", d.Topic, d.Partition, s.cfg.Address()))
			}
			s.add(d, first, prefetch.NoEnd)
			s.byName[name].fresh = true
		}
	}
	s.startLoops(ctx)
	s.buffer.Changed()
	return nil
}

// refused notes the error code of a partition.
func (s *Source) refused(p *partition, err error) {
	s.buffer.Lock()
	defer s.buffer.Unlock()
	if p.Doubt(); errors.Is(err, kerr.OffsetOutOfRange) {
		p.lost = true
	} else {
		p.Fail(s.explain(fmt.Errorf("topic %s partition %d: %w", p.Topic, p.Number, err)))
	}
	s.lookAgain()
}

// findLost decides on partitions whose offset is out of range: nothing was
// read yet and the oldest records are gone by now, or records are lost.
func (s *Source) findLost(ctx context.Context, starts map[topicPartition]int64) error {
	s.buffer.Lock()
	lost := slices.DeleteFunc(slices.Clone(s.parts), func(p *partition) bool { return !p.lost })
	s.buffer.Unlock()
	if len(lost) == 0 {
		return nil
	}
	highs, err := s.offsets(s.admin.ListEndOffsets(ctx, s.cfg.Topics...))
	if err != nil {
		return err
	}
	s.buffer.Lock()
	defer s.buffer.Unlock()
	for _, p := range lost {
		name := topicPartition{p.Topic, p.Number}
		at, first, behind := p.Next(), starts[name], highs[name]
		switch {
		case at >= first && at <= behind:
		case p.fresh && at < first && s.cfg.Start.Where != kafkaconn.Latest:
			p.Move(first)
			p.began = first
		default:
			p.Fail(gone(name, at, first, behind))
		}
		p.lost = false
	}
	s.buffer.Changed()
	return nil
}
