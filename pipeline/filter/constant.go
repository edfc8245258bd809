package filter

import (
	"math"
	"math/big"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"

	"touchstream/pipeline/event"
)

// constKind is the type of a constant in an expression.
type constKind uint8

const (
	notConst constKind = iota
	nilConst
	textConst
	numberConst
	boolConst
)

func (k constKind) String() string {
	return [...]string{"no constant", "nil", "a text", "a number", "a boolean"}[k]
}

// constant is a literal of an expression; numbers are exact.
type constant struct {
	kind   constKind
	text   string
	number *big.Rat
	truth  bool
}

// String shows the constant in a fault.
func (c constant) String() string {
	switch c.kind {
	case textConst:
		return `"` + c.text + `"`
	case numberConst:
		return strings.TrimSuffix(strings.TrimRight(c.number.FloatString(6), "0"), ".")
	case boolConst:
		if c.truth {
			return "true"
		}
		return "false"
	}
	return "nil"
}

// constantOf reads a literal. Decimals are taken from the source, so that no
// digit is lost.
func constantOf(n ast.Node, source []rune) constant {
	switch n := n.(type) {
	case *ast.NilNode:
		return constant{kind: nilConst}
	case *ast.StringNode:
		return constant{kind: textConst, text: n.Value}
	case *ast.BoolNode:
		return constant{kind: boolConst, truth: n.Value}
	case *ast.IntegerNode:
		return constant{kind: numberConst, number: new(big.Rat).SetInt64(int64(n.Value))}
	case *ast.FloatNode:
		return constant{kind: numberConst, number: decimalOf(n, source)}
	case *ast.UnaryNode:
		c := constantOf(n.Node, source)
		if c.kind == numberConst && n.Operator == "-" {
			return constant{kind: numberConst, number: new(big.Rat).Neg(c.number)}
		}
		if c.kind == numberConst && n.Operator == "+" {
			return c
		}
	}
	return constant{}
}

func decimalOf(n *ast.FloatNode, source []rune) *big.Rat {
	at := n.Location()
	if 0 <= at.From && at.From < at.To && at.To <= len(source) && at.To-at.From < 64 {
		text := strings.ReplaceAll(string(source[at.From:at.To]), "_", "")
		if !strings.ContainsAny(text, "eE/") {
			if r, ok := new(big.Rat).SetString(text); ok {
				return r
			}
		}
	}
	if r := new(big.Rat).SetFloat64(n.Value); r != nil {
		return r
	}
	return new(big.Rat)
}

// bound is a constant in the unit of an integer column: its floor, and whether
// that is the constant itself.
type bound struct {
	floor int64
	exact bool
}

// boundOf scales an exact number.
func boundOf(number *big.Rat, scale int64) bound {
	scaled := new(big.Rat).Mul(number, new(big.Rat).SetInt64(scale))
	floor := new(big.Int).Div(scaled.Num(), scaled.Denom())
	switch {
	case floor.IsInt64() && floor.Int64() != event.Absent:
		return bound{floor.Int64(), scaled.IsInt()}
	case floor.Sign() < 0:
		return bound{math.MinInt64, false}
	}
	return bound{math.MaxInt64, false}
}

// span is an inclusive range of present integers.
type span struct{ lo, hi int64 }

var nothing = span{lo: 1, hi: 0}

// spanOf is the range of values that compare as op with the bound. For != it
// is the range to leave out.
func spanOf(op string, b bound) span {
	const lowest = math.MinInt64 + 1
	switch op {
	case "==", "!=":
		if b.exact {
			return span{b.floor, b.floor}
		}
		return nothing
	case "<":
		if b.exact {
			return span{lowest, b.floor - 1}
		}
		return span{lowest, b.floor}
	case "<=":
		return span{lowest, b.floor}
	case ">=":
		if b.exact {
			return span{b.floor, math.MaxInt64}
		}
	}
	if b.floor == math.MaxInt64 {
		return nothing
	}
	return span{b.floor + 1, math.MaxInt64}
}

// floatSpan is an inclusive range of floats.
type floatSpan struct{ lo, hi float64 }

func floatSpanOf(op string, v float64) floatSpan {
	switch op {
	case "<":
		return floatSpan{math.Inf(-1), math.Nextafter(v, math.Inf(-1))}
	case "<=":
		return floatSpan{math.Inf(-1), v}
	case ">":
		return floatSpan{math.Nextafter(v, math.Inf(1)), math.Inf(1)}
	case ">=":
		return floatSpan{v, math.Inf(1)}
	}
	return floatSpan{v, v}
}

var timeLayouts = [...]string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly}

// timeOf reads a time constant as an exact number of milliseconds.
func timeOf(text string) (*big.Rat, bool) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			ms := new(big.Rat).SetFrac64(int64(t.Nanosecond()), 1_000_000)
			return ms.Add(ms, new(big.Rat).SetInt64(t.Unix()*1000)), true
		}
	}
	return nil, false
}
