// Package codec writes columns of numbers and texts as bytes, and reads them
// back with every length checked. Numbers lie as in the machine's memory, so
// that they are copied and not converted.
package codec

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"unsafe"
)

// Fixed are types that can be copied as memory: they hold no pointers and no
// padding.
type Fixed interface {
	~int32 | ~int64 | ~uint8 | ~uint32 | ~uint64 | ~float64 | ~struct{ Hi, Lo uint64 }
}

// AppendUint appends a number, short if it is small.
func AppendUint(dst []byte, v int) []byte { return binary.AppendUvarint(dst, uint64(v)) }

// AppendFlag appends a flag.
func AppendFlag(dst []byte, v bool) []byte {
	if v {
		return append(dst, 1)
	}
	return append(dst, 0)
}

// AppendText appends a text with its length.
func AppendText(dst []byte, s string) []byte { return append(AppendUint(dst, len(s)), s...) }

// AppendAll appends all of a column, without its length.
func AppendAll[T Fixed](dst []byte, s []T) []byte { return append(dst, memory(s)...) }

// AppendRows appends the chosen rows of a column, without their number.
func AppendRows[T Fixed](dst []byte, s []T, rows []uint32) []byte {
	size, at := int(unsafe.Sizeof(*new(T))), len(dst)
	dst = slices.Grow(dst, size*len(rows))[:at+size*len(rows)]
	for _, r := range rows {
		*(*T)(unsafe.Pointer(&dst[at])) = s[r]
		at += size
	}
	return dst
}

// memory is a column as bytes.
func memory[T Fixed](s []T) []byte {
	if len(s) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&s[0])), len(s)*int(unsafe.Sizeof(s[0])))
}

var errEnds = errors.New("the bytes end too early")

// Reader reads what was appended. After the first fault it gives zeros.
type Reader struct {
	src []byte
	err error
}

// NewReader reads from src, without a copy of it.
func NewReader(src []byte) *Reader { return &Reader{src: src} }

// Fail notes a fault, if none is noted yet.
func (r *Reader) Fail(format string, args ...any) { r.fail(fmt.Errorf(format, args...)) }

func (r *Reader) fail(err error) {
	if r.err == nil {
		r.src, r.err = nil, err
	}
}

// Err is the first fault.
func (r *Reader) Err() error { return r.err }

// End is the first fault; bytes that are left are one.
func (r *Reader) End() error {
	if len(r.src) > 0 {
		r.Fail("%d bytes follow the end", len(r.src))
	}
	return r.err
}

// Count reads the number of things that take at least size bytes each of what
// follows.
func (r *Reader) Count(size int) int {
	v := r.Number()
	if v > len(r.src)/max(size, 1) {
		r.fail(errEnds)
		return 0
	}
	return v
}

// Number reads a number that AppendUint appended.
func (r *Reader) Number() int {
	v, n := binary.Uvarint(r.src)
	if n <= 0 || v > math.MaxInt {
		r.fail(errEnds)
		return 0
	}
	r.src = r.src[n:]
	return int(v)
}

// Flag reads a flag.
func (r *Reader) Flag() bool {
	b := r.Bytes(1)
	if len(b) == 0 {
		return false
	}
	if b[0] > 1 {
		r.Fail("a flag is %d", b[0])
	}
	return b[0] == 1
}

// Text reads a text.
func (r *Reader) Text() string { return string(r.Bytes(r.Count(1))) }

// Bytes reads n bytes, lent from the source; none where they are not there.
func (r *Reader) Bytes(n int) []byte {
	if n < 0 || n > len(r.src) {
		r.fail(errEnds)
		return nil
	}
	b := r.src[:n:n]
	r.src = r.src[n:]
	return b
}

// Left is the number of bytes that are not read yet.
func (r *Reader) Left() int { return len(r.src) }

// Fill reads a column's numbers. Without them it leaves dst as it is.
func Fill[T Fixed](r *Reader, dst []T) { copy(memory(dst), r.Bytes(len(memory(dst)))) }

// All reads n numbers behind those of dst.
func All[T Fixed](r *Reader, dst []T, n int) []T {
	if n > r.Left()/int(unsafe.Sizeof(*new(T))) {
		r.fail(errEnds)
		return dst
	}
	from := len(dst)
	dst = slices.Grow(dst, n)[:from+n]
	Fill(r, dst[from:])
	return dst
}
