package kafka

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline"
)

// queuedBytesMax bounds the messages that wait while a commit is under way.
const queuedBytesMax = 256 << 20

// parcel is the messages of one commit. They are kept until it is durable: an
// attempt that fails is repeated with the same.
type parcel struct {
	number   int64 // 0 before Cut
	messages []*kgo.Record
	bytes    int
	owners   []owner
	sent     int // how many messages are in the open transaction
	// others are waited for before the commit.
	others []func(context.Context) error
}

// owner is a sink's share in a parcel.
type owner struct {
	waiting  *atomic.Int64
	messages int
}

// restTime is how long a producer rests behind a transaction. A broker answers
// the end of one before its markers are written, and holds what belongs to the
// next one back until it looks again 20 ms later
// (add.partitions.to.txn.retry.backoff.ms).
const restTime = 10 * time.Millisecond

// put takes messages for the open commit; waiting is their sink's count. It
// sends them at once if no other commit is under way or just over.
func (l *Ledger) put(messages []*kgo.Record, waiting *atomic.Int64) {
	if len(messages) == 0 {
		return
	}
	waiting.Add(int64(len(messages)))
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open.messages = append(l.open.messages, messages...)
	l.open.owners = append(l.open.owners, owner{waiting, len(messages)})
	for _, m := range messages {
		l.open.bytes += size(m)
	}
	l.send()
}

// full reports whether no more messages should be taken until the commits that
// are under way are durable.
func (l *Ledger) full() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	bytes := l.open.bytes
	for _, p := range l.cut {
		bytes += p.bytes
	}
	return len(l.cut) > 0 && bytes > queuedBytesMax
}

// endCommit ends the open commit; each route into the ledger calls it.
func (l *Ledger) endCommit(c *pipeline.Cut, other func(context.Context) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.Replay {
		l.open.forget()
		l.open = &parcel{}
		return
	}
	l.live = true
	p := l.cutParcel(c.Number)
	if other != nil {
		p.others = append(p.others, other)
	}
}

// cutParcel is the parcel of a commit, which is the open one if it was not cut
// yet. The lock is held.
func (l *Ledger) cutParcel(number int64) *parcel {
	for _, p := range l.cut {
		if p.number == number {
			return p
		}
	}
	p := l.open
	p.number = number
	l.cut, l.open = append(l.cut, p), &parcel{}
	return p
}

// goLive says that nothing is replayed any more.
func (l *Ledger) goLive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.live {
		l.live = true
		l.send()
	}
}

// send produces the open commit's messages into its transaction if no other
// commit is under way or just over. The lock is held.
func (l *Ledger) send() {
	if !l.live || time.Now().Before(l.restUntil) || len(l.cut) > 0 || l.producer == nil || len(l.open.messages) == 0 {
		return
	}
	if l.begin() == nil {
		l.produce(l.open)
	}
}

// rest holds back what no commit waits for until the broker is through with the
// transaction that has just ended. The lock is held.
func (l *Ledger) rest() {
	l.restUntil = time.Now().Add(restTime)
	time.AfterFunc(restTime, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.send()
	})
}

// begin begins a transaction unless one is open. The lock is held.
func (l *Ledger) begin() error {
	if l.tx != nil {
		return nil
	}
	if err := l.producer.BeginTransaction(); err != nil {
		return err
	}
	l.tx = newTransaction(l.conn)
	return nil
}

// produce sends what is not in the transaction yet. The lock is held.
func (l *Ledger) produce(p *parcel) {
	rest := p.messages[p.sent:]
	p.sent = len(p.messages)
	l.tx.produce(l.producer, rest)
}

// forget takes messages off their sinks' counts.
func (p *parcel) forget() {
	for _, o := range p.owners {
		o.waiting.Add(-int64(o.messages))
	}
}
