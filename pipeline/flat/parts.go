package flat

import "io"

// Part is a structure that a snapshot can save: all of this package are.
type Part interface {
	// freeze holds on to what the part is now. The answer's save may run in
	// another goroutine while the part changes.
	freeze(b *Budget) frozen
	// load replaces what the part holds by what save wrote.
	load(r io.Reader) error
}

type frozen interface {
	save(w io.Writer) error
}

// Parts lists the parts of a state, always the same ones in the same order.
type Parts struct{ list []Part }

// Add adds parts.
func (p *Parts) Add(parts ...Part) { p.list = append(p.list, parts...) }

// Budget bounds the copies of pages that one snapshot holds.
type Budget struct{ max int64 }

// NewBudget makes a budget of max bytes.
func NewBudget(max int64) *Budget { return &Budget{max: max} }
