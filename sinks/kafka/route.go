package kafka

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
)

// route is a way for messages to leave. The list given to put is lent.
type route interface {
	put(messages []*kgo.Record)
	// cut ends the messages of a commit; in a replay it forgets them: they left
	// then.
	cut(c *pipeline.Cut)
	release(number int64)
}

// inLedger sends messages in the transaction of their commit.
type inLedger struct {
	ledger  *Ledger
	waiting *atomic.Int64
}

func (w *inLedger) put(messages []*kgo.Record) { w.ledger.put(messages, w.waiting) }
func (w *inLedger) cut(c *pipeline.Cut)        { w.ledger.endCommit(c, nil) }
func (w *inLedger) release(int64)              { w.ledger.goLive() }

// afterRelease sends messages once their commit is released.
type afterRelease struct {
	outbox *outbox

	mu   sync.Mutex
	open []*kgo.Record
	ends []cutAt
}

// cutAt says that a commit ends behind a number of the open messages.
type cutAt struct {
	number   int64
	messages int
}

func (w *afterRelease) put(messages []*kgo.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.open = append(w.open, messages...)
}

func (w *afterRelease) cut(c *pipeline.Cut) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Replay {
		w.open = nil
		return
	}
	w.ends = append(w.ends, cutAt{c.Number, len(w.open)})
}

func (w *afterRelease) release(number int64) {
	w.mu.Lock()
	n, i := 0, 0
	for i < len(w.ends) && w.ends[i].number <= number {
		n = w.ends[i].messages
		i++
	}
	out := w.open[:n:n]
	w.open, w.ends = w.open[n:], w.ends[i:]
	for k := range w.ends {
		w.ends[k].messages -= n
	}
	w.mu.Unlock()
	w.outbox.put(out, &bundle{})
}

func (w *afterRelease) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.open)
}

// atOnce sends messages before their commit, which waits until they are
// acknowledged: after a crash they may be sent again. Only in a replay they
// wait until it is known that they have not left then.
type atOnce struct {
	outbox *outbox
	ledger *Ledger

	mu   sync.Mutex
	live bool
	held []*kgo.Record
	open *bundle
}

func (w *atOnce) put(messages []*kgo.Record) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.held = append(w.held, messages...)
	if w.live {
		w.send()
	}
}

// send sends what is held. The lock is held.
func (w *atOnce) send() {
	w.outbox.put(w.held, w.open)
	w.held = nil
}

func (w *atOnce) cut(c *pipeline.Cut) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if c.Replay {
		w.held = nil
		w.ledger.endCommit(c, nil)
		return
	}
	w.live = true
	w.send()
	sent := w.open
	w.open = &bundle{}
	w.ledger.endCommit(c, func(ctx context.Context) error { return w.outbox.await(ctx, sent) })
}

func (w *atOnce) release(int64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = true
	w.send()
}

func (w *atOnce) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.held)
}
