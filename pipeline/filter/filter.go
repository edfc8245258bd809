package filter

import (
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"touchstream/pipeline/event"
)

// Filter is a compiled condition over events. It is read-only and can be used
// by many goroutines, each with an Eval of its own.
type Filter struct {
	text  string
	root  node
	wants event.Want
	items bool
	slow  int // parts that run row by row
}

// Compile reads a condition. The error names every fault with its column in
// the text.
func Compile(text string) (*Filter, error) {
	c := compiler{faults: faults{text: text}, source: []rune(text)}
	tree, err := parser.Parse(text)
	if err != nil {
		c.library(err)
		return nil, c.err()
	}
	f := &Filter{text: text}
	f.root = c.condition(tree.Node)
	if err := c.err(); err != nil {
		return nil, err
	}
	f.wants, f.items, f.slow = c.wants, c.items, c.slow
	return f, nil
}

// String is the text that the filter was compiled from.
func (f *Filter) String() string { return f.text }

// Wants is what must be decoded for the filter.
func (f *Filter) Wants() event.Want { return f.wants }

// UsesItems reports whether the filter names a column that makes a window run
// over items.
func (f *Filter) UsesItems() bool { return f.items }

// IsVectorised reports whether no part of the filter runs row by row.
func (f *Filter) IsVectorised() bool { return f.slow == 0 }

// op is what a node of the plan does.
type op uint8

const (
	opAll op = iota
	opNone
	opAnd
	opOr
	opNot
	opAbsent
	opInts
	opIntSet
	opFloats
	opFloatSet
	opTexts   // ==, != or in a set of texts
	opOrder   // <, <=, >, >= of texts
	opSearch  // contains, startsWith, endsWith
	opNames   // event names, all of the vocabulary
	opProfile // ==, != or in a set of profiles
	opFlag
	opSlow
)

// node is a part of the plan.
type node struct {
	op   op
	kids []node
	ref  ref

	negate bool // the values named are those to leave out
	span   span
	floats floatSpan
	ints   []int64 // sorted
	reals  []float64
	texts  []string // sorted
	word   string   // operator of texts
	names  [event.NumNames]bool
	hashes []event.Hash
	slow   *slow
}

// compiler turns a syntax tree into a plan.
type compiler struct {
	faults
	source []rune
	wants  event.Want
	items  bool
	slow   int
}

func (c *compiler) use(r *ref) {
	r.addWant(&c.wants)
	if r.isItem() && r.col.IsItem() {
		c.items = true
	}
}

// condition compiles a node that must be true or false.
func (c *compiler) condition(n ast.Node) node {
	switch n := n.(type) {
	case *ast.BoolNode:
		if n.Value {
			return node{op: opAll}
		}
		return node{op: opNone}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return c.not(n)
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return node{op: opAnd, kids: []node{c.condition(n.Left), c.condition(n.Right)}}
		case "or", "||":
			return node{op: opOr, kids: []node{c.condition(n.Left), c.condition(n.Right)}}
		}
		if c.boundNot(n) {
			return node{}
		}
		if leaf, ok := c.leaf(n); ok {
			return leaf
		}
	}
	if r, ok := refAt(n); ok {
		if r.class == flagClass || r.class == botClass {
			c.use(&r)
			return node{op: opFlag, ref: r, span: span{1, 1}}
		}
		c.at(n, "%s is %s and no condition: compare it with something", r.name, r.what())
		return node{}
	}
	return c.rowByRow(n)
}

func (c *compiler) not(n *ast.UnaryNode) node {
	return node{op: opNot, kids: []node{c.condition(n.Node)}}
}

// boundNot refuses `not x == 1`, which the grammar reads as `(not x) == 1`.
func (f *faults) boundNot(n *ast.BinaryNode) bool {
	left, ok := n.Left.(*ast.UnaryNode)
	if !ok || flipped[n.Operator] == "" || left.Operator != "not" && left.Operator != "!" {
		return false
	}
	f.at(left, "%s binds to what follows it alone: put the comparison in parentheses", left.Operator)
	return true
}
