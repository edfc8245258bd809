package filter

import (
	"math/big"
	"slices"
	"strings"
	"unicode"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
)

// FieldKind is what a source field holds.
type FieldKind uint8

const (
	// Missing is a column that is not there or a JSON null: nil.
	Missing FieldKind = iota
	// Text is a cell or a JSON string, unescaped; it may be empty.
	Text
	// Number is a JSON number as it is written.
	Number
	// Bool is a JSON true or false.
	Bool
)

// FieldFilter is a compiled condition over the fields of raw records. It is
// read-only; each goroutine makes an evaluator of its own.
type FieldFilter struct {
	root  fieldNode
	paths []string
}

// fieldOp is what a node of a plan over fields does.
type fieldOp uint8

const (
	fieldConst fieldOp = iota
	fieldAnd
	fieldOr
	fieldNot
	fieldNil
	fieldText  // == a text
	fieldOrder // < … a text
	fieldSearch
	fieldNumber // any operator, a number
	fieldTrue
	fieldSlow
)

// fieldNode is a part of a plan over fields.
type fieldNode struct {
	op      fieldOp
	kids    []fieldNode
	field   int
	truth   bool
	word    string
	text    string
	integer int64
	isInt   bool
	real    float64
	slow    *fieldProgram
}

// up stands for the ^ of a parent's field in what the parser reads: a letter
// of the same look.
const up = 'ꞈ'

// fieldsName is the map by which fields with any name are reached.
const fieldsName = "fields"

// CompileFields reads a condition over source fields. The error names every
// fault with its column in the text.
func CompileFields(text string) (*FieldFilter, error) {
	source := parents(text)
	c := fieldCompiler{faults: faults{text: text}, source: source}
	tree, err := parser.Parse(string(source))
	if err != nil {
		c.library(err)
		return nil, c.err()
	}
	root := c.condition(tree.Node)
	if err := c.err(); err != nil {
		return nil, err
	}
	return &FieldFilter{root: root, paths: c.paths}, nil
}

// Fields are the paths of the fields that the condition names, such as qty,
// a.b.c or ^x; evaluators ask for them by their index.
func (f *FieldFilter) Fields() []string { return f.paths }

// parents replaces each ^ that begins a name, where an operand can stand.
func parents(text string) []rune {
	source := []rune(text)
	quote := rune(0)
	operand := true
	for i, r := range source {
		switch {
		case quote != 0:
			if r == quote && (quote == '`' || source[i-1] != '\\') {
				quote = 0
			}
			operand = false
		case r == '"' || r == '\'' || r == '`':
			quote = r
		case unicode.IsSpace(r):
		case r == '^' && operand:
			source[i] = up
		case unicode.IsLetter(r) || unicode.IsDigit(r) || r == '_' || r == '$':
			operand = isWordBefore(source, i)
		default:
			operand = !strings.ContainsRune(")]}", r)
		}
	}
	return source
}

// isWordBefore reports whether the word that ends at i is an operator, behind
// which an operand stands.
func isWordBefore(source []rune, i int) bool {
	from := i
	for from > 0 && (unicode.IsLetter(source[from-1]) || source[from-1] == '_') {
		from--
	}
	switch string(source[from : i+1]) {
	case "and", "or", "not", "in", "contains", "startsWith", "endsWith", "matches":
		return true
	}
	return false
}

// fieldCompiler turns a syntax tree into a plan over fields.
type fieldCompiler struct {
	faults
	source []rune
	paths  []string
}

func (c *fieldCompiler) index(path string) int {
	if i := slices.Index(c.paths, path); i >= 0 {
		return i
	}
	c.paths = append(c.paths, path)
	return len(c.paths) - 1
}

// pathOf reads a node that names a field.
func pathOf(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		if n.Value == fieldsName {
			return "", false
		}
		return strings.ReplaceAll(n.Value, string(up), "^"), true
	case *ast.ChainNode:
		return pathOf(n.Node)
	case *ast.MemberNode:
		key, ok := n.Property.(*ast.StringNode)
		if !ok || n.Method {
			return "", false
		}
		if root, isName := n.Node.(*ast.IdentifierNode); isName && root.Value == fieldsName {
			return key.Value, true
		}
		if parent, ok := pathOf(n.Node); ok {
			return parent + "." + key.Value, true
		}
	}
	return "", false
}

func (c *fieldCompiler) condition(n ast.Node) fieldNode {
	switch n := n.(type) {
	case *ast.BoolNode:
		return fieldNode{truth: n.Value}
	case *ast.UnaryNode:
		if n.Operator == "not" || n.Operator == "!" {
			return fieldNode{op: fieldNot, kids: []fieldNode{c.condition(n.Node)}}
		}
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return fieldNode{op: fieldAnd, kids: []fieldNode{c.condition(n.Left), c.condition(n.Right)}}
		case "or", "||":
			return fieldNode{op: fieldOr, kids: []fieldNode{c.condition(n.Left), c.condition(n.Right)}}
		}
		if c.boundNot(n) {
			return fieldNode{}
		}
		if leaf, ok := c.leaf(n); ok {
			return leaf
		}
	}
	if path, ok := pathOf(n); ok {
		return fieldNode{op: fieldTrue, field: c.index(path)}
	}
	return c.rowByRow(n)
}

func (c *fieldCompiler) leaf(n *ast.BinaryNode) (fieldNode, bool) {
	operator, other := n.Operator, n.Right
	path, ok := pathOf(n.Left)
	if !ok {
		operator, other = flipped[n.Operator], n.Left
		if path, ok = pathOf(n.Right); !ok || operator == "" {
			return fieldNode{}, false
		}
	}
	switch operator {
	case "in":
		return c.membership(path, other)
	case "contains", "startsWith", "endsWith":
		k := constantOf(other, c.source)
		if k.kind != textConst {
			return fieldNode{}, false
		}
		return fieldNode{op: fieldSearch, field: c.index(path), word: operator, text: k.text}, true
	case "==", "!=", "<", "<=", ">", ">=":
		k := constantOf(other, c.source)
		if k.kind == notConst {
			return fieldNode{}, false
		}
		return c.compare(n, path, operator, k), true
	}
	return fieldNode{}, false
}

func (c *fieldCompiler) compare(n ast.Node, path, operator string, k constant) fieldNode {
	if operator == "!=" {
		return fieldNode{op: fieldNot, kids: []fieldNode{c.compare(n, path, "==", k)}}
	}
	out := fieldNode{field: c.index(path), word: operator}
	switch k.kind {
	case nilConst:
		out.op = fieldNil
	case numberConst:
		out.op = fieldNumber
		out.setNumber(k.number)
	case boolConst:
		out.op, out.text = fieldText, k.String()
	default:
		out.op, out.text = fieldText, k.text
	}
	if isOrder(operator) {
		switch k.kind {
		case nilConst, boolConst:
			c.at(n, "%s is neither less nor greater than anything", k)
		case textConst:
			out.op = fieldOrder
		}
	}
	return out
}

func (n *fieldNode) setNumber(r *big.Rat) {
	n.real, _ = r.Float64()
	if r.IsInt() && r.Num().IsInt64() {
		n.integer, n.isInt = r.Num().Int64(), true
	}
}

// membership is an or of equalities; false when the list is not constant.
func (c *fieldCompiler) membership(path string, list ast.Node) (fieldNode, bool) {
	array, ok := list.(*ast.ArrayNode)
	if !ok {
		return fieldNode{}, false
	}
	out := fieldNode{op: fieldOr}
	for _, item := range array.Nodes {
		k := constantOf(item, c.source)
		if k.kind == notConst {
			return fieldNode{}, false
		}
		out.kids = append(out.kids, c.compare(item, path, "==", k))
	}
	return out, true
}
