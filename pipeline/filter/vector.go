package filter

import (
	"bytes"
	"slices"
	"strings"

	"touchstream/pipeline/event"
)

// runLeaf appends to keep the elements of sel for which a comparison holds.
func (e *Eval) runLeaf(n *node, sel, keep []uint32) []uint32 {
	switch n.op {
	case opInts:
		return keepInts(e.gatherInts(&n.ref, sel), n.span, n.negate, sel, keep)
	case opFlag:
		return e.runFlag(n, sel, keep)
	case opFloats:
		return keepFloats(e.gatherFloats(&n.ref, sel), n.floats, n.negate, sel, keep)
	case opIntSet:
		for i, v := range e.gatherInts(&n.ref, sel) {
			if _, found := slices.BinarySearch(n.ints, v); found && v != event.Absent {
				keep = append(keep, sel[i])
			}
		}
	case opFloatSet:
		for i, v := range e.gatherFloats(&n.ref, sel) {
			if slices.Contains(n.reals, v) {
				keep = append(keep, sel[i])
			}
		}
	case opNames:
		return e.runNames(n, sel, keep)
	case opProfile:
		for _, p := range sel {
			row, _ := e.at(p)
			h := e.b.Profile[row]
			if !h.IsZero() && slices.Contains(n.hashes, h) != n.negate {
				keep = append(keep, p)
			}
		}
	case opTexts:
		return e.runTexts(n, sel, keep)
	case opOrder, opSearch:
		return e.runOther(n, sel, keep)
	case opAbsent:
		return e.runAbsent(n, sel, keep)
	}
	return keep
}

func keepInts(values []int64, s span, negate bool, sel, keep []uint32) []uint32 {
	k := len(keep)
	keep = slices.Grow(keep, len(sel))[:k+len(sel)]
	if negate {
		for i, v := range values {
			keep[k] = sel[i]
			if v != event.Absent && (v < s.lo || v > s.hi) {
				k++
			}
		}
		return keep[:k]
	}
	if s.lo > s.hi {
		return keep[:k]
	}
	width := uint64(s.hi) - uint64(s.lo)
	for i, v := range values {
		keep[k] = sel[i]
		if uint64(v)-uint64(s.lo) <= width {
			k++
		}
	}
	return keep[:k]
}

func keepFloats(values []float64, s floatSpan, negate bool, sel, keep []uint32) []uint32 {
	for i, v := range values {
		if v == v && (v >= s.lo && v <= s.hi) != negate {
			keep = append(keep, sel[i])
		}
	}
	return keep
}

func (e *Eval) runFlag(n *node, sel, keep []uint32) []uint32 {
	if n.ref.class != botClass {
		return keepInts(e.gatherInts(&n.ref, sel), n.span, false, sel, keep)
	}
	want := n.span.lo == 1
	for _, p := range sel {
		row, _ := e.at(p)
		if (e.b.Head[row].Flags&event.IsBot != 0) == want {
			keep = append(keep, p)
		}
	}
	return keep
}

func (e *Eval) runNames(n *node, sel, keep []uint32) []uint32 {
	k := len(keep)
	keep = slices.Grow(keep, len(sel))[:k+len(sel)]
	if e.rows == nil {
		for _, p := range sel {
			keep[k] = p
			if n.names[e.b.Name[p]] != n.negate {
				k++
			}
		}
		return keep[:k]
	}
	for _, p := range sel {
		keep[k] = p
		if n.names[e.b.Name[e.rows[p]]] != n.negate {
			k++
		}
	}
	return keep[:k]
}

// few is the length of a list up to which it is searched from front to back.
const few = 8

func hasText(texts []string, v []byte) bool {
	if len(texts) > few {
		_, found := slices.BinarySearchFunc(texts, v, func(t string, v []byte) int { return strings.Compare(t, string(v)) })
		return found
	}
	for _, t := range texts {
		if t == string(v) {
			return true
		}
	}
	return false
}

func (e *Eval) runTexts(n *node, sel, keep []uint32) []uint32 {
	if n.ref.class > flagClass && n.ref.class != nameClass {
		for _, p := range sel {
			if v := e.text(&n.ref, p); len(v) > 0 && hasText(n.texts, v) != n.negate {
				keep = append(keep, p)
			}
		}
		return keep
	}
	values, arena := e.gatherTexts(&n.ref, sel), e.b.Arena
	if len(n.texts) == 1 && !n.negate {
		want := n.texts[0]
		for i, s := range values {
			if int(s.Len) == len(want) && s.Len > 0 && string(arena[s.Off:s.Off+s.Len]) == want {
				keep = append(keep, sel[i])
			}
		}
		return keep
	}
	for i, s := range values {
		if s.Len > 0 && hasText(n.texts, arena[s.Off:s.Off+s.Len]) != n.negate {
			keep = append(keep, sel[i])
		}
	}
	return keep
}

func (e *Eval) runOther(n *node, sel, keep []uint32) []uint32 {
	want := []byte(n.texts[0])
	for _, p := range sel {
		v := e.text(&n.ref, p)
		if len(v) == 0 {
			continue
		}
		holds := false
		switch n.word {
		case "contains":
			holds = bytes.Contains(v, want)
		case "startsWith":
			holds = bytes.HasPrefix(v, want)
		case "endsWith":
			holds = bytes.HasSuffix(v, want)
		default:
			holds = isOrdered(n.word, bytes.Compare(v, want))
		}
		if holds {
			keep = append(keep, p)
		}
	}
	return keep
}

func isOrdered(operator string, compared int) bool {
	switch operator {
	case "<":
		return compared < 0
	case "<=":
		return compared <= 0
	case ">":
		return compared > 0
	}
	return compared >= 0
}

func (e *Eval) runAbsent(n *node, sel, keep []uint32) []uint32 {
	for _, p := range sel {
		if e.isAbsent(&n.ref, p) != n.negate {
			keep = append(keep, p)
		}
	}
	return keep
}

func (e *Eval) isAbsent(r *ref, p uint32) bool {
	row, item := e.at(p)
	switch r.class {
	case intClass, flagClass:
		if item != noItem && r.isItem() {
			return e.b.ItemNum(r.col, int(item)) == event.Absent
		}
		return e.b.Num(r.col, int(row)) == event.Absent
	case floatClass:
		v := e.b.Real(r.col, int(row))
		return v != v
	case hashClass:
		return e.b.Ident[r.ident] == nil || e.b.Ident[r.ident][row].IsZero()
	case profClass:
		return e.b.Profile[row].IsZero()
	case botClass:
		return false
	}
	return len(e.text(r, p)) == 0
}
