package filter

import (
	"bytes"
	"cmp"
	"strconv"
	"strings"

	"github.com/expr-lang/expr/vm"
)

// FieldEval evaluates a FieldFilter for one goroutine.
type FieldEval struct {
	filter  *FieldFilter
	machine vm.VM
	errors  int64
}

// NewEval makes an evaluator.
func (f *FieldFilter) NewEval() *FieldEval { return &FieldEval{filter: f} }

// Errors is the number of records so far on which a part of the condition
// failed while it ran; it was false there.
func (e *FieldEval) Errors() int64 { return e.errors }

// Keep reports whether the condition holds for a record. get gives the value
// of a field by its index in Fields; it may be called several times or never.
// The bytes are only read during the call.
func (e *FieldEval) Keep(get func(field int) (text []byte, kind FieldKind)) bool {
	return e.holds(&e.filter.root, get)
}

func (e *FieldEval) holds(n *fieldNode, get func(int) ([]byte, FieldKind)) bool {
	switch n.op {
	case fieldConst:
		return n.truth
	case fieldAnd:
		return e.holds(&n.kids[0], get) && e.holds(&n.kids[1], get)
	case fieldOr:
		for i := range n.kids {
			if e.holds(&n.kids[i], get) {
				return true
			}
		}
		return false
	case fieldNot:
		return !e.holds(&n.kids[0], get)
	case fieldSlow:
		return e.run(n.slow, get)
	}
	text, kind := get(n.field)
	if n.op == fieldNil || kind == Missing {
		return n.op == fieldNil && kind == Missing
	}
	switch n.op {
	case fieldTrue:
		return string(text) == "true"
	case fieldText:
		return string(text) == n.text
	case fieldOrder:
		return isOrdered(n.word, strings.Compare(string(text), n.text))
	case fieldSearch:
		return n.search(text)
	}
	order, isNumber := n.against(text)
	if n.word == "==" {
		return isNumber && order == 0
	}
	return isNumber && isOrdered(n.word, order)
}

func (n *fieldNode) search(text []byte) bool {
	switch n.word {
	case "contains":
		return bytes.Contains(text, []byte(n.text))
	case "startsWith":
		return bytes.HasPrefix(text, []byte(n.text))
	}
	return bytes.HasSuffix(text, []byte(n.text))
}

// against compares a text that is wholly a number with the node's number.
func (n *fieldNode) against(text []byte) (order int, isNumber bool) {
	if n.isInt {
		if v, ok := integer(text); ok {
			return cmp.Compare(v, n.integer), true
		}
	}
	if !isDecimal(text) {
		return 0, false
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		return 0, false
	}
	return cmp.Compare(v, n.real), true
}

// integer reads a plain integer of up to 18 digits.
func integer(text []byte) (int64, bool) {
	digits, negative := text, false
	if len(digits) > 0 && (digits[0] == '-' || digits[0] == '+') {
		negative, digits = digits[0] == '-', digits[1:]
	}
	if len(digits) == 0 || len(digits) > 18 {
		return 0, false
	}
	v := int64(0)
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		v = v*10 + int64(d-'0')
	}
	if negative {
		v = -v
	}
	return v, true
}

// isDecimal keeps out what ParseFloat reads beyond decimal numbers: hex
// floats, infinities, underscores.
func isDecimal(text []byte) bool {
	for _, c := range text {
		if (c < '0' || c > '9') && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E' {
			return false
		}
	}
	return len(text) > 0
}
