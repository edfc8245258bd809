package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
	"touchstream/pipeline/kafkaconn"
)

const (
	// waitingMax and waitingBytesMax bound the messages that are not
	// acknowledged; one delivery may go beyond.
	waitingMax      = 50_000
	waitingBytesMax = 64 << 20
	// drainMax is how long drain waits before it says why it has to.
	drainMax = 3 * time.Second
	probeMax = time.Second
)

// outbox holds messages until they are acknowledged. It is the one place where
// messages leave.
type outbox struct {
	conn   *kafkaconn.Conn
	client *kgo.Client

	mu      sync.Mutex
	waiting int
	bytes   int
	failed  []*kgo.Record // given back by the client; they are sent again
	missing string        // a topic that the client says is gone
	err     error         // why, or for good
	settled chan struct{} // signals an answer
}

func newOutbox(conn *kafkaconn.Conn) *outbox {
	return &outbox{conn: conn, settled: make(chan struct{}, 1)}
}

func size(m *kgo.Record) int { return len(m.Key) + len(m.Value) }

func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting
}

// put takes messages and begins to send them.
func (o *outbox) put(messages []*kgo.Record) {
	o.mu.Lock()
	o.waiting += len(messages)
	for _, m := range messages {
		o.bytes += size(m)
	}
	o.mu.Unlock()
	o.send(messages)
}

func (o *outbox) send(messages []*kgo.Record) {
	for _, m := range messages {
		o.client.Produce(context.Background(), m, o.answered)
	}
}

// answered notes what became of a message.
func (o *outbox) answered(m *kgo.Record, err error) {
	o.mu.Lock()
	if err == nil {
		o.waiting--
		o.bytes -= size(m)
	} else {
		if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
			o.missing = m.Topic
		}
		err = explain(o.conn, m.Topic, err)
		o.failed = append(o.failed, m)
		if o.err == nil || pipeline.IsRetryable(o.err) {
			o.err = err
		}
	}
	o.mu.Unlock()
	select {
	case o.settled <- struct{}{}:
	default:
	}
}

// drain waits until no more than the given number of messages and bytes is not
// acknowledged, at most for drainMax. The error says what is in the way.
func (o *outbox) drain(ctx context.Context, most, mostBytes int) error {
	deadline := time.NewTimer(drainMax)
	defer deadline.Stop()
	o.retry()
	for {
		o.mu.Lock()
		done, stuck, err := o.waiting <= most && o.bytes <= mostBytes, len(o.failed) > 0, o.err
		o.mu.Unlock()
		switch {
		case err != nil && !pipeline.IsRetryable(err):
			return err
		case done:
			return nil
		case stuck:
			return err
		}
		select {
		case <-o.settled:
		case <-ctx.Done():
			return o.because(ctx)
		case <-deadline.C:
			return o.because(ctx)
		}
	}
}

// retry sends again what the client has given back.
func (o *outbox) retry() {
	o.mu.Lock()
	missing := o.missing
	o.missing = ""
	o.mu.Unlock()
	if missing != "" {
		// The client never takes up a topic that was created anew by itself.
		o.client.PurgeTopicsFromProducing(missing)
	}
	o.mu.Lock()
	var again []*kgo.Record
	if o.err == nil || pipeline.IsRetryable(o.err) {
		again, o.failed, o.err = o.failed, nil, nil
	}
	o.mu.Unlock()
	o.send(again)
}

// because finds out why messages wait: the client keeps that to itself.
func (o *outbox) because(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeMax)
	defer cancel()
	if err := o.client.Ping(ctx); err != nil {
		return explain(o.conn, "", err)
	}
	return pipeline.Retryable(fmt.Errorf("%s has not acknowledged %d messages: check that enough replicas are in sync", o.conn.Address(), o.count()))
}
