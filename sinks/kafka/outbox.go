package kafka

import (
	"context"
	"errors"
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
)

// outbox sends messages outside of transactions and holds them until they are
// acknowledged.
type outbox struct {
	conn   *kafkaconn.Conn
	client *kgo.Client

	mu      sync.Mutex
	waiting int
	bytes   int
	failed  []letter      // given back by the client; they are sent again
	missing string        // a topic that the client says is gone
	err     error         // why, or for good
	settled chan struct{} // signals an answer
}

// letter is a message and the bundle that it belongs to.
type letter struct {
	message *kgo.Record
	bundle  *bundle
}

// bundle counts the messages of one commit that are not acknowledged.
type bundle struct{ waiting int }

func newOutbox(conn *kafkaconn.Conn) *outbox {
	return &outbox{conn: conn, settled: make(chan struct{}, 1)}
}

func size(m *kgo.Record) int {
	n := len(m.Key) + len(m.Value)
	for _, h := range m.Headers {
		n += len(h.Key) + len(h.Value)
	}
	return n
}

func (o *outbox) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.waiting
}

// put takes messages of a bundle and begins to send them.
func (o *outbox) put(messages []*kgo.Record, b *bundle) {
	letters := make([]letter, len(messages))
	o.mu.Lock()
	o.waiting += len(messages)
	b.waiting += len(messages)
	for i, m := range messages {
		o.bytes += size(m)
		letters[i] = letter{m, b}
	}
	o.mu.Unlock()
	o.send(letters)
}

func (o *outbox) send(letters []letter) {
	for _, x := range letters {
		o.client.Produce(context.Background(), x.message, func(_ *kgo.Record, err error) { o.answered(x, err) })
	}
}

// answered notes what became of a message.
func (o *outbox) answered(x letter, err error) {
	o.mu.Lock()
	if err == nil {
		o.waiting--
		o.bytes -= size(x.message)
		x.bundle.waiting--
	} else {
		if errors.Is(err, kerr.UnknownTopicOrPartition) || errors.Is(err, kerr.UnknownTopicID) {
			o.missing = x.message.Topic
		}
		err = explainMessage(o.conn, x.message, err)
		o.failed = append(o.failed, x)
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

// drain waits until no message is unacknowledged.
func (o *outbox) drain(ctx context.Context) error {
	return o.wait(ctx, func() bool { return o.waiting == 0 })
}

// makeRoom waits until another delivery may be taken.
func (o *outbox) makeRoom(ctx context.Context) error {
	return o.wait(ctx, func() bool { return o.waiting <= waitingMax && o.bytes <= waitingBytesMax })
}

// await waits until all messages of a bundle are acknowledged.
func (o *outbox) await(ctx context.Context, b *bundle) error {
	return o.wait(ctx, func() bool { return b.waiting == 0 })
}

// wait waits for a condition, which is asked with the lock held, at most for
// drainMax. The error says what is in the way. One goroutine at a time may wait.
func (o *outbox) wait(ctx context.Context, reached func() bool) error {
	deadline := time.NewTimer(drainMax)
	defer deadline.Stop()
	o.retry()
	for {
		o.mu.Lock()
		done, stuck, err, waiting := reached(), len(o.failed) > 0, o.err, o.waiting
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
			return because(ctx, o.conn, o.client, waiting)
		case <-deadline.C:
			return because(ctx, o.conn, o.client, waiting)
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
	var again []letter
	if o.err == nil || pipeline.IsRetryable(o.err) {
		again, o.failed, o.err = o.failed, nil, nil
	}
	o.mu.Unlock()
	o.send(again)
}
