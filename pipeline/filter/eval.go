package filter

import (
	"slices"

	"github.com/expr-lang/expr/vm"

	"touchstream/pipeline/event"
)

// noItem stands for the event itself in a list of items.
const noItem = ^uint32(0)

// Eval evaluates a filter for one goroutine; it holds the scratch memory.
type Eval struct {
	// Origins are all origins known so far. Only `source` reads them, and only
	// in batches where rows of several sources stand together.
	Origins []event.Origin

	filter *Filter
	errors int64

	b           *event.Batch
	rows, items []uint32 // of the units; nil when rows are evaluated

	positions []uint32
	spare     [][]uint32
	ints      []int64
	reals     []float64
	texts     []event.Str
	sources   [][]byte
	name      []byte
	machine   vm.VM
	env       map[string]any
}

// NewEval makes an evaluator.
func (f *Filter) NewEval() *Eval { return &Eval{filter: f} }

// Errors is the number of rows so far on which a part of the condition failed
// while it ran; it was false there.
func (e *Eval) Errors() int64 { return e.errors }

// Rows appends those of the rows for which the condition holds to keep, in
// order, and returns it. Columns are the event's own.
func (e *Eval) Rows(b *event.Batch, rows, keep []uint32) []uint32 {
	e.b, e.rows, e.items = b, nil, nil
	return e.run(&e.filter.root, rows, keep)
}

// Units is Rows over pairs of a row and one of its items (all bits set: the
// event itself): it appends the indices of the pairs for which the condition
// holds. Columns that an item has are the item's.
func (e *Eval) Units(b *event.Batch, rows, items, keep []uint32) []uint32 {
	e.b, e.rows, e.items = b, rows, items
	for len(e.positions) < len(rows) {
		e.positions = append(e.positions, uint32(len(e.positions)))
	}
	return e.run(&e.filter.root, e.positions[:len(rows)], keep)
}

func (e *Eval) take() []uint32 {
	if n := len(e.spare); n > 0 {
		s := e.spare[n-1]
		e.spare = e.spare[:n-1]
		return s[:0]
	}
	return nil
}

func (e *Eval) give(s []uint32) { e.spare = append(e.spare, s) }

// run appends to keep the elements of sel for which the node holds.
func (e *Eval) run(n *node, sel, keep []uint32) []uint32 {
	if len(sel) == 0 {
		return keep
	}
	switch n.op {
	case opAll:
		return append(keep, sel...)
	case opNone:
		return keep
	case opAnd:
		left := e.run(&n.kids[0], sel, e.take())
		keep = e.run(&n.kids[1], left, keep)
		e.give(left)
		return keep
	case opNot:
		inner := e.run(&n.kids[0], sel, e.take())
		keep = without(sel, inner, keep)
		e.give(inner)
		return keep
	case opOr:
		left := e.run(&n.kids[0], sel, e.take())
		rest := without(sel, left, e.take())
		right := e.run(&n.kids[1], rest, e.take())
		keep = joined(sel, left, right, keep)
		e.give(left)
		e.give(rest)
		e.give(right)
		return keep
	case opSlow:
		return e.runSlow(n.slow, sel, keep)
	}
	return e.runLeaf(n, sel, keep)
}

// without appends sel less inner, which is a subsequence of it.
func without(sel, inner, keep []uint32) []uint32 {
	for _, p := range sel {
		if len(inner) > 0 && inner[0] == p {
			inner = inner[1:]
			continue
		}
		keep = append(keep, p)
	}
	return keep
}

// joined appends the elements of two disjoint subsequences of sel in its order.
func joined(sel, left, right, keep []uint32) []uint32 {
	if len(right) == 0 {
		return append(keep, left...)
	}
	for _, p := range sel {
		switch {
		case len(left) > 0 && left[0] == p:
			left = left[1:]
			keep = append(keep, p)
		case len(right) > 0 && right[0] == p:
			right = right[1:]
			keep = append(keep, p)
		}
	}
	return keep
}

// at gives the row and item of an element of a selection.
func (e *Eval) at(p uint32) (row, item uint32) {
	if e.rows == nil {
		return p, noItem
	}
	return e.rows[p], e.items[p]
}

// gatherInts brings the values of an integer column together.
func (e *Eval) gatherInts(r *ref, sel []uint32) []int64 {
	out := slices.Grow(e.ints[:0], len(sel))[:len(sel)]
	e.ints = out
	col := e.b.Int[r.col]
	var nested []int64
	if r.isItem() {
		nested = e.b.Item.Int[r.col]
	}
	for i, p := range sel {
		row, item := p, noItem
		if e.rows != nil {
			row, item = e.rows[p], e.items[p]
		}
		switch {
		case item != noItem && r.isItem():
			out[i] = event.Absent
			if nested != nil {
				out[i] = nested[item]
			}
		case col == nil:
			out[i] = event.Absent
		default:
			out[i] = col[row]
		}
	}
	return out
}

func (e *Eval) gatherFloats(r *ref, sel []uint32) []float64 {
	out := slices.Grow(e.reals[:0], len(sel))[:len(sel)]
	e.reals = out
	for i, p := range sel {
		row, _ := e.at(p)
		out[i] = e.b.Real(r.col, int(row))
	}
	return out
}

// gatherTexts brings the values of a text column together.
func (e *Eval) gatherTexts(r *ref, sel []uint32) []event.Str {
	out := slices.Grow(e.texts[:0], len(sel))[:len(sel)]
	e.texts = out
	col, nested, isItem := e.b.Str[r.col], e.b.Item.Str[r.col], r.isItem()
	for i, p := range sel {
		row, item := e.at(p)
		s := event.Str{}
		if item != noItem && isItem {
			if nested != nil {
				s = nested[item]
			}
			if s.Len != 0 || r.col != event.Coupon {
				out[i] = s
				continue
			}
		}
		if col != nil {
			s = col[row]
		}
		out[i] = s
	}
	return out
}

// source is the name of an origin's source; nil when the origin is not known.
func (e *Eval) source(origin int) []byte {
	for n := len(e.sources); n < len(e.Origins); n++ {
		e.sources = append(e.sources, []byte(e.Origins[n].Source))
	}
	if origin >= len(e.sources) {
		return nil
	}
	return e.sources[origin]
}

// text is the value of any text reference at one element; nil is absent.
func (e *Eval) text(r *ref, p uint32) []byte {
	row, item := e.at(p)
	switch r.class {
	case attrClass:
		return e.b.Attr(r.attr, int(row))
	case sourceClass:
		if e.b.Source != "" {
			e.name = append(e.name[:0], e.b.Source...)
			return e.name
		}
		return e.source(int(e.b.Origin[row]))
	}
	if item != noItem && r.isItem() {
		if s := e.b.ItemText(r.col, int(item)); len(s) > 0 || r.col != event.Coupon {
			return s
		}
	}
	return e.b.Text(r.col, int(row))
}
