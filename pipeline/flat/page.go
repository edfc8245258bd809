package flat

import (
	"fmt"
	"math/bits"
	"reflect"
	"unsafe"
)

// pageBytes is the size that pages of large entries aim at: what the first write
// to a page after a freeze copies.
const pageBytes = 16 << 10

// pages is a slice that grows by whole pages, which never move. Everything in
// this package is built on it, and every write goes through mut, so one place
// decides what a write to a page means.
type pages[T any] struct {
	page  []*T     // The first element of each page of 1<<shift.
	stamp []uint32 // The epoch of the last write to each page.
	epoch uint32
	shift uint8
	mask  uint32
	cut   *cut // What the last freeze holds of the pages, nil before the first.
}

// newPages makes pages of about size bytes each. An element type with pointers
// is a fault of the program: the pages would not be copied whole by a snapshot.
func newPages[T any](size int) pages[T] {
	var t T
	refusePointers[T]()
	entry := max(int(unsafe.Sizeof(t)), 1)
	shift := bits.Len(uint(max(size/entry, 1))) - 1
	return pages[T]{epoch: 1, shift: uint8(shift), mask: 1<<shift - 1}
}

// len is the number of elements that the pages hold.
func (p *pages[T]) len() uint64 { return uint64(len(p.page)) << p.shift }

// grow adds one zeroed page.
func (p *pages[T]) grow() {
	page := carve[T](1<<p.shift, len(p.page)*p.pageBytes())
	p.page = append(p.page, unsafe.SliceData(page))
	p.stamp = append(p.stamp, p.epoch)
}

// pageBytes is the size of a page.
func (p *pages[T]) pageBytes() int {
	var t T
	return int(unsafe.Sizeof(t)) << p.shift
}

// element is number i of a page. Sound: the pages have 1<<shift elements each,
// and mask, which is one less, keeps i among them.
func (p *pages[T]) element(first *T, i uint32) *T {
	return (*T)(unsafe.Add(unsafe.Pointer(first), uintptr(i&p.mask)*unsafe.Sizeof(*first)))
}

// memoryOf is the memory from first on. Sound for the size of a page.
func memoryOf[T any](first *T, size int) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(first)), size)
}

// at is the element for reading.
func (p *pages[T]) at(i uint32) *T {
	return p.element(p.page[i>>(p.shift&31)], i)
}

// mut is the element for writing.
func (p *pages[T]) mut(i uint32) *T {
	n := i >> (p.shift & 31)
	if p.stamp[n] != p.epoch {
		p.first(n)
	}
	return p.element(p.page[n], i)
}

// touchBytes is how much of an element touch asks for.
const touchBytes = 4 * lineBytes

// touch asks for the memory of an element, if there is one.
func (p *pages[T]) touch(i uint32) {
	n := i >> (p.shift & 31)
	if uint64(n) >= uint64(len(p.page)) {
		return
	}
	x := p.element(p.page[n], i)
	for at := uintptr(0); at < min(unsafe.Sizeof(*x), touchBytes); at += lineBytes {
		prefetch(unsafe.Add(unsafe.Pointer(x), at))
	}
}

// first is called before the first write to page n after a freeze.
func (p *pages[T]) first(n uint32) {
	p.stamp[n] = p.epoch
	p.cut.preserve(n, memoryOf(p.page[n], p.pageBytes()))
}

// freeze holds on to the first n elements.
func (p *pages[T]) freeze(f *Frozen, n uint64) *cut {
	var t T
	live, size := p.page[:(n+uint64(p.mask))>>p.shift], p.pageBytes()
	p.cut = newCut(f, p.cut, cut{
		page:  func(n int) []byte { return memoryOf(live[n], size) },
		pages: len(live),
		size:  size,
		bytes: int64(n) * int64(unsafe.Sizeof(t)),
		kind:  reflect.TypeFor[T](),
	})
	p.epoch++
	return p.cut
}

// load replaces the elements by n that a cut has saved.
func (p *pages[T]) load(r *reader, n uint64) {
	var t T
	*p = pages[T]{epoch: 1, shift: p.shift, mask: p.mask}
	r.expect("elements of this type", layoutOf(reflect.TypeFor[T]()))
	r.expect("elements in bytes", n*uint64(unsafe.Sizeof(t)))
	for r.err == nil && p.len() < n {
		left := n - p.len()
		p.grow()
		last := memoryOf(p.page[len(p.page)-1], p.pageBytes())
		r.full(last[:min(left*uint64(unsafe.Sizeof(t)), uint64(len(last)))])
	}
}

// bytes is the memory that the pages and their list take.
func (p *pages[T]) bytes() int {
	return len(p.page)*roundUp(p.pageBytes()) + 8*cap(p.page) + 4*cap(p.stamp)
}

func refusePointers[T any]() {
	if t := reflect.TypeFor[T](); hasPointers(t) {
		panic(fmt.Sprintf("flat: type %v holds pointers", t))
	}
}

func hasPointers(t reflect.Type) bool {
	switch t.Kind() {
	case reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64, reflect.Complex64, reflect.Complex128:
		return false
	case reflect.Array:
		return t.Len() > 0 && hasPointers(t.Elem())
	case reflect.Struct:
		for i := range t.NumField() {
			if hasPointers(t.Field(i).Type) {
				return true
			}
		}
		return false
	default:
		return true
	}
}
