package kafka

import (
	"context"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline"
)

const (
	// fetchBytes bounds an answer, fetchPartitionBytes a partition's part of
	// it; a single larger batch comes all the same.
	fetchBytes          = 16 << 20
	fetchPartitionBytes = 2 << 20
	// fetchWait is how long a broker holds a request that brings nothing, and
	// fetchWaitShort while a partition without room cannot be asked for.
	fetchWait      = 500 * time.Millisecond
	fetchWaitShort = 20 * time.Millisecond
	fetchRetryMin  = 50 * time.Millisecond
	fetchRetryMax  = 2 * time.Second
)

// request is a Fetch with what it asks for.
type request struct {
	*kmsg.FetchRequest
	parts []*partition
	named bool // some topic has no id; versions from 13 on know only ids
}

// MaxVersion is the newest version that can carry the request.
func (r *request) MaxVersion() int16 {
	if r.named {
		return 12
	}
	return r.FetchRequest.MaxVersion()
}

// startLoops starts a fetch loop for each leader that has none. The mutex is held.
func (s *Source) startLoops(ctx context.Context) {
	for _, p := range s.parts {
		if p.leader >= 0 && !s.loops[p.leader] {
			s.loops[p.leader] = true
			s.running.Go(func() { s.fetchLoop(ctx, p.leader) })
		}
	}
}

// fetchLoop keeps one request to a broker under way.
func (s *Source) fetchLoop(ctx context.Context, broker int32) {
	failures := 0
	for {
		s.mu.Lock()
		r := s.request(broker)
		for r == nil && !s.closed {
			s.changed.Wait()
			r = s.request(broker)
		}
		s.mu.Unlock()
		if r == nil {
			return
		}
		answer, err := s.client.Broker(int(broker)).Request(ctx, r)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			resp := answer.(*kmsg.FetchResponse)
			if err = kerr.ErrorForCode(resp.ErrorCode); err == nil {
				failures = 0
				if s.accept(r, resp) {
					pause(ctx, fetchRetryMin)
				}
				continue
			}
		}
		failures++
		s.fail(r, err, failures)
		pause(ctx, min(fetchRetryMin<<min(failures, 10), fetchRetryMax))
	}
}

func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// request asks for the partitions of a broker that have room; nil if there are
// none. The mutex is held.
func (s *Source) request(broker int32) *request {
	if s.closed {
		return nil
	}
	r := &request{FetchRequest: kmsg.NewPtrFetchRequest()}
	r.MaxBytes, r.MinBytes, r.MaxWaitMillis = fetchBytes, 1, int32(fetchWait.Milliseconds())
	if s.cfg.Committed {
		r.IsolationLevel = 1
	}
	at := map[string]int{}
	s.turn++
	for i := range s.parts {
		p := s.parts[(i+s.turn)%len(s.parts)]
		if p.leader != broker || p.inFlight || p.lost || p.complete() || p.err != nil && !pipeline.IsRetryable(p.err) {
			continue
		}
		if !p.room(s.share()) {
			r.MaxWaitMillis = int32(fetchWaitShort.Milliseconds())
			continue
		}
		k, ok := at[p.topic]
		if !ok {
			k = len(r.Topics)
			at[p.topic] = k
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = p.topic, s.topics[p.topic]
			r.named = r.named || t.TopicID == kadm.TopicID{}
			r.Topics = append(r.Topics, t)
		}
		ask := kmsg.NewFetchRequestTopicPartition()
		ask.Partition, ask.FetchOffset, ask.PartitionMaxBytes = p.number, p.fetchAt, fetchPartitionBytes
		r.Topics[k].Partitions = append(r.Topics[k].Partitions, ask)
		r.parts = append(r.parts, p)
		p.inFlight = true
	}
	if len(r.parts) == 0 {
		return nil
	}
	return r
}

// fail notes that a request failed as a whole. A single failure is no news.
func (s *Source) fail(r *request, err error, failures int) {
	err = s.explain(err)
	s.mu.Lock()
	for _, p := range r.parts {
		p.inFlight, p.caughtUp = false, false
		if failures > 1 || !pipeline.IsRetryable(err) {
			p.err = err
		}
	}
	s.changed.Broadcast()
	s.mu.Unlock()
	s.lookAgain()
	s.signal()
}

// accept queues what a request brought; it returns whether the broker refused
// a partition, so that asking again at once is of no use.
func (s *Source) accept(r *request, resp *kmsg.FetchResponse) (refused bool) {
	news := false
	for i := range resp.Topics {
		t := &resp.Topics[i]
		name := t.Topic
		if resp.Version >= 13 {
			s.mu.Lock()
			name = s.names[t.TopicID]
			s.mu.Unlock()
		}
		for k := range t.Partitions {
			news = s.acceptPartition(name, &t.Partitions[k]) || news
			refused = refused || t.Partitions[k].ErrorCode != 0
		}
	}
	s.mu.Lock()
	for _, p := range r.parts {
		p.inFlight = false
	}
	s.changed.Broadcast()
	s.mu.Unlock()
	if news {
		s.signal()
	}
	return refused
}

// acceptPartition queues a partition's part; news is whether a Read would now
// say something else.
func (s *Source) acceptPartition(topic string, rp *kmsg.FetchResponseTopicPartition) (news bool) {
	s.mu.Lock()
	p := s.byName[topicPartition{topic, rp.Partition}]
	asked := p != nil && p.inFlight
	var from int64
	if asked {
		from = p.fetchAt
	}
	s.mu.Unlock()
	if !asked {
		return false
	}
	if rp.ErrorCode != 0 {
		return s.refused(p, kerr.ErrorForCode(rp.ErrorCode))
	}
	b, next, err := s.unpackPartition(p.topicPartition, from, p.end, rp)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		p.badReads++
		p.caughtUp = false
		p.err = fmt.Errorf("topic %s partition %d cannot be read at offset %d: %w", p.topic, p.number, from, err)
		if p.badReads < 3 {
			p.err = pipeline.Retryable(p.err)
		}
		return true
	}
	was := p.caughtUp
	p.err, p.badReads, p.fresh = nil, 0, false
	p.readable = rp.HighWatermark
	if s.cfg.Committed && rp.LastStableOffset >= 0 {
		p.readable = rp.LastStableOffset
	}
	if p.end >= 0 {
		p.readable = p.end
	}
	p.fetchAt = next
	p.caughtUp = next >= p.readable
	p.put(b)
	return len(b.recs) > 0 || p.caughtUp != was || p.complete()
}
