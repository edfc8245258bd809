package decode

import (
	"bytes"
	"slices"
)

// opaqueBytes is the length from which objects that nothing looks for are
// scanned: one with so many keys hardly comes a second time.
const opaqueBytes = 512

// Learn remembers the shape of the object from start to where the Gatherer is.
// The object must be well-formed.
func (g *Gatherer) Learn(n *Node, start int) {
	m := &n.shapes
	m.misses++
	switch {
	case g.index == nil || g.pos > len(g.index.data):
		return
	case m.steps >= stepsMax && m.misses < renewAfter:
		return
	case m.steps >= stepsMax:
		*m = shapes{}
	case m.steps == 0:
		m.credit = creditMax
	case m.credit < learnCost && m.misses%learnEvery != 0:
		return
	}
	m.credit = max(m.credit-learnCost, 0)
	l := &g.learner
	l.m, l.at, l.list, l.stopped, l.items = m, start, &m.first, false, 0
	l.keys, l.parts, l.inner = l.keys[:0], l.parts[:0], l.inner[:0]
	l.Reset(g.data[:g.pos], start)
	l.object(n, -1)
	l.emit(step{kind: stepEnd}, Part{}, l.pos)
}

// learner takes an object apart into steps.
type learner struct {
	Scanner
	m    *shapes
	at   int    // where the text of the next step begins
	list **step // the steps that may come next
	// stopped: the object has no shape.
	stopped bool
	keys    []Value // of the objects that are open
	parts   []Part
	items   int32
	inner   []*Node
}

// textMax bounds the text of a step: keys may be of any length, and are kept.
const textMax = 4 << 10

// emit adds a step whose text ends at end.
func (l *learner) emit(s step, p Part, end int) {
	if s.kind != stepEnd {
		l.stopped = l.stopped || len(l.parts) == partsMax
		l.parts = append(l.parts, p)
	}
	if l.stopped {
		return
	}
	if end-l.at > textMax {
		l.stopped = true
		return
	}
	s.text, s.n, s.depth = string(l.data[l.at:end]), end-l.at, l.depth
	copy(s.head[:], s.text)
	s.guess, s.credit = 0, guessCreditMax/4
	s.covers = uint32(1<<min(s.n, 32) - 1)
	branches := 0
	for *l.list != nil {
		o := *l.list
		if o.text == s.text && o.kind == s.kind && o.open == s.open && o.back == s.back {
			l.list = &o.next
			return
		}
		l.list = &o.other
		branches++
	}
	if branches == branchesMax || l.m.steps == stepsMax {
		l.stopped = true
		return
	}
	l.m.steps++
	added := new(step)
	*added = s
	if s.kind == stepEnd {
		added.shape = &Shape{Parts: slices.Clone(l.parts), Items: l.items, inner: slices.Clone(l.inner)}
	}
	*l.list = added
	l.list = &added.next
}

// object takes an object apart; n is nil if nothing is looked for in it.
func (l *learner) object(n *Node, item int32) {
	outer := len(l.keys)
	l.Enter('{')
	for i := 0; !l.stopped; i++ {
		k, ok := l.member(i)
		if !ok {
			break
		}
		key := l.data[k.Off : k.Off+k.Len]
		for _, o := range l.keys[outer:] {
			// Of equal keys the last counts: a shape takes them all.
			l.stopped = l.stopped || bytes.Equal(l.data[o.Off:o.Off+o.Len], key)
		}
		l.stopped = l.stopped || k.Dirty || l.depth > DepthMax/4
		l.keys = append(l.keys, k)
		p := Part{Slot: -1, Item: item, keyLen: k.Len}
		var kid *Node
		if n != nil {
			if kid = n.Find(key); kid != nil {
				p.Slot = kid.slot
			} else {
				p.Rest = n.Rest
			}
		}
		l.value(kid, p, k)
	}
	l.keys = l.keys[:outer]
}

// value takes a member's value.
func (l *learner) value(kid *Node, p Part, key Value) {
	isInner := kid != nil && !kid.isLeaf
	if isInner {
		l.inner = append(l.inner, kid)
	}
	p.Kind = l.Peek() // which skips blanks
	start := l.pos
	p.keyBack = uint32(start) - key.Off
	switch p.Kind {
	case String:
		l.text(p, start)
	case Number:
		l.emit(step{kind: stepNumber}, p, start)
		l.take()
	case Object:
		switch {
		case isInner && kid.slot >= 0:
			l.whole(kid, p, start)
		case isInner:
			l.object(kid, p.Item)
		case kid == nil && p.Rest == 0 && l.size() < opaqueBytes:
			l.object(nil, p.Item)
		default:
			l.opaque(p, start)
		}
	case Array:
		if kid != nil && kid.Elements != nil {
			l.elements(kid.Elements)
		} else {
			l.opaque(p, start)
		}
	default:
		v, _ := l.Value()
		p.Kind = v.Kind
		l.emit(step{kind: stepConst, back: uint8(v.Len), size: uint8(v.Len)}, p, l.pos)
		l.at = l.pos
	}
}

func (l *learner) text(p Part, start int) {
	v, _ := l.Value()
	switch {
	case v.Len == 0:
		p.IsEmpty = true
		p.keyBack++
		l.emit(step{kind: stepConst, back: 1}, p, l.pos)
		l.at = l.pos
	case l.data[v.Off] <= ' ':
		l.stopped = true
	default:
		p.keyBack++
		l.emit(step{kind: stepText}, p, start+1)
		l.at = l.pos - 1
	}
}

// whole takes an object apart whose text is looked for as well: parts of no
// length stand before it and behind it.
func (l *learner) whole(kid *Node, p Part, start int) {
	first := len(l.parts)
	l.emit(step{kind: stepConst}, p, start)
	l.at = start
	l.object(kid, p.Item)
	if !l.stopped {
		l.parts[first].end = int32(len(l.parts))
		l.emit(step{kind: stepConst}, Part{Slot: -1}, l.pos)
		l.at = l.pos
	}
}

func (l *learner) opaque(p Part, start int) {
	l.emit(step{kind: stepOpaque, open: l.data[start]}, p, start)
	l.take()
}

// take steps over a value that is not part of a text.
func (l *learner) take() {
	l.Value()
	l.at = l.pos
}

// size is the length of the value that comes next.
func (l *learner) size() uint32 {
	probe := l.Scanner
	v, _ := probe.Value()
	return v.Len
}

// elements takes an array of objects apart.
func (l *learner) elements(n *Node) {
	l.Enter('[')
	for ; !l.stopped && l.Next(']', int(l.items)); l.items++ {
		if l.Peek() != Object {
			l.stopped = true
			return
		}
		l.object(n, l.items)
	}
}
