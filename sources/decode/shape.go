package decode

import (
	"encoding/binary"
	"math/bits"

	"touchstream/pipeline/event"
)

// Shape is an object as it was seen once: all that stands before, between and
// behind its values. A program that writes JSON writes the same keys in the same
// order again and again. To walk over the next object of a shape is to
// compare these pieces, 32 bytes at once, and to take the values between them.
//
// The shapes of a tree share their beginnings. A step is one piece and the kind
// of value behind it; steps that may follow the same value are chained. Where no
// step fits, nothing is remembered, and the object is walked over as if there
// were no shapes: they never decide what is well-formed.
type Shape struct {
	// Parts are the values in the order of the text.
	Parts []Part
	// Items is how many elements its array of Elements has.
	Items int32
	// Memo is for the user of the shape.
	Memo any

	inner []*Node // whose cells start anew
}

// Part is what a shape knows of a value.
type Part struct {
	// Kind is the kind of the value. A String is empty or does not begin with a
	// blank, as far as it is not Dirty; which of both is IsEmpty.
	Kind    Kind
	IsEmpty bool
	// Slot is where the value goes, -1 if it is not looked for.
	Slot int32
	// Rest is the number under which the member is kept, 0 if it is not.
	Rest int32
	// Item is the index of the element that the value is in, -1 if it is in none.
	Item int32

	keyBack, keyLen uint32
	// end, if not 0, is the part of no length at which the value of this one ends.
	end int32
}

// Key is the key of the part's value, which is at off.
func (p *Part) Key(off uint32) Value {
	return Value{Off: off - p.keyBack, Len: p.keyLen, Kind: String}
}

const (
	// partsMax is how many values a shape has at most.
	partsMax = 128
	// stepsMax is how many steps a tree remembers at most.
	stepsMax = 4096
	// branchesMax is how many steps may follow the same value.
	branchesMax = 16
	// renewAfter is how many misses a full memory waits before it is emptied.
	renewAfter = 1 << 20
	// creditMax is how many objects in a row are learnt without a match; then it
	// is one in learnEvery, so that objects that never come again cost little.
	creditMax  = 1024
	learnEvery = 16
	learnCost  = 4
)

// shapes is what a tree remembers.
type shapes struct {
	first  *step
	steps  int
	credit int
	misses int
}

// stepKind tells how the value behind a step's text is taken.
type stepKind uint8

const (
	stepText   stepKind = iota // up to the next quote
	stepNumber                 // a number
	stepConst                  // the text ends with it: null, true, false, ""
	stepOpaque                 // an object or array that is scanned
	stepEnd                    // none: the object ends
)

// step is a piece of text between two values.
type step struct {
	head   [32]byte // the first bytes of the text, zeros behind it
	covers uint32   // which of them count
	kind   stepKind
	// back and size: the value of a stepConst begins so many bytes before the
	// end of the text and has this length.
	back, size uint8
	open       byte  // of a stepOpaque: { or [
	n          int   // the text's length
	next       *step // after the value
	other      *step // instead of this one
	text       string
	depth      int    // brackets open at the value
	shape      *Shape // of a stepEnd
	// guess is the length that the value had last, -1 once it has changed so often
	// that credit was used up: a right guess earns 1, a wrong one costs guessCost.
	guess, credit int
}

const (
	guessCost      = 8
	guessCreditMax = 256
)

// walk is a walk along steps.
type walk struct {
	data  *byte
	size  int
	marks *uint64
	spans *Span // of the values
	step  *step // that is to be tried; nil: none fits
	pos   int   // where its text should stand
	k     int   // values so far
	done  bool  // a stepEnd was taken, pos is behind it
}

// Match walks over the object that comes next if its shape is remembered; else
// it is nil and the Gatherer stays where it is.
func (g *Gatherer) Match(n *Node) *Shape {
	x := g.index
	if x == nil || g.pos >= len(x.data) || g.depth > DepthMax/2 {
		return nil
	}
	g.dirty = [partsMax / 64]uint64{}
	w := walk{data: &x.data[0], size: len(x.data), marks: &x.marks[0], spans: &g.spans[0], step: n.shapes.first, pos: g.pos}
	for {
		w.run()
		if w.step == nil {
			return nil
		}
		if w.done {
			break
		}
		g.advance(&w)
	}
	if w.pos > len(g.data) {
		return nil // what matched goes on in the next record
	}
	g.pos = w.pos
	n.shapes.credit = min(n.shapes.credit+1, creditMax)
	return w.step.shape
}

// advance tries one step, whatever its kind.
func (g *Gatherer) advance(w *walk) {
	s, data := w.step, g.index.data
	at, end := w.pos+s.n, 0
	if at > len(data) || string(data[w.pos:at]) != s.text {
		w.step = s.other
		return
	}
	from := at
	switch s.kind {
	case stepText:
		end = g.textEnd(at, w.k)
	case stepNumber:
		end = g.numberEnd(data, at)
	case stepConst:
		from, end = at-int(s.back), at
	case stepOpaque:
		end = g.opaque(s, at)
	case stepEnd:
		w.pos, w.done = at, true
		return
	}
	if end == 0 {
		w.step = s.other
		return
	}
	size := end - from
	if s.kind == stepConst {
		size = int(s.size)
	}
	g.spans[w.k%partsMax] = spanOf(from, size)
	w.k++
	w.pos, w.step = end, s.next
}

// Span is where a value stands: the offset in the lower half, the length above.
type Span uint64

func spanOf(off, size int) Span { return Span(uint64(uint32(off)) | uint64(size)<<32) }

// SpanOf is the span of a text.
func SpanOf(s event.Str) Span { return spanOf(int(s.Off), int(s.Len)) }

// Str is the text of a span.
func (s Span) Str() event.Str { return event.Str{Off: uint32(s), Len: uint32(s >> 32)} }

// Spans are the values of the shape that was matched last.
func (g *Gatherer) Spans(s *Shape) []Span { return g.spans[:len(s.Parts)] }

// IsDirty reports whether a value of the shape that was matched last is dirty.
func (g *Gatherer) IsDirty() bool { return g.dirty != [partsMax / 64]uint64{} }

// ValueOf is the value number i of the shape that was matched last.
func (g *Gatherer) ValueOf(s *Shape, i int) Value {
	at := g.spans[i].Str()
	return Value{Off: at.Off, Len: at.Len, Kind: s.Parts[i].Kind, Dirty: g.dirty[i/64]>>(i%64)&1 == 1}
}

// textEnd is where the text at that is part k ends; 0 if it is no text, empty or
// begins with a blank.
func (g *Gatherer) textEnd(at, k int) int {
	end := g.index.next(at)
	if end >= len(g.data) || g.data[at] <= ' ' || g.data[at] == '"' {
		return 0
	}
	if g.data[end] == '"' {
		return end
	}
	pos := g.pos
	g.pos = at - 1
	t, ok := g.text()
	end = g.pos - 1
	g.pos = pos
	if !ok {
		g.bad = ""
		return 0
	}
	if t.Dirty {
		g.dirty[k/64%len(g.dirty)] |= 1 << (k % 64)
	}
	return end
}

// numberEnd is where the number at i ends; 0 if there is none.
func (g *Gatherer) numberEnd(data []byte, i int) int {
	if len(data)-i >= 16 {
		n := digitsAt(data, i)
		end := i + n
		if uint(n-1) < 7 && (data[i] != '0' || n == 1) {
			c := data[end]
			if c == '.' {
				n = digitsAt(data, end+1)
				end += 1 + n
				c = data[end]
			}
			if uint(n-1) < 7 && c|0x20 != 'e' && c-'0' > 9 {
				return end
			}
		}
	}
	end, want := numberEnd(g.data, i)
	if want != "" {
		return 0
	}
	return end
}

// digitsAt counts the digits at i, up to 8.
func digitsAt(data []byte, i int) int {
	w := binary.LittleEndian.Uint64(data[i:]) ^ ones*'0'
	return bits.TrailingZeros64((w+ones*0x76|w)&highs) / 8
}

// opaque scans the object or array at i; 0 if there is none.
func (g *Gatherer) opaque(s *step, i int) int {
	if i >= len(g.data) || g.data[i] != s.open {
		return 0
	}
	pos, depth := g.pos, g.depth
	g.pos, g.depth = i, depth+s.depth
	_, ok := g.Value()
	end := g.pos
	g.pos, g.depth = pos, depth
	if !ok {
		g.bad = ""
		return 0
	}
	return end
}

// fill puts the values of a shape into their cells.
func (g *Gatherer) fill(s *Shape) {
	for _, n := range s.inner {
		g.forget(n)
	}
	for i := range s.Parts {
		p := &s.Parts[i]
		if p.Slot < 0 && p.Rest == 0 {
			continue
		}
		v := g.ValueOf(s, i)
		if p.Slot < 0 {
			g.Rest = append(g.Rest, Member{p.Rest, p.Key(v.Off), v})
			continue
		}
		if p.end != 0 {
			v.Len = g.spans[p.end].Str().Off - v.Off
		}
		g.Cells[p.Slot] = v
	}
}
