package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
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
			s.breakOff(err)
			return
		}
	}
}

// breakOff ends the source with an error.
func (s *Source) breakOff(err error) {
	s.mu.Lock()
	s.err = err
	s.changed.Broadcast()
	s.mu.Unlock()
	s.signal()
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
	s.mu.Lock()
	defer s.mu.Unlock()
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
		for _, p := range s.unknown(meta) {
			first, ok := starts[p.topicPartition]
			if !ok {
				return pipeline.Retryable(fmt.Errorf("topic %s partition %d is not ready", p.topic, p.number))
			}
			p.fetchAt, p.readAt, p.fresh = first, first, true
			s.add(p)
			s.signal()
		}
	}
	s.startLoops(ctx)
	s.changed.Broadcast()
	return nil
}

// refused notes the error code of a partition; it returns whether that is news.
func (s *Source) refused(p *partition, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.caughtUp = false
	switch {
	case errors.Is(err, kerr.OffsetOutOfRange):
		p.lost = true
	default:
		err = s.explain(fmt.Errorf("topic %s partition %d: %w", p.topic, p.number, err))
		if p.err == nil || !pipeline.IsRetryable(err) {
			p.err = err
		}
	}
	s.lookAgain()
	return p.err != nil
}

// findLost decides on partitions whose offset is out of range: nothing was
// read yet and the oldest records are gone by now, or records are lost.
func (s *Source) findLost(ctx context.Context, starts map[topicPartition]int64) error {
	s.mu.Lock()
	var lost []*partition
	for _, p := range s.parts {
		if p.lost {
			lost = append(lost, p)
		}
	}
	s.mu.Unlock()
	if len(lost) == 0 {
		return nil
	}
	highs, err := s.offsets(s.admin.ListEndOffsets(ctx, s.cfg.Topics...))
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range lost {
		first, behind := starts[p.topicPartition], highs[p.topicPartition]
		switch {
		case p.fetchAt >= first && p.fetchAt <= behind:
		case p.fresh && p.fetchAt < first && s.cfg.Start.Where != kafkaconn.Latest:
			p.fetchAt, p.readAt = first, first
		default:
			p.err = gone(p.topicPartition, p.fetchAt, first, behind)
			s.signal()
		}
		p.lost = false
	}
	s.changed.Broadcast()
	return nil
}
