package flat

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"sync/atomic"
)

// Part is a structure that a snapshot can save: Slab, Table, Arena, Timers and
// Expiring are.
type Part interface {
	// freeze holds on to what the part is now, for f.
	freeze(f *Frozen) frozen
	// load replaces what the part holds by what a frozen of it saved.
	load(r *reader)
	// kind is a letter for the structure.
	kind() byte
}

// frozen is what a part was when it was frozen. Both methods may run in another
// goroutine while the part changes.
type frozen interface {
	save(o *writer) error
	drop()
}

// Parts lists the parts of a state, always the same ones in the same order.
type Parts struct{ list []Part }

// Add adds parts.
func (p *Parts) Add(parts ...Part) { p.list = append(p.list, parts...) }

// Var adds a variable: a number, an array or a struct. One that holds pointers
// is a fault of the program.
func Var[T any](p *Parts, v *T) {
	refusePointers[T]()
	p.list = append(p.list, variable{reflect.TypeFor[T](), bytesOf(v)})
}

// Blob adds other state, which should be small. Save appends it to dst, at the
// freeze; load replaces it by what save appended once, and must not keep src.
func (p *Parts) Blob(save func(dst []byte) []byte, load func(src []byte) error) {
	p.list = append(p.list, blob{save, load})
}

// Frozen is a state as it was at a Freeze.
type Frozen struct {
	budget *Budget
	kind   []byte
	part   []frozen
	bytes  int64       // Of the pages.
	saved  atomic.Bool // By a first Save, or about to be.
	done   atomic.Bool // That Save has returned.
	over   atomic.Bool // No page is copied any more.
	// drop is done once: the next snapshot uses the memory again.
	drop sync.Once
}

// Freeze holds on to the state as it is now, without copying pages: a page is
// copied, within the budget (nil: any), when it is first written to. The owner
// may go on at once. Then Save is called, from any goroutine, and Drop. Until
// one of them is through, the same parts must not be frozen again.
func (p *Parts) Freeze(b *Budget) *Frozen {
	f := &Frozen{budget: b, kind: make([]byte, 0, len(p.list)), part: make([]frozen, 0, len(p.list))}
	for _, part := range p.list {
		f.kind = append(f.kind, part.kind())
		f.part = append(f.part, part.freeze(f))
	}
	b.expect(f.bytes)
	return f
}

const magic = 0x31_7061_6e73_7466 // "ftsnap1", and the version.

// Save writes the state once. If that fails the snapshot is dropped.
func (f *Frozen) Save(w io.Writer) error {
	if f.saved.Swap(true) {
		return errors.New("flat: the snapshot is saved twice")
	}
	defer f.done.Store(true)
	if f.over.Load() {
		return errDropped
	}
	o := &writer{w: w}
	o.u64(magic)
	o.u64(uint64(len(f.part)))
	for n, part := range f.part {
		o.add(f.kind[n : n+1])
		if err := part.save(o); err != nil {
			f.Drop()
			return err
		}
	}
	o.flush()
	f.Drop()
	return o.err
}

// Drop ends the snapshot, saved or not: pages are copied for it no more, and
// writers that wait for it go on. A Save that is under way ends with an error.
func (f *Frozen) Drop() {
	f.drop.Do(func() {
		for _, part := range f.part {
			part.drop()
		}
		f.over.Store(true)
		f.budget.wake()
	})
}

// isThrough reports whether the snapshot is over and nobody reads it any more.
// One that was dropped without a Save may yet be asked for one, which then ends
// at once.
func (f *Frozen) isThrough() bool { return f.over.Load() && (!f.saved.Load() || f.done.Load()) }

// Load replaces the state by one that Save wrote, of the same parts: ids, the
// order in which they are given out again and all else that can be observed
// are what they were. It reads what Save wrote and not a byte more. After an
// error the parts hold nothing of use.
func (p *Parts) Load(source io.Reader) error {
	r := &reader{r: source}
	r.expect("flat: the format", magic)
	r.expect("flat: the number of parts", uint64(len(p.list)))
	for n, part := range p.list {
		var kind [1]byte
		r.full(kind[:])
		if r.err == nil && kind[0] != part.kind() {
			r.fail("it is a %q in the snapshot, a %q in the program", kind, part.kind())
		}
		if r.err == nil {
			part.load(r)
		}
		if r.err != nil {
			return fmt.Errorf("flat: part %d of %d: %w", n+1, len(p.list), r.err)
		}
	}
	return r.err
}

// variable is the memory of a pointer-free variable.
type variable struct {
	of    reflect.Type
	bytes []byte
}

func (v variable) kind() byte { return 'V' }

func (v variable) freeze(*Frozen) frozen {
	kept := bytes.Clone(v.bytes)
	return small(func(o *writer) {
		o.u64(layoutOf(v.of))
		o.list(kept)
	})
}

func (v variable) load(r *reader) {
	r.expect("the type of a variable", layoutOf(v.of))
	r.expect("the length of a variable", uint64(len(v.bytes)))
	r.full(v.bytes)
}

// blob is state that its owner encodes.
type blob struct {
	encode func(dst []byte) []byte
	decode func(src []byte) error
}

func (b blob) kind() byte { return 'B' }

func (b blob) freeze(*Frozen) frozen {
	kept := b.encode(nil)
	return small(func(o *writer) { o.list(kept) })
}

func (b blob) load(r *reader) {
	if src := r.list(); r.err == nil {
		r.err = b.decode(src)
	}
}

// small is a part that was copied at the freeze.
type small func(o *writer)

func (s small) save(o *writer) error {
	s(o)
	return o.err
}

func (s small) drop() {}
