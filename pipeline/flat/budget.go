package flat

import (
	"sync"
	"sync/atomic"
)

// Budget bounds the bytes of the page copies that one snapshot holds. When it
// is used up, a writer waits until Save has written some of them or the page
// that it needs. So Save must go on in another goroutine, or Drop be called.
type Budget struct {
	max     int64
	mu      sync.Mutex
	freed   sync.Cond
	taken   int64
	waiting atomic.Int32
	frames  frames
	frozen  atomic.Int64 // bytes of the pages that are to be saved
}

// NewBudget makes a budget of max bytes. One page may always be copied.
func NewBudget(max int64) *Budget {
	b := &Budget{max: max}
	b.freed.L = &b.mu
	return b
}

// take waits for size bytes and gives memory for them, with any content. It is
// false, and nothing is taken, if meanwhile the page has no need of a copy any
// more.
func (b *Budget) take(size int, page *atomic.Pointer[byte]) ([]byte, bool) {
	if b == nil {
		return make([]byte, size), true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for b.taken > 0 && b.taken+int64(size) > b.max {
		b.waiting.Add(1)
		if page.Load() == nil {
			b.freed.Wait()
		}
		b.waiting.Add(-1)
		if page.Load() != nil {
			return nil, false
		}
	}
	b.taken += int64(size)
	return b.frames.take(size, b.max-b.taken), true
}

// give returns size bytes.
func (b *Budget) give(size int) {
	if b == nil {
		return
	}
	b.mu.Lock()
	b.taken -= int64(size)
	b.mu.Unlock()
	b.wake()
}

// reuse lets memory that take gave serve again. Nobody may read it any more.
func (b *Budget) reuse(frame []byte) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frames.put(frame)
}

// expect tells of pages that are to be saved.
func (b *Budget) expect(bytes int64) {
	if b != nil {
		b.frozen.Add(bytes)
	}
}

// Prepare gets memory for the first copies ready, behind a Freeze and in another
// goroutine than the writers', who would otherwise wait for the system to clear
// it.
func (b *Budget) Prepare() {
	for left := min(b.max/preparedPart, b.frozen.Load()/preparedPart, preparedBytes); left >= chunkBytes; left -= chunkBytes {
		area := newBacked()
		b.mu.Lock()
		closed := b.frames.closed
		b.frames.areas = append(b.frames.areas, area)
		b.mu.Unlock()
		if closed {
			break
		}
	}
}

// Close lets go of the memory that is not in use. What is copied later gets
// memory of its own.
func (b *Budget) Close() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.frames = frames{closed: true}
}

// wake lets waiting writers look again.
func (b *Budget) wake() {
	if b != nil && b.waiting.Load() > 0 {
		b.mu.Lock()
		b.freed.Broadcast()
		b.mu.Unlock()
	}
}
