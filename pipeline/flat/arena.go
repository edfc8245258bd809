package flat

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"unsafe"
)

// Ref points to a blob in an Arena; 0 is the empty blob. It holds the blob's
// address in units of 8 bytes (high half) and its length (low half).
type Ref uint64

// Len is the blob's length in bytes.
func (r Ref) Len() int { return int(uint32(r)) }

const (
	unitBytes = 8
	pageUnits = pageBytes / unitBytes
	runBytes  = 2 << 10 // What a class of small blobs takes from a page at once.
	// BlobMax is the length of the longest blob in bytes.
	BlobMax = 1 << 28
	classes = 96 // classOf(BlobMax) is the last.
)

// Arena keeps byte blobs of any length in size classes, four to a doubling, so
// at most a fifth of a long blob's room is unused; short ones are rounded to 8
// bytes. Freed room serves its class again. Blobs begin at multiples of 8 bytes
// and do not move while they are not changed; memory is kept at its peak.
type Arena struct {
	// page i begins at unit i*pageUnits. The pages of a blob longer than one
	// page are consecutive parts of one allocation, and the first of them
	// reaches to its end.
	page  [][]byte
	stamp []uint32 // The epoch of the last write to each page; of a run, its first counts.
	epoch uint32
	cut   *cut
	total int
	arenaHead
}

// arenaHead is what a snapshot copies of an arena at once.
type arenaHead struct {
	bump  uint32 // The first unit never handed to a class in the current page.
	end   uint32 // The end of the current page.
	used  int
	class [classes]sizeClass
}

type sizeClass struct {
	free     uint32 // The first freed slot; each begins with the next one's address.
	run, end uint32 // What is left of the last run.
}

// NewArena makes an empty arena.
func NewArena() *Arena { return &Arena{epoch: 1} }

// classOf is the size class for n bytes, n > 0.
func classOf(n int) int {
	u := uint((n + unitBytes - 1) / unitBytes) // In units, at least 1.
	if u <= 4 {
		return int(u - 1)
	}
	u--
	b := bits.Len(u) - 3 // u has its two bits after the first at b.
	return int(u>>b) + 4*b
}

// classUnits is the room of one slot of class c.
func classUnits(c int) uint32 {
	if c < 4 {
		return uint32(c) + 1
	}
	b := c/4 - 1
	return uint32(c-4*b+1) << b
}

// Put keeps a copy of b. A blob longer than BlobMax, or one that the arena's
// 32 GiB have no room for, is not kept: the answer is 0.
func (a *Arena) Put(b []byte) Ref {
	r := a.alloc(len(b))
	copy(a.Mut(r), b)
	return r
}

// Get is the blob for reading, good until it is replaced or freed.
func (a *Arena) Get(r Ref) []byte {
	if r == 0 {
		return nil
	}
	u, n := uint32(r>>32), uint32(r)
	off := u % pageUnits * unitBytes
	return a.page[u/pageUnits][off : off+n : off+n]
}

// Mut is the blob for writing in place, good as long as that of Get.
func (a *Arena) Mut(r Ref) []byte {
	if r == 0 {
		return nil
	}
	a.touch(uint32(r >> 32))
	return a.Get(r)
}

// Touch asks for the memory of a blob from the byte at on, 256 bytes at most,
// and does not wait for it. It changes nothing.
func (a *Arena) Touch(r Ref, at int) {
	b := a.Get(r)
	for end := min(len(b), at+touchBytes); at < end; at += lineBytes {
		prefetch(unsafe.Pointer(&b[at]))
	}
}

// Replace changes the blob to a copy of b, in place if it has the room; r is
// not valid any more. b may be a part of the old blob.
func (a *Arena) Replace(r Ref, b []byte) Ref {
	if s, ok := a.refit(r, len(b)); ok {
		copy(a.Mut(s), b)
		return s
	}
	s := a.Put(b)
	a.Free(r)
	return s
}

// Resize changes the blob's length to n, in place if it has the room; r is not
// valid any more. What was there up to n stays, the rest is zero.
func (a *Arena) Resize(r Ref, n int) Ref {
	if s, ok := a.refit(r, n); ok {
		if n > r.Len() {
			clear(a.Mut(s)[r.Len():])
		}
		return s
	}
	s := a.alloc(n)
	b := a.Mut(s)
	clear(b[copy(b, a.Get(r)):])
	a.Free(r)
	return s
}

// refit is r with length n, if a blob of that length takes the same slot.
func (a *Arena) refit(r Ref, n int) (Ref, bool) {
	if r == 0 || n == 0 || n > BlobMax || classOf(n) != classOf(r.Len()) {
		return 0, false
	}
	a.used += n - r.Len()
	return r>>32<<32 | Ref(n), true
}

// Free gives the blob's room back. Freeing 0 does nothing.
func (a *Arena) Free(r Ref) {
	if r == 0 {
		return
	}
	c := &a.class[classOf(r.Len())]
	u := uint32(r >> 32)
	a.touch(u)
	b := a.slot(u)
	if invariants {
		whole := b[:int(classUnits(classOf(r.Len())))*unitBytes]
		for i := range whole {
			whole[i] = 0xa5
		}
	}
	binary.LittleEndian.PutUint32(b, c.free)
	c.free = u
	a.used -= r.Len()
}

// Len is the number of bytes in blobs.
func (a *Arena) Len() int { return a.used }

// Bytes is the memory taken.
func (a *Arena) Bytes() int { return a.total + 24*cap(a.page) + 4*cap(a.stamp) }

func (a *Arena) slot(u uint32) []byte { return a.page[u/pageUnits][u%pageUnits*unitBytes:] }

func (a *Arena) touch(u uint32) {
	if n := u / pageUnits; a.stamp[n] != a.epoch {
		a.first(n)
	}
}

func (a *Arena) alloc(n int) Ref {
	if n <= 0 || n > BlobMax {
		return 0
	}
	k := classOf(n)
	c := &a.class[k]
	u := c.free
	size := classUnits(k)
	switch {
	case u != 0:
		if c.free = binary.LittleEndian.Uint32(a.slot(u)); c.free != 0 {
			a.ask(c.free)
		}
	case size > pageUnits/2:
		if u = a.wide(size); u == 0 {
			return 0
		}
	default:
		if c.end-c.run < size && !a.refill(c, size) {
			return 0
		}
		u = c.run
		if c.run += size; c.run < c.end {
			a.ask(c.run)
		}
	}
	a.used += n
	return Ref(u)<<32 | Ref(n)
}

// ask asks for the memory of the slot that alloc gives next.
func (a *Arena) ask(u uint32) {
	b := a.slot(u)
	prefetch(unsafe.Pointer(&b[0]))
	if len(b) > lineBytes {
		prefetch(unsafe.Pointer(&b[lineBytes]))
	}
}

// refill gives the class a new run of the current page, or what a page's end
// has left if a slot fits, or begins a page.
func (a *Arena) refill(c *sizeClass, size uint32) bool {
	if a.end-a.bump < size {
		first, ok := a.grow(1)
		if !ok {
			return false
		}
		a.bump, a.end = first, first+pageUnits
		if first == 0 {
			a.bump = 1 // Unit 0 is none.
		}
	}
	run := min(max(runBytes/unitBytes/size, 1)*size, (a.end-a.bump)/size*size)
	c.run, c.end = a.bump, a.bump+run
	a.bump += run
	return true
}

// wide gives a slot that has pages of its own.
func (a *Arena) wide(size uint32) uint32 {
	if len(a.page) == 0 {
		a.grow(1) // Holds unit 0, which is none.
		a.bump, a.end = 1, pageUnits
	}
	first, ok := a.grow(int((size + pageUnits - 1) / pageUnits))
	if !ok {
		return 0
	}
	return first
}

// grow adds n pages of one allocation and gives the first unit.
func (a *Arena) grow(n int) (uint32, bool) {
	first := uint64(len(a.page)) * pageUnits
	if first+uint64(n)*pageUnits > 1<<32 {
		return 0, false
	}
	a.addRun(carve[byte](n*pageBytes, a.total))
	return uint32(first), true
}

// addRun adds b as consecutive pages.
func (a *Arena) addRun(b []byte) {
	a.total += len(b)
	for ; len(b) > 0; b = b[pageBytes:] {
		a.page = append(a.page, b)
		a.stamp = append(a.stamp, a.epoch)
	}
}

// Bytes is the memory of s as bytes, for Put and Replace. T must not hold
// pointers, and a slice of it must need no alignment above 8.
func Bytes[T any](s []T) []byte {
	var t T
	if len(s) == 0 || unsafe.Sizeof(t) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(t)))
}

// Of is a blob of an Arena that was made by Bytes, as the slice it was: a view,
// for reading if b came from Get, for writing if it came from Mut.
func Of[T any](b []byte) []T {
	var t T
	size := int(unsafe.Sizeof(t))
	if len(b) == 0 || size == 0 {
		return nil
	}
	if len(b)%size != 0 {
		panic(fmt.Sprintf("flat: a blob of %d bytes is no list of %T, which takes %d", len(b), t, size))
	}
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(b))), len(b)/size)
}
