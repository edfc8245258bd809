package kafka

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/fetch"
)

// message is what a reader of committed messages sees.
type message struct {
	offset  int64
	key     string
	value   string
	headers map[string]string
}

// committed reads partition 0 of a topic with another client than the one that
// wrote it, up to its last stable offset. That client does not leave out the
// messages of aborted transactions, so this does.
func committed(t *testing.T, brokers []string, topic string) (out []message) {
	t.Helper()
	ctx := deadline(t)
	transport := &kafkago.Transport{MetadataTopics: []string{topic}}
	defer transport.CloseIdleConnections()
	conn, err := kafkago.DialLeader(ctx, "tcp", brokers[0], topic, 0)
	if err != nil {
		t.Fatal(err)
	}
	at, err := conn.ReadFirstOffset()
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	for {
		response, err := transport.RoundTrip(ctx, kafkago.TCP(brokers...), &fetch.Request{
			ReplicaID: -1, MaxWaitTime: 100, MinBytes: 1, MaxBytes: 8 << 20, IsolationLevel: 1,
			Topics: []fetch.RequestTopic{{Topic: topic, Partitions: []fetch.RequestPartition{{FetchOffset: at, CurrentLeaderEpoch: -1, PartitionMaxBytes: 8 << 20}}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		p := &response.(*fetch.Response).Topics[0].Partitions[0]
		if p.ErrorCode != 0 {
			t.Fatal(kafkago.Error(p.ErrorCode))
		}
		from := at
		at, out = leaveOutAborted(t, p, at, out)
		if at >= p.LastStableOffset {
			return out
		}
		if at == from {
			t.Fatalf("%s: nothing at offset %d", topic, at)
		}
	}
}

func leaveOutAborted(t *testing.T, p *fetch.ResponsePartition, at int64, out []message) (int64, []message) {
	t.Helper()
	stream, ok := p.RecordSet.Records.(*protocol.RecordStream)
	if !ok {
		return at, out
	}
	aborted := map[int64]bool{} // producers whose transaction is one of those
	pending := p.AbortedTransactions
	for _, batch := range stream.Records {
		if control, ok := batch.(*protocol.ControlBatch); ok {
			delete(aborted, control.ProducerID)
			at = max(at, control.BaseOffset+1)
			continue
		}
		data := batch.(*protocol.RecordBatch)
		for len(pending) > 0 && pending[0].FirstOffset <= data.BaseOffset {
			aborted[pending[0].ProducerID] = true
			pending = pending[1:]
		}
		for {
			r, err := batch.ReadRecord()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			m := message{r.Offset, readAll(t, r.Key), readAll(t, r.Value), map[string]string{}}
			for _, h := range r.Headers {
				m.headers[h.Key] = string(h.Value)
			}
			if !aborted[data.ProducerID] && m.offset >= at {
				out = append(out, m)
			}
			at = max(at, r.Offset+1)
		}
	}
	return at, out
}

func readAll(t *testing.T, b protocol.Bytes) string {
	t.Helper()
	if b == nil {
		return ""
	}
	defer b.Close()
	all, err := io.ReadAll(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(all)
}

// ids are the ids of trigger messages.
func ids(messages []message) (out []string) {
	for _, m := range messages {
		out = append(out, m.headers["ce_id"])
	}
	return out
}

// entries are the journal's, as key=value.
func entries(messages []message) (out []string) {
	for _, m := range messages {
		out = append(out, m.key+"="+m.value)
	}
	return out
}

// eventually waits for a condition.
func eventually(t *testing.T, what string, reached func() bool) {
	t.Helper()
	for ctx := deadline(t); !reached(); time.Sleep(10 * time.Millisecond) {
		if ctx.Err() != nil {
			t.Fatal("not so within time: " + what)
		}
	}
}

// unique is a name that no other run of a test has used.
func unique(t *testing.T) string { return fmt.Sprintf("%s.%d", t.Name(), time.Now().UnixNano()) }
