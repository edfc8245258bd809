package kafkago

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/kafkaconn"
	"touchstream/pipeline/prefetch"
)

const (
	// fetchBytes bounds an answer; a single larger batch comes all the same.
	fetchBytes = 2 << 20
	// fetchWait is how long a broker holds a request that brings nothing.
	fetchWait     = 500 * time.Millisecond
	fetchRetryMin = 50 * time.Millisecond
	fetchRetryMax = 2 * time.Second
	// answerBytesMax is the unpacked size after which the rest of an answer is
	// left for the next one.
	answerBytesMax = 64 << 20
)

// fetchLoop keeps a fetch of one partition under way. fresh partitions were
// not read yet and start at no position.
func (s *Source) fetchLoop(ctx context.Context, p *prefetch.Partition, fresh bool) {
	for failures := 0; ; {
		s.buffer.Lock()
		for !p.Wanted() && !s.buffer.Closed() {
			if p.Complete() {
				s.buffer.Unlock()
				return
			}
			s.buffer.Wait()
		}
		at, closed := p.Next(), s.buffer.Closed()
		s.buffer.Unlock()
		if closed {
			return
		}
		err := s.fetch(ctx, p, at)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			failures, fresh = 0, false
			continue
		}
		failures++
		err = s.failed(ctx, p, at, fresh, err)
		s.buffer.Lock()
		if p.Doubt(); err != nil && (failures > 1 || !pipeline.IsRetryable(err)) {
			p.Fail(err)
		}
		s.buffer.Unlock()
		if err != nil && !pipeline.IsRetryable(err) {
			return
		}
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

// failed judges a failed fetch; nil if its cause is out of the way.
func (s *Source) failed(ctx context.Context, p *prefetch.Partition, at int64, fresh bool, err error) error {
	if !errors.Is(err, kafka.OffsetOutOfRange) {
		return s.explain(fmt.Errorf("topic %s partition %d: %w", p.Topic, p.Number, err))
	}
	name := topicPartition{p.Topic, p.Number}
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	list, err := s.list(within, []topicPartition{name})
	if err != nil {
		return err
	}
	o := list[name]
	switch {
	case at >= o.first && at <= o.last:
		return nil
	case fresh && at < o.first && s.cfg.Start.Where != kafkaconn.Latest:
		s.buffer.Lock()
		defer s.buffer.Unlock()
		p.Move(o.first)
		s.moved(name, o.first)
		return nil
	}
	return gone(name, at, o)
}

// fetch makes one request and queues what it brings.
func (s *Source) fetch(ctx context.Context, p *prefetch.Partition, at int64) error {
	within, cancel := context.WithTimeout(ctx, answerMax)
	defer cancel()
	resp, err := s.client.Fetch(within, &kafka.FetchRequest{
		Topic: p.Topic, Partition: int(p.Number), Offset: at, MinBytes: 1, MaxBytes: fetchBytes, MaxWait: fetchWait,
	})
	if err != nil {
		return err
	}
	if resp.Error != nil {
		return resp.Error
	}
	b := s.buffer.NewBlock(0, 0)
	next, err := unpack(b, resp.Records, at, p.End())
	if err != nil && len(b.Recs) == 0 {
		return fmt.Errorf("cannot be read at offset %d: %w", at, err)
	}
	s.buffer.Lock()
	defer s.buffer.Unlock()
	p.Put(next, resp.HighWatermark, b)
	return nil
}

// unpack copies records from an offset to an end and tells the offset behind
// them.
func unpack(b *prefetch.Block, records kafka.RecordReader, at, end int64) (next int64, err error) {
	next = at
	stream, ok := records.(*protocol.RecordStream)
	if !ok {
		return next, nil // There are none.
	}
	for _, batch := range stream.Records {
		if len(b.Data) >= answerBytesMax {
			return next, nil
		}
		if control, ok := batch.(*protocol.ControlBatch); ok {
			next = max(next, control.BaseOffset+1)
			continue
		}
		if next, err = unpackBatch(b, batch, next, end); err != nil {
			return next, err
		}
	}
	if next == at {
		// Only a batch whose records were compacted away brings nothing, and
		// kafka-go does not say where it ends.
		next++
	}
	return next, nil
}

func unpackBatch(b *prefetch.Block, batch protocol.RecordReader, next, end int64) (int64, error) {
	for {
		r, err := batch.ReadRecord()
		if errors.Is(err, io.EOF) {
			return next, nil
		}
		if err != nil {
			return next, err
		}
		if r.Offset >= next && (end == prefetch.NoEnd || r.Offset < end) {
			value, size, err := read(r.Value)
			if err != nil {
				return next, err
			}
			b.Add(value, size, r.Offset, timestamp(r.Time))
		}
		next = max(next, r.Offset+1)
		for _, c := range []protocol.Bytes{r.Key, r.Value} {
			if c != nil {
				if err := c.Close(); err != nil {
					return next, err
				}
			}
		}
	}
}

// read gives the beginning of a value and its whole length.
func read(v protocol.Bytes) ([]byte, int, error) {
	if v == nil {
		return nil, 0, nil
	}
	size := v.Len()
	value := make([]byte, min(size, prefetch.RecordBytesMax))
	_, err := io.ReadFull(v, value)
	return value, size, err
}

func timestamp(t time.Time) int64 {
	if t.IsZero() || t.UnixMilli() < 0 {
		return event.Absent
	}
	return t.UnixMilli()
}
