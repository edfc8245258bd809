package schema

import (
	"encoding/binary"
	"sync"
	"unsafe"

	"github.com/cespare/xxhash/v2"
)

// Digest is a 64-bit digest of all rows in their order, the same wherever texts
// lie in the arena. It is the same in all processes on machines of one byte
// order.
func (r *Rows) Digest() uint64 {
	h, _ := digests.Get().(*digest)
	defer digests.Put(h)
	h.sum.Reset()
	h.number(uint64(r.N))
	for i := range r.Cols {
		c := &r.Cols[i]
		if r.Packed && h.packed(c) {
			continue
		}
		h.texts(r.Arena, c.Str)
		h.add(bytesOf(c.I64))
		h.add(bytesOf(c.F64))
		h.add(bytesOf(c.End))
	}
	h.flush()
	return h.sum.Sum64()
}

// digestBytes is how much is gathered before it is hashed: it stays in the
// processor's first cache.
const digestBytes = 16 << 10

// digest gathers small pieces, of which hashing each would take longer.
type digest struct {
	sum xxhash.Digest
	n   int
	buf [digestBytes]byte
}

var digests = sync.Pool{New: func() any { return new(digest) }}

func (h *digest) flush() {
	// It never fails.
	_, _ = h.sum.Write(h.buf[:h.n])
	h.n = 0
}

func (h *digest) number(v uint64) {
	if h.n+8 > digestBytes {
		h.flush()
	}
	binary.NativeEndian.PutUint64(h.buf[h.n:], v)
	h.n += 8
}

func (h *digest) add(b []byte) {
	if h.n+len(b) > digestBytes {
		h.flush()
	}
	if len(b) > digestBytes {
		_, _ = h.sum.Write(b)
		return
	}
	h.n += copy(h.buf[h.n:], b)
}

// blockBytesMax is the length up to which blocks of 16 bytes beat memmove.
const blockBytesMax = 64

// texts adds texts with their lengths. Most are short, so they go in blocks of
// 16 bytes.
func (h *digest) texts(arena []byte, texts []Str) {
	for _, s := range texts {
		if h.n+4+blockBytesMax > digestBytes {
			h.flush()
		}
		to := h.buf[h.n:]
		binary.NativeEndian.PutUint32(to, s.Len)
		h.n += 4
		from := arena[s.Off:]
		if s.Len > blockBytesMax || len(from) < blockBytesMax {
			h.add(from[:s.Len])
			continue
		}
		to = to[4 : 4+blockBytesMax]
		for k := 0; k < int(s.Len); k += 16 {
			*(*[16]byte)(to[k:]) = [16]byte(from[k:])
		}
		h.n += int(s.Len)
	}
}

// packed adds a packed column of texts, which it reports, or how much the slices
// of another one hold, which tells apart those that have nothing.
func (h *digest) packed(c *Data) (isText bool) {
	switch {
	case len(c.Wire) > 0:
		h.number(uint64(len(c.Wire)))
		h.add(c.Wire)
		return true
	case len(c.Keys) > 0:
		h.number(uint64(len(c.Words.Wire)))
		h.add(c.Words.Wire)
		h.add(bytesOf(c.Keys))
		return true
	}
	h.number(uint64(len(c.Str))<<32 | uint64(len(c.I64)+len(c.F64)))
	return false
}

// bytesOf is the memory of numbers.
func bytesOf[T int64 | float64 | uint32](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}
