package kafka

import (
	"context"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline/kafkaconn"
)

// transaction gathers what becomes of the messages of one transaction.
type transaction struct {
	conn *kafkaconn.Conn

	mu        sync.Mutex
	unsettled int
	err       error         // of the first message that failed
	settled   chan struct{} // signals an answer
}

func newTransaction(conn *kafkaconn.Conn) *transaction {
	return &transaction{conn: conn, settled: make(chan struct{}, 1)}
}

// produce sends messages. A producer may change a message it has sent, so each
// is sent as a copy and can be sent again by another.
func (t *transaction) produce(producer *kgo.Client, messages []*kgo.Record) []*kgo.Record {
	t.mu.Lock()
	t.unsettled += len(messages)
	t.mu.Unlock()
	copies, out := make([]kgo.Record, len(messages)), make([]*kgo.Record, len(messages))
	for i, m := range messages {
		out[i] = &copies[i]
		*out[i] = kgo.Record{Topic: m.Topic, Key: m.Key, Value: m.Value, Headers: m.Headers}
		producer.Produce(context.Background(), out[i], t.answered)
	}
	return out
}

func (t *transaction) answered(m *kgo.Record, err error) {
	t.mu.Lock()
	t.unsettled--
	if err != nil && t.err == nil {
		t.err = explainMessage(t.conn, m, err)
	}
	t.mu.Unlock()
	select {
	case t.settled <- struct{}{}:
	default:
	}
}

// wait waits until all messages are acknowledged. It gives up when one has
// failed, or when nothing is acknowledged for a while.
func (t *transaction) wait(ctx context.Context, producer *kgo.Client) error {
	patience := time.NewTimer(answerMax)
	defer patience.Stop()
	for {
		t.mu.Lock()
		unsettled, err := t.unsettled, t.err
		t.mu.Unlock()
		if err != nil || unsettled == 0 {
			return err
		}
		select {
		case <-t.settled:
			patience.Reset(answerMax)
			continue
		case <-ctx.Done():
		case <-patience.C:
		}
		return because(ctx, t.conn, producer, unsettled)
	}
}
