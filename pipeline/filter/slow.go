package filter

import (
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// slow is a part of a condition that the expression library runs row by row.
type slow struct {
	program  *vm.Program
	refs     []ref // values to put into the environment
	compared []ref // operands of the comparison that the part is
	attrs    []string
	allAttrs bool
}

// scan finds the names in a part of a condition.
type scan struct {
	found  []*ast.IdentifierNode
	member map[ast.Node]string // attributes["x"]
	hidden map[ast.Node]bool   // names of functions
	local  map[string]bool     // variables of let
	clock  ast.Node            // a reading of the clock
}

// Visit is called by ast.Walk, children first.
func (s *scan) Visit(n *ast.Node) {
	switch n := (*n).(type) {
	case *ast.IdentifierNode:
		s.found = append(s.found, n)
	case *ast.BuiltinNode:
		if n.Name == "now" {
			s.clock = n
		}
	case *ast.CallNode:
		s.hidden[n.Callee] = true
	case *ast.VariableDeclaratorNode:
		s.local[n.Name] = true
	case *ast.MemberNode:
		root, isName := n.Node.(*ast.IdentifierNode)
		key, isText := n.Property.(*ast.StringNode)
		if isName && isText && root.Value == attributesName {
			s.member[root] = key.Value
		}
	}
}

func newScan(n ast.Node) *scan {
	s := &scan{member: map[ast.Node]string{}, hidden: map[ast.Node]bool{}, local: map[string]bool{}}
	ast.Walk(&n, s)
	return s
}

// rowByRow hands a part of the condition to the expression library.
func (c *compiler) rowByRow(n ast.Node) node {
	s := &slow{}
	sc := newScan(n)
	before := len(c.list)
	c.functions(sc)
	for _, id := range sc.found {
		if sc.hidden[id] || sc.local[id.Value] {
			continue
		}
		c.name(s, sc, id)
	}
	if len(c.list) > before {
		return node{}
	}
	if comparison, ok := n.(*ast.BinaryNode); ok && flipped[comparison.Operator] != "" {
		for _, side := range []ast.Node{comparison.Left, comparison.Right} {
			if r, ok := refAt(side); ok {
				s.compared = append(s.compared, r)
			}
		}
	}
	program, err := expr.Compile(n.String(), expr.Env(typedEnv()), expr.AsBool())
	if err != nil {
		c.blame(n, err)
		return node{}
	}
	s.program = program
	c.slow++
	return node{op: opSlow, slow: s}
}

// name resolves one name of a part.
func (c *compiler) name(s *slow, sc *scan, id *ast.IdentifierNode) {
	if id.Value == attributesName {
		if key, ok := sc.member[id]; ok {
			r := ref{class: attrClass, attr: key}
			c.use(&r)
			s.attrs = append(s.attrs, key)
			return
		}
		c.wants.AllAttrs, s.allAttrs = true, true
		return
	}
	r, ok := refOf(id.Value)
	switch {
	case !ok:
		c.at(id, "%s is no field of an event%s", id.Value, Suggest(id.Value))
	case r.class == hashClass:
		c.at(id, "%s is kept as a hash only: it can be compared with nil alone", id.Value)
	default:
		c.use(&r)
		if !slices.ContainsFunc(s.refs, func(x ref) bool { return x.name == r.name }) {
			s.refs = append(s.refs, r)
		}
	}
}

// blame gives an error of the library its place in the whole text, which the
// part alone does not know.
func (c *compiler) blame(n ast.Node, err error) {
	if _, whole := expr.Compile(c.text, expr.Env(typedEnv()), expr.AsBool()); whole != nil {
		c.library(whole)
		return
	}
	c.at(n, "%s", err)
}

// typedEnv has a value of its type for every name.
func typedEnv() map[string]any {
	env := map[string]any{attributesName: map[string]any{}, profileName: "", sourceName: "", botName: false}
	for i := range event.NumColumns {
		c := event.Column(i)
		switch c.Kind() {
		case event.Text:
			env[c.String()] = ""
		case event.Time:
			env[c.String()] = time.Time{}
		case event.Number:
			env[c.String()] = 0
		case event.Money, event.Float:
			env[c.String()] = 0.0
		case event.Flag:
			env[c.String()] = false
		}
	}
	return env
}

func (e *Eval) runSlow(s *slow, sel, keep []uint32) []uint32 {
	for _, p := range sel {
		if slices.ContainsFunc(s.compared, func(r ref) bool { return e.isAbsent(&r, p) }) {
			continue
		}
		absent := e.fill(s, p)
		out, err := e.machine.Run(s.program, e.env)
		holds, isBool := out.(bool)
		switch {
		case err != nil || !isBool:
			if !absent {
				e.errors++
			}
		case holds:
			keep = append(keep, p)
		}
	}
	return keep
}

// fill makes the environment of one element and reports whether a value that
// the part names is absent.
func (e *Eval) fill(s *slow, p uint32) (absent bool) {
	if e.env == nil {
		e.env = map[string]any{}
	}
	for i := range s.refs {
		r := &s.refs[i]
		v := e.value(r, p)
		e.env[r.name] = v
		absent = absent || v == nil
	}
	if len(s.attrs) == 0 && !s.allAttrs {
		return absent
	}
	row, _ := e.at(p)
	attrs := map[string]any{}
	for _, name := range s.attrs {
		if v := e.b.Attr(name, int(row)); len(v) > 0 {
			attrs[name] = string(v)
		} else {
			absent = true
		}
	}
	if s.allAttrs {
		for i := e.b.AttrFirst[row]; i < e.b.AttrFirst[row]+e.b.AttrCount[row]; i++ {
			attrs[string(e.b.Bytes(e.b.AttrKey[i]))] = string(e.b.Bytes(e.b.AttrVal[i]))
		}
	}
	e.env[attributesName] = attrs
	return absent
}

// value is what a name stands for in the library; nil is absent.
func (e *Eval) value(r *ref, p uint32) any {
	if r.class != botClass && e.isAbsent(r, p) {
		return nil
	}
	row, item := e.at(p)
	switch r.class {
	case botClass:
		return e.b.Head[row].Flags&event.IsBot != 0
	case profClass:
		return e.b.Profile[row].String()
	case floatClass:
		return e.b.Real(r.col, int(row))
	case intClass, flagClass:
		v := e.b.Num(r.col, int(row))
		if item != noItem && r.isItem() {
			v = e.b.ItemNum(r.col, int(item))
		}
		switch r.col.Kind() {
		case event.Money:
			return money.Float(v)
		case event.Time:
			return time.UnixMilli(v).UTC()
		case event.Flag:
			return v == 1
		}
		return int(v)
	}
	return string(e.text(r, p))
}
