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
	// badReadsMax is after how many answers in a row that are broken the log
	// is taken to be so.
	badReadsMax = 3
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

// startLoops starts a fetch loop for each leader that has none. The lock is held.
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
		s.buffer.Lock()
		r := s.request(broker)
		for r == nil && !s.buffer.Closed() {
			s.buffer.Wait()
			r = s.request(broker)
		}
		s.buffer.Unlock()
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
// none. The lock is held.
func (s *Source) request(broker int32) *request {
	if s.buffer.Closed() {
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
		if p.leader != broker || p.inFlight || p.lost || p.Complete() || p.Err() != nil && !pipeline.IsRetryable(p.Err()) {
			continue
		}
		if !p.Wanted() {
			r.MaxWaitMillis = int32(fetchWaitShort.Milliseconds())
			continue
		}
		k, ok := at[p.Topic]
		if !ok {
			k = len(r.Topics)
			at[p.Topic] = k
			t := kmsg.NewFetchRequestTopic()
			t.Topic, t.TopicID = p.Topic, s.topics[p.Topic]
			r.named = r.named || t.TopicID == kadm.TopicID{}
			r.Topics = append(r.Topics, t)
		}
		ask := kmsg.NewFetchRequestTopicPartition()
		ask.Partition, ask.FetchOffset, ask.PartitionMaxBytes = p.Number, p.Next(), fetchPartitionBytes
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
	s.buffer.Lock()
	for _, p := range r.parts {
		p.inFlight = false
		p.Doubt()
		if failures > 1 || !pipeline.IsRetryable(err) {
			p.Fail(err)
		}
	}
	s.buffer.Changed()
	s.buffer.Unlock()
	s.lookAgain()
}

// accept queues what a request brought; it returns whether the broker refused
// a partition, so that asking again at once is of no use.
func (s *Source) accept(r *request, resp *kmsg.FetchResponse) (refused bool) {
	for i := range resp.Topics {
		t := &resp.Topics[i]
		name := t.Topic
		if resp.Version >= 13 {
			s.buffer.Lock()
			name = s.names[t.TopicID]
			s.buffer.Unlock()
		}
		for k := range t.Partitions {
			s.acceptPartition(name, &t.Partitions[k])
			refused = refused || t.Partitions[k].ErrorCode != 0
		}
	}
	s.buffer.Lock()
	defer s.buffer.Unlock()
	for _, p := range r.parts {
		p.inFlight = false
	}
	s.buffer.Changed()
	return refused
}

// acceptPartition queues a partition's part of an answer.
func (s *Source) acceptPartition(topic string, rp *kmsg.FetchResponseTopicPartition) {
	s.buffer.Lock()
	p := s.byName[topicPartition{topic, rp.Partition}]
	if p == nil || !p.inFlight {
		s.buffer.Unlock()
		return
	}
	from := p.Next()
	s.buffer.Unlock()
	if rp.ErrorCode != 0 {
		s.refused(p, kerr.ErrorForCode(rp.ErrorCode))
		return
	}
	blocks, next, err := s.unpackPartition(p, from, rp)
	s.buffer.Lock()
	defer s.buffer.Unlock()
	if err != nil {
		err = fmt.Errorf("topic %s partition %d cannot be read at offset %d: %w", p.Topic, p.Number, from, err)
		if p.badReads++; p.badReads < badReadsMax {
			err = pipeline.Retryable(err)
		}
		p.Fail(err)
		return
	}
	readable := rp.HighWatermark
	if s.cfg.Committed && rp.LastStableOffset >= 0 {
		readable = rp.LastStableOffset
	}
	p.badReads, p.fresh = 0, false
	p.Put(next, readable, blocks...)
}
