package flat

import (
	"os"
	"sync"
	"unsafe"
)

const (
	// chunkBytes is what the pages of all structures take from the heap at once,
	// for huge pages of 2 MiB to fit. The process holds two of them at most for
	// pages that do not exist yet.
	chunkBytes = 8 << 20
	// aloneBytes is what a structure takes as allocations of their own before
	// its pages come from chunks: a small table that is dropped leaves nothing
	// behind in a chunk that others use.
	aloneBytes = 64 << 10
	lineBytes  = 64
)

// chunks hands out parts of large pointer-free allocations, which the system is
// asked to back by huge pages: a large state is read at random, and with small
// pages each read also waits for the walk through the page tables. A chunk is
// an ordinary allocation, which the garbage collector frees when no part of it
// is in use any more, and whose parts it need not look at.
//
// The chunk after the one at hand is made in the background. To back 2 MiB takes
// the system 0.1 ms, on a virtual machine whose host has to find the memory first
// more than one; and whoever waits for that holds up all who need memory.
type chunks struct {
	mu       sync.Mutex
	rest     []byte
	next     []byte // backed by the system; nil: there is none
	isMaking bool   // next is being made
}

var shared chunks

// take gives size zeroed bytes, which begin at a cache line.
func (c *chunks) take(size int) []byte {
	whole := roundUp(size)
	if whole > chunkBytes/4 {
		b := make([]byte, whole)
		adviseHuge(b)
		return b[:size:size]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.rest) < whole {
		if c.rest, c.next = c.next, nil; c.rest == nil {
			c.rest = make([]byte, chunkBytes)
			adviseHuge(c.rest)
		}
		if !c.isMaking {
			c.isMaking = true
			go c.makeNext()
		}
	}
	b := c.rest[:size:size]
	c.rest = c.rest[whole:]
	return b
}

func (c *chunks) makeNext() {
	b := newBacked()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.next, c.isMaking = b, false
}

// newBacked gives a chunk that the system has backed already.
func newBacked() []byte {
	b := make([]byte, chunkBytes)
	adviseHuge(b)
	for at := 0; at < len(b); at += os.Getpagesize() {
		b[at] = 0
	}
	return b
}

// roundUp is size up to the next cache line.
func roundUp(size int) int { return (size + lineBytes - 1) &^ (lineBytes - 1) }

// carve gives n zeroed elements, for a structure that has so many bytes already.
func carve[T any](n, has int) []T {
	var t T
	size := n * int(unsafe.Sizeof(t))
	if has+size <= aloneBytes || size == 0 {
		return make([]T, n)
	}
	b := shared.take(size)
	// Sound: the memory begins at a cache line, so it is aligned for any T; it
	// has n times the size of T; and T holds no pointers that the garbage
	// collector would have to find in it.
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), n)
}
