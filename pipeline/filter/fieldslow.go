package filter

import (
	"strconv"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

// fieldProgram is a part of a condition over fields that the expression
// library runs.
type fieldProgram struct {
	program *vm.Program
	fields  []int
	keys    [][]string // of each field, its place in the environment
}

// pathScan finds the longest paths in a part of a condition.
type pathScan struct {
	nodes []ast.Node
	part  map[ast.Node]bool // part of a longer path
}

// Visit is called by ast.Walk, children first: a.b.c is met as a, a.b, a.b.c.
func (p *pathScan) Visit(n *ast.Node) {
	if _, ok := pathOf(*n); !ok {
		return
	}
	p.nodes = append(p.nodes, *n)
	switch n := (*n).(type) {
	case *ast.MemberNode:
		p.part[n.Node] = true
	case *ast.ChainNode:
		p.part[n.Node] = true
	}
}

// keysOf is the place of a path in the environment.
func keysOf(n ast.Node) []string {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return []string{n.Value}
	case *ast.ChainNode:
		return keysOf(n.Node)
	case *ast.MemberNode:
		return append(keysOf(n.Node), n.Property.(*ast.StringNode).Value)
	}
	return nil
}

// rowByRow hands a part of the condition to the expression library.
func (c *fieldCompiler) rowByRow(n ast.Node) fieldNode {
	names := newScan(n)
	c.functions(names)
	paths := &pathScan{part: map[ast.Node]bool{}}
	ast.Walk(&n, paths)
	out := &fieldProgram{}
	for _, at := range paths.nodes {
		keys := keysOf(at)
		if paths.part[at] || names.hidden[at] || names.local[keys[0]] {
			continue
		}
		path, _ := pathOf(at)
		out.fields = append(out.fields, c.index(path))
		out.keys = append(out.keys, keys)
	}
	c.nesting(n, out)
	program, err := expr.Compile(n.String(), expr.AsBool())
	if err != nil {
		line, _, _ := strings.Cut(err.Error(), "\n")
		c.at(n, "%s", line)
	}
	out.program = program
	return fieldNode{op: fieldSlow, slow: out}
}

// nesting refuses a field beside a field inside it: the environment has one
// place for both.
func (c *fieldCompiler) nesting(n ast.Node, p *fieldProgram) {
	for _, a := range p.keys {
		for _, b := range p.keys {
			if len(a) < len(b) && strings.HasPrefix(strings.Join(b, ".")+".", strings.Join(a, ".")+".") {
				c.at(n, "%s and %s cannot stand in one calculation", strings.Join(a, "."), strings.Join(b, "."))
				return
			}
		}
	}
}

// functions refuses calls of functions that the library does not have, and of
// the clock: nothing but the events may change a result.
func (f *faults) functions(s *scan) {
	if s.clock != nil {
		f.at(s.clock, "now() is refused: a result must not depend on the clock")
	}
	for _, id := range s.found {
		if s.hidden[id] && !s.local[id.Value] {
			f.at(id, "there is no function %s", id.Value)
		}
	}
}

// run evaluates the program over the fields that get gives.
func (e *FieldEval) run(p *fieldProgram, get func(int) ([]byte, FieldKind)) bool {
	env := map[string]any{}
	absent := false
	for i, field := range p.fields {
		text, kind := get(field)
		v := fieldValue(text, kind)
		absent = absent || v == nil
		at := env
		keys := p.keys[i]
		for _, k := range keys[:len(keys)-1] {
			next, ok := at[k].(map[string]any)
			if !ok {
				next = map[string]any{}
				at[k] = next
			}
			at = next
		}
		at[keys[len(keys)-1]] = v
	}
	out, err := e.machine.Run(p.program, env)
	holds, isBool := out.(bool)
	if err != nil || !isBool {
		if !absent {
			e.errors++
		}
		return false
	}
	return holds
}

// fieldValue is what a field is in the library: nil, a text, a number or a boolean.
func fieldValue(text []byte, kind FieldKind) any {
	switch kind {
	case Missing:
		return nil
	case Bool:
		return string(text) == "true"
	case Number:
		if i, err := strconv.Atoi(string(text)); err == nil {
			return i
		}
		if f, err := strconv.ParseFloat(string(text), 64); err == nil {
			return f
		}
	}
	return string(text)
}
