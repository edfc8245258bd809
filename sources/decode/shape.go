package decode

import (
	"encoding/binary"
	"math/bits"
)

// Shape is an object as it was seen once: all that stands before, between and
// behind its values. A program that writes JSON writes the same keys in the same
// order again and again. To walk over the next object of a shape is to
// compare these pieces, 32 bytes at a time, and to take the values between them.
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

// Key is the key of the part's value.
func (p *Part) Key(v Value) Value {
	return Value{Off: v.Off - p.keyBack, Len: p.keyLen, Kind: String}
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
	text  [4]uint64 // its first 32 bytes, zeros behind it
	mask  [4]uint64 // the bytes of text that count
	n     int       // its length
	kind  stepKind
	value Kind
	// back and size: the value of a stepConst begins so many bytes before the
	// end of the text and has this length.
	back, size uint8
	open       byte   // of a stepOpaque: { or [
	depth      uint16 // brackets open at the value

	next  *step // after the value
	other *step // instead of this one
	tail  string
	shape *Shape // of a stepEnd
}

// Match walks over the object that comes next if its shape is remembered; else
// it is nil and the Gatherer stays where it is.
func (g *Gatherer) Match(n *Node) *Shape {
	x := g.index
	if x == nil || g.pos >= len(x.data) || g.depth > DepthMax/2 {
		return nil
	}
	g.dirty = false
	data, pos, k := x.data, g.pos, 0
	for s := n.shapes.first; s != nil; {
		if !s.isAt(data, pos) {
			s = s.other
			continue
		}
		at := pos + s.n
		v := Value{Off: uint32(at), Kind: s.value}
		switch s.kind {
		case stepText:
			end := x.next(at)
			if end == at || end >= len(data) || data[at] <= ' ' || data[end] != '"' {
				if end = g.oddText(at, end, &v); end == 0 {
					s = s.other
					continue
				}
			}
			v.Len = uint32(end - at)
			pos = end
		case stepNumber:
			end := g.numberEnd(data, at)
			if end == 0 {
				s = s.other
				continue
			}
			v.Len = uint32(end - at)
			pos = end
		case stepConst:
			v.Off -= uint32(s.back)
			v.Len = uint32(s.size)
			pos = at
		case stepOpaque:
			end := g.opaque(s, at)
			if end == 0 {
				s = s.other
				continue
			}
			v.Len = uint32(end - at)
			pos = end
		case stepEnd:
			if at > len(g.data) {
				return nil // what matched goes on in the next record
			}
			g.pos = at
			n.shapes.credit = min(n.shapes.credit+1, creditMax)
			return s.shape
		}
		g.values[k&(partsMax-1)] = v
		k++
		s = s.next
	}
	return nil
}

// Values are the values of the shape that was matched last.
func (g *Gatherer) Values(s *Shape) []Value { return g.values[:len(s.Parts)] }

// IsDirty reports whether one of them is dirty.
func (g *Gatherer) IsDirty() bool { return g.dirty }

// isAt reports whether the step's text stands at pos.
func (s *step) isAt(data []byte, pos int) bool {
	if len(data)-pos < 32 {
		return s.isAtEnd(data[pos:])
	}
	d := (*[32]byte)(data[pos:])
	if (binary.LittleEndian.Uint64(d[0:])^s.text[0])&s.mask[0]|(binary.LittleEndian.Uint64(d[8:])^s.text[1])&s.mask[1] != 0 {
		return false
	}
	if s.n <= 16 {
		return true
	}
	if (binary.LittleEndian.Uint64(d[16:])^s.text[2])&s.mask[2]|(binary.LittleEndian.Uint64(d[24:])^s.text[3])&s.mask[3] != 0 {
		return false
	}
	return s.n <= 32 || len(data)-pos >= s.n && string(data[pos+32:pos+s.n]) == s.tail
}

// isAtEnd is isAt where less than 32 bytes are left.
func (s *step) isAtEnd(rest []byte) bool {
	if s.n > len(rest) {
		return false
	}
	var d [32]byte
	copy(d[:], rest)
	return s.n <= 32 && s.isAt(d[:], 0)
}

// oddText takes a text with escapes or bytes outside ASCII, of which the first
// mark is at mark; 0 for what is no such text, is empty or begins with a blank.
func (g *Gatherer) oddText(at, mark int, v *Value) int {
	if mark >= len(g.data) || g.data[at] <= ' ' || g.data[at] == '"' {
		return 0
	}
	pos := g.pos
	g.pos = at - 1
	t, ok := g.text()
	end := g.pos - 1
	g.pos = pos
	if !ok {
		g.bad = ""
		return 0
	}
	v.Dirty = t.Dirty
	g.dirty = g.dirty || t.Dirty
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
	g.pos, g.depth = i, depth+int(s.depth)
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
		if p.Slot >= 0 {
			v := g.values[i&(partsMax-1)]
			if p.end != 0 {
				v.Len = g.values[p.end&(partsMax-1)].Off - v.Off
			}
			g.Cells[p.Slot] = v
		} else if p.Rest != 0 {
			v := g.values[i&(partsMax-1)]
			g.Rest = append(g.Rest, Member{p.Rest, p.Key(v), v})
		}
	}
}
