package clickhouse

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"touchstream/pipeline"
)

const (
	backoffMin = 100 * time.Millisecond
	backoffMax = 3 * time.Second
	// crowdedFor is how long a table's blocks stay big after TOO_MANY_PARTS.
	crowdedFor = time.Minute
	// notCut is the commit of blocks that closed after the last Cut.
	notCut = math.MaxInt64
)

// parcel is a closed block until it is delivered. The queue's lock guards it.
type parcel struct {
	partition
	number  uint64
	rows    int
	bytes   int64
	content *block // nil: only in the spool
	commit  int64  // that ends behind it
	sentMs  int64  // when it was released, Unix; 0: it is not

	// doubtful: a former attempt may have succeeded.
	doubtful bool
	attempt  int
	stale    int // tokens that the server knows without having the rows

	busy      bool // somebody delivers or spools it: the others keep off
	pinned    bool // State reads its content
	delivered bool
	filed     bool // it has a file in the spool
	synced    bool // which is durable
	named     int  // the State that named it last
}

// trouble is what holds up the blocks of a table, or all.
type trouble struct {
	err   error
	wait  time.Duration
	until time.Time
}

// queue holds the closed blocks in the order of their numbers.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	parcels []*parcel
	fatal   error

	last   uint32   // the highest number that came in
	beyond []uint32 // delivered ones above a waiting one, rising
	memory int64    // bytes of the contents
	spare  *spares

	troubles map[string]*trouble // by table; "" is all
	crowded  map[string]time.Time

	waiting *atomic.Int64 // rows
}

func newQueue(last uint32, spare *spares, waiting *atomic.Int64) *queue {
	q := &queue{last: last, spare: spare, waiting: waiting, troubles: map[string]*trouble{}, crowded: map[string]time.Time{}}
	q.changed = sync.NewCond(&q.mu)
	return q
}

// add takes closed blocks.
func (q *queue) add(closed []*block) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, o := range closed {
		q.parcels = append(q.parcels, &parcel{partition: o.partition(), number: o.number, rows: o.rows, bytes: o.bytes, content: o, commit: notCut})
		q.memory += o.bytes
		q.last = uint32(o.number)
	}
}

// cut gives the blocks added since the last call to a commit.
func (q *queue) cut(commit int64, replay bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range slices.Backward(q.parcels) {
		if p.commit != notCut {
			break
		}
		p.commit, p.doubtful = commit, replay
	}
}

// release lets the blocks of commits up to number leave.
func (q *queue) release(number int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now().UnixMilli()
	for _, p := range q.parcels {
		if p.sentMs == 0 && p.commit <= number {
			p.sentMs = now
		}
	}
	q.changed.Broadcast()
}

// drop forgets what a replayed decision says is delivered.
func (q *queue) drop(d *decision) (dropped []*parcel) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range slices.Clone(q.parcels) {
		if n := uint32(p.number); n <= d.mark || slices.Contains(d.beyond, n) {
			q.deliver(p)
			dropped = append(dropped, p)
		}
	}
	return dropped
}

// deliver marks a block as delivered; the lock is held.
func (q *queue) deliver(p *parcel) {
	p.delivered = true
	q.parcels = slices.DeleteFunc(q.parcels, func(x *parcel) bool { return x == p })
	q.waiting.Add(-int64(p.rows))
	at, _ := slices.BinarySearch(q.beyond, uint32(p.number))
	q.beyond = slices.Insert(q.beyond, at, uint32(p.number))
	q.beyond = slices.DeleteFunc(q.beyond, func(n uint32) bool { return n <= q.mark() })
	q.forget(p)
	q.changed.Broadcast()
}

// forget gives the content's memory back; the lock is held.
func (q *queue) forget(p *parcel) {
	o := p.content
	if o == nil {
		return
	}
	q.memory -= p.bytes
	p.content = nil
	if !p.pinned {
		q.spare.give(o)
	}
}

// mark is the number up to which all is delivered; the lock is held.
func (q *queue) mark() uint32 {
	if len(q.parcels) == 0 {
		return q.last
	}
	return uint32(q.parcels[0].number) - 1
}

// delivered tells what is in ClickHouse.
func (q *queue) delivered() (mark uint32, beyond []uint32) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.mark(), slices.Clone(q.beyond[:min(len(q.beyond), beyondMax)])
}

// take waits for a block that may be sent now; nil at the end of the context
// or after a failure for good.
func (q *queue) take(ctx context.Context) *parcel {
	defer context.AfterFunc(ctx, q.wake)()
	q.mu.Lock()
	defer q.mu.Unlock()
	for ctx.Err() == nil && q.fatal == nil {
		now := time.Now()
		var soon time.Duration
		for _, p := range q.parcels {
			if p.sentMs == 0 || p.busy {
				continue
			}
			wait := q.heldFor(p, now)
			if wait <= 0 {
				p.busy = true
				return p
			}
			if soon == 0 || wait < soon {
				soon = wait
			}
		}
		q.sleep(soon)
	}
	return nil
}

// sleep waits for a change, at most for the time given if that is above 0; the
// lock is held.
func (q *queue) sleep(most time.Duration) {
	if most > 0 {
		defer time.AfterFunc(most, q.wake).Stop()
	}
	q.changed.Wait()
}

// heldFor is how long a block must wait after a failure; the lock is held.
func (q *queue) heldFor(p *parcel, now time.Time) time.Duration {
	var wait time.Duration
	for _, key := range []string{"", p.table.Name} {
		if t := q.troubles[key]; t != nil {
			wait = max(wait, t.until.Sub(now))
		}
	}
	return wait
}

func (q *queue) wake() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.changed.Broadcast()
}

// outcome is how an attempt ended. Without an error the block is delivered.
type outcome struct {
	err     error
	answer  bool // the server's: the trouble is the table's alone
	crowded bool // too many parts
}

// finish takes the outcome of a block that take gave. It answers whether
// the block has a file that is to be removed, and what holds up delivery now.
func (q *queue) finish(p *parcel, o outcome) (filed bool, held error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.busy = false
	defer q.changed.Broadcast()
	key := ""
	if o.answer {
		key = p.table.Name
	}
	switch {
	case o.err == nil:
		q.deliver(p)
		delete(q.troubles, "")
		delete(q.troubles, p.table.Name)
		return p.filed, q.held()
	case !pipeline.IsRetryable(o.err):
		q.fatal = o.err
		return false, o.err
	}
	if o.crowded {
		q.crowded[p.table.Name] = time.Now().Add(crowdedFor)
	}
	t := q.troubles[key]
	if t == nil {
		t = &trouble{wait: backoffMin / 2}
		q.troubles[key] = t
	}
	t.err, t.wait = o.err, min(2*t.wait, backoffMax)
	t.until = time.Now().Add(t.wait)
	return false, o.err
}

// held is what holds up delivery; the lock is held.
func (q *queue) held() error {
	for _, t := range q.troubles {
		return t.err
	}
	return nil
}

// failure is the error that ended delivery for good.
func (q *queue) failure() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.fatal
}

// strain tells how the server does.
func (q *queue) strain() *strain {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := time.Now()
	s := &strain{late: len(q.troubles) > 0, waiting: map[partition]bool{}, crowded: map[string]bool{}}
	for _, p := range q.parcels {
		if p.sentMs != 0 {
			s.late = s.late || now.UnixMilli()-p.sentMs > lateAfter.Milliseconds()
			s.waiting[p.partition] = true
		}
	}
	for t, until := range q.crowded {
		s.crowded[t] = now.Before(until)
	}
	return s
}

// wait returns when done says so, which is asked with the lock held after each
// change, or with what ends the wait: the context, or a failure for good.
func (q *queue) wait(ctx context.Context, done func() (bool, error)) error {
	defer context.AfterFunc(ctx, q.wake)()
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		if q.fatal != nil {
			return q.fatal
		}
		if ok, err := done(); ok || err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return pipeline.Retryable(errors.Join(q.held(), err))
		}
		q.changed.Wait()
	}
}

// isDrained reports whether nothing that was released waits; the lock is held.
func (q *queue) isDrained() bool {
	return !slices.ContainsFunc(q.parcels, func(p *parcel) bool { return p.sentMs != 0 })
}

// settled forgets a block that is in ClickHouse.
func (q *queue) settled(p *parcel) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.deliver(p)
}

// released is the bytes in memory of released blocks; the lock is held.
func (q *queue) released() int64 {
	n := int64(0)
	for _, p := range q.parcels {
		if p.sentMs != 0 && p.content != nil {
			n += p.bytes
		}
	}
	return n
}

// isRoomy reports whether released blocks take no more than max bytes.
func (q *queue) isRoomy(max int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.released() <= max
}
