package flat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"reflect"
	"slices"
	"sync"
	"unsafe"
)

// writer gathers small writes. The first error stays.
type writer struct {
	w   io.Writer
	buf []byte
	err error
}

// writerBytes is how much is gathered, from writerBytesMin on as it is needed:
// most parts of a small state are small.
const (
	writerBytes    = 256 << 10
	writerBytesMin = 1 << 10
)

func (o *writer) flush() {
	if o.err == nil && len(o.buf) > 0 {
		_, o.err = o.w.Write(o.buf)
	}
	o.buf = o.buf[:0]
}

// room makes room for n bytes.
func (o *writer) room(n int) {
	if cap(o.buf)-len(o.buf) >= n {
		return
	}
	if len(o.buf)+n > writerBytes {
		o.flush()
	}
	if need := len(o.buf) + n; cap(o.buf) < need {
		o.buf = append(make([]byte, 0, max(need, min(4*cap(o.buf), writerBytes), writerBytesMin)), o.buf...)
	}
}

// add writes b.
func (o *writer) add(b []byte) {
	o.room(len(b))
	o.buf = append(o.buf, b...)
}

func (o *writer) u64(v uint64) {
	o.room(8)
	o.buf = binary.LittleEndian.AppendUint64(o.buf, v)
}

// writeValue writes a T, which must hold no pointers.
func writeValue[T any](o *writer, v *T) {
	o.u64(layoutOf(reflect.TypeFor[T]()))
	o.list(bytesOf(v))
}

// list writes b and its length.
func (o *writer) list(b []byte) {
	o.u64(uint64(len(b)))
	o.add(b)
}

// reader reads what a writer wrote, and not a byte more. The first error stays;
// after it everything is zero.
type reader struct {
	r   io.Reader
	num [8]byte
	err error
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// full fills b.
func (r *reader) full(b []byte) {
	if r.err == nil {
		_, err := io.ReadFull(r.r, b)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = errors.New("the snapshot ends too early")
		}
		r.err = err
	}
	if r.err != nil {
		clear(b)
	}
}

func (r *reader) u64() uint64 {
	r.full(r.num[:])
	return binary.LittleEndian.Uint64(r.num[:])
}

// expect reads a number that must be want.
func (r *reader) expect(what string, want uint64) {
	if got := r.u64(); got != want {
		r.fail("%s: the snapshot has %d, the program %d", what, got, want)
	}
}

// bytes reads n bytes. It allocates as they come, so a wrong n takes no memory.
func (r *reader) bytes(n uint64) []byte {
	const step = 1 << 20
	b := make([]byte, 0, min(n, step))
	for r.err == nil && uint64(len(b)) < n {
		k := int(min(n-uint64(len(b)), uint64(max(len(b), step))))
		b = slices.Grow(b, k)[:len(b)+k]
		r.full(b[len(b)-k:])
	}
	return b
}

// list reads what writer.list wrote.
func (r *reader) list() []byte { return r.bytes(r.u64()) }

// readValue reads what writeValue wrote of a T.
func readValue[T any](r *reader, v *T) {
	b := bytesOf(v)
	r.expect("a value's type", layoutOf(reflect.TypeFor[T]()))
	r.expect("a value's length", uint64(len(b)))
	r.full(b)
}

// readList reads what writer.list wrote of a []T with n elements.
func readList[T any](r *reader, what string, n uint64) []T {
	var t T
	size := n * uint64(unsafe.Sizeof(t))
	r.expect(what, size)
	return Of[T](r.bytes(size))
}

// bytesOf is the memory of v.
func bytesOf[T any](v *T) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))
}

func bytesAt(first *byte, n int) []byte { return unsafe.Slice(first, n) }

var layouts sync.Map // From reflect.Type to uint64.

// layoutOf tells types apart by size and by the names, kinds and places of
// their fields: what is kept of one is not loaded as another.
func layoutOf(t reflect.Type) uint64 {
	if v, ok := layouts.Load(t); ok {
		return v.(uint64)
	}
	h := fnv.New64a()
	describe(h, t)
	layouts.Store(t, h.Sum64())
	return h.Sum64()
}

func describe(w io.Writer, t reflect.Type) {
	switch t.Kind() {
	case reflect.Array:
		fmt.Fprintf(w, "[%d]", t.Len())
		describe(w, t.Elem())
	case reflect.Struct:
		fmt.Fprintf(w, "{%d", t.Size())
		for f := range t.Fields() {
			fmt.Fprintf(w, " %s@%d:", f.Name, f.Offset)
			describe(w, f.Type)
		}
		fmt.Fprint(w, "}")
	default:
		fmt.Fprint(w, t.Kind())
	}
}
