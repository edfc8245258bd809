package faulttest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// record is a record that a topic holds.
type record struct {
	topic      string
	partition  int
	offset     int64
	key, value []byte
	headers    map[string]string
}

func (r *record) position() position { return position{r.topic, int64(r.partition), r.offset} }

// position is where a record stands.
type position struct {
	topic             string
	partition, offset int64
}

func (p position) String() string { return fmt.Sprintf("%s/%d@%d", p.topic, p.partition, p.offset) }

// readCommitted reads a topic as a reader of committed transactions sees it,
// up to the last stable offset: partition by partition, in order of offset. It
// is written with another client than the pipeline's. That client fetches what
// was aborted and the markers that end transactions, too; both are left out
// here, as the protocol wants it of readers.
func readCommitted(ctx context.Context, brokers []string, topic string) ([]record, error) {
	client := &kafka.Client{Addr: kafka.TCP(brokers...)}
	var meta *kafka.MetadataResponse
	if err := withLeader(func() (err error) {
		meta, err = client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{topic}})
		return err
	}); err != nil {
		return nil, fmt.Errorf("topic %s: %w", topic, err)
	}
	transport := new(kafka.Transport)
	defer transport.CloseIdleConnections()
	var out []record
	for _, t := range meta.Topics {
		if t.Error != nil {
			return nil, fmt.Errorf("topic %s: %w", topic, t.Error)
		}
		partitions := slices.Clone(t.Partitions)
		slices.SortFunc(partitions, func(a, b kafka.Partition) int { return cmp.Compare(a.ID, b.ID) })
		for _, p := range partitions {
			reader := committedReader{transport: transport, client: client, topic: topic, partition: p.ID}
			if err := reader.read(ctx); err != nil {
				return nil, fmt.Errorf("topic %s, partition %d, offset %d: %w", topic, p.ID, reader.offset, err)
			}
			out = append(out, reader.records...)
		}
	}
	return out, nil
}

// committedReader reads one partition.
type committedReader struct {
	transport *kafka.Transport
	client    *kafka.Client
	topic     string
	partition int
	offset    int64 // the next
	records   []record
}

const fetchBytesMax = 64 << 20

func (r *committedReader) read(ctx context.Context) error {
	for {
		var p *fetch.ResponsePartition
		if err := withLeader(func() (err error) {
			p, err = r.fetch(ctx)
			return err
		}); err != nil {
			return err
		}
		if err := r.take(p); err != nil {
			return err
		}
		if r.offset >= p.LastStableOffset {
			return nil
		}
	}
}

func (r *committedReader) fetch(ctx context.Context) (*fetch.ResponsePartition, error) {
	m, err := r.transport.RoundTrip(ctx, r.client.Addr, &fetch.Request{
		ReplicaID: -1, MaxWaitTime: 100, MinBytes: 1, MaxBytes: fetchBytesMax, IsolationLevel: int8(kafka.ReadCommitted),
		SessionID: -1, SessionEpoch: -1,
		Topics: []fetch.RequestTopic{{Topic: r.topic, Partitions: []fetch.RequestPartition{{
			Partition: int32(r.partition), CurrentLeaderEpoch: -1, FetchOffset: r.offset, LogStartOffset: -1, PartitionMaxBytes: fetchBytesMax,
		}}}},
	})
	if err != nil {
		return nil, err
	}
	res, ok := m.(*fetch.Response)
	if !ok || len(res.Topics) != 1 || len(res.Topics[0].Partitions) != 1 {
		return nil, fmt.Errorf("the broker answers with %T without the partition", m)
	}
	p := &res.Topics[0].Partitions[0]
	if p.ErrorCode != 0 {
		return nil, kafka.Error(p.ErrorCode)
	}
	return p, nil
}

// leaderMax bounds waiting for a broker that leads.
const leaderMax = 30 * time.Second

// withLeader asks again while the broker does not lead: on a busy machine it
// misses its own heartbeats, whose session is short so that it comes back soon
// from a kill.
func withLeader(ask func() error) error {
	for began := time.Now(); ; time.Sleep(100 * time.Millisecond) {
		err := ask()
		var answer kafka.Error
		isAway := errors.Is(err, protocol.ErrNoLeader) || errors.As(err, &answer) && answer.Temporary()
		if !isAway || time.Since(began) > leaderMax {
			return err
		}
	}
}

// take reads the batches of one answer.
func (r *committedReader) take(p *fetch.ResponsePartition) error {
	// Transactions that begin in this answer or before and were aborted.
	begun := slices.Clone(p.AbortedTransactions)
	slices.SortFunc(begun, func(a, b fetch.ResponseTransaction) int { return cmp.Compare(a.FirstOffset, b.FirstOffset) })
	aborted := map[int64]bool{} // by producer
	var batches []protocol.RecordReader
	switch set := p.RecordSet.Records.(type) {
	case nil:
	case *protocol.RecordStream:
		batches = set.Records
	default:
		batches = []protocol.RecordReader{set}
	}
	for _, b := range batches {
		switch b := b.(type) {
		case *protocol.RecordBatch:
			for len(begun) > 0 && begun[0].FirstOffset <= b.BaseOffset {
				aborted[begun[0].ProducerID] = true
				begun = begun[1:]
			}
			if err := r.batch(b, b.Attributes.Transactional() && aborted[b.ProducerID]); err != nil {
				return err
			}
		case *protocol.ControlBatch:
			for {
				c, err := b.ReadControlRecord()
				if errors.Is(err, io.EOF) {
					break
				}
				if err != nil {
					return err
				}
				// A marker of either kind ends its producer's transaction.
				delete(aborted, b.ProducerID)
				r.offset = max(r.offset, c.Offset+1)
			}
		default:
			return fmt.Errorf("a batch of the unknown kind %T", b)
		}
	}
	return nil
}

// batch reads the records of a batch. An answer may begin with a batch that
// holds records before the offset that was asked for.
func (r *committedReader) batch(b *protocol.RecordBatch, isAborted bool) error {
	for {
		in, err := b.ReadRecord()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		out := record{topic: r.topic, partition: r.partition, offset: in.Offset, headers: map[string]string{}}
		for _, h := range in.Headers {
			out.headers[h.Key] = string(h.Value)
		}
		if out.key, err = readBytes(in.Key); err != nil {
			return err
		}
		if out.value, err = readBytes(in.Value); err != nil {
			return err
		}
		if in.Offset < r.offset {
			continue
		}
		r.offset = in.Offset + 1
		if !isAborted {
			r.records = append(r.records, out)
		}
	}
}

func readBytes(b protocol.Bytes) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	defer b.Close()
	return io.ReadAll(b)
}
