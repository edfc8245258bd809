package filter

import (
	"encoding/hex"
	"slices"

	"github.com/expr-lang/expr/ast"

	"touchstream/pipeline/event"
)

var flipped = map[string]string{"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}

// leaf compiles a comparison of a reference with constants; false leaves the
// node to the expression library.
func (c *compiler) leaf(n *ast.BinaryNode) (node, bool) {
	r, isRef := refAt(n.Left)
	operator := n.Operator
	other := n.Right
	if !isRef {
		operator, other = flipped[operator], n.Left
		if r, isRef = refAt(n.Right); !isRef || operator == "" {
			return node{}, false
		}
	}
	switch operator {
	case "in":
		list, ok := other.(*ast.ArrayNode)
		if !ok {
			return node{}, false
		}
		return c.membership(r, list)
	case "contains", "startsWith", "endsWith":
		k := constantOf(other, c.source)
		if k.kind != textConst || !r.isText() {
			return node{}, false
		}
		c.use(&r)
		return node{op: opSearch, ref: r, word: operator, texts: []string{k.text}}, true
	case "==", "!=", "<", "<=", ">", ">=":
		k := constantOf(other, c.source)
		if k.kind == notConst {
			return node{}, false
		}
		c.use(&r)
		return c.compare(n, r, operator, k), true
	}
	return node{}, false
}

// isText reports whether the value is a text that the vectorised evaluator reads.
func (r *ref) isText() bool {
	switch r.class {
	case textClass, nameClass, attrClass, sourceClass:
		return true
	}
	return false
}

func isOrder(operator string) bool { return operator[0] == '<' || operator[0] == '>' }

// compare compiles one comparison with a constant.
func (c *compiler) compare(n ast.Node, r ref, operator string, k constant) node {
	if k.kind == nilConst {
		if isOrder(operator) {
			c.at(n, "%s: nil is neither less nor greater", r.name)
		}
		return node{op: opAbsent, ref: r, negate: operator == "!="}
	}
	not := operator == "!="
	switch r.class {
	case hashClass:
		c.at(n, "%s is kept as a hash only: it can be compared with nil alone", r.name)
		return node{}
	case flagClass, botClass:
		if k.kind != boolConst || isOrder(operator) {
			return c.mismatch(n, r, k)
		}
		want := int64(0)
		if k.truth != not {
			want = 1
		}
		return node{op: opFlag, ref: r, span: span{want, want}}
	case floatClass:
		if k.kind != numberConst {
			return c.mismatch(n, r, k)
		}
		v, _ := k.number.Float64()
		return node{op: opFloats, ref: r, negate: not, floats: floatSpanOf(operator, v)}
	case intClass:
		b, ok := c.bound(r, k)
		if !ok {
			return c.mismatch(n, r, k)
		}
		return node{op: opInts, ref: r, negate: not, span: spanOf(operator, b)}
	}
	if k.kind != textConst {
		return c.mismatch(n, r, k)
	}
	if operator == "==" && k.text == "" {
		c.blank(n, r)
	}
	if isOrder(operator) {
		if r.class == profClass {
			c.at(n, "%s has no order", r.name)
		}
		return node{op: opOrder, ref: r, word: operator, texts: []string{k.text}}
	}
	return textSet(r, []string{k.text}, not)
}

// blank refuses a comparison that no row meets: of a column a blank text is an
// absent one. Attributes are kept as they were sent.
func (c *compiler) blank(n ast.Node, r ref) {
	if r.class != attrClass {
		c.at(n, `%s is never "": a blank value is absent, which %s == nil finds`, r.name, r.name)
	}
}

func (c *compiler) mismatch(n ast.Node, r ref, k constant) node {
	if r.class == intClass && r.col.Kind() == event.Time && k.kind == textConst {
		c.at(n, "%s is a time and %s is none: write it as 2026-03-01T00:00:00Z", r.name, k)
		return node{}
	}
	c.at(n, "%s is %s and %s is %s: they do not compare", r.name, r.what(), k, k.kind)
	return node{}
}

// bound gives the constant in the unit of an integer column.
func (c *compiler) bound(r ref, k constant) (bound, bool) {
	switch isTime := r.col.Kind() == event.Time; {
	case isTime && k.kind == textConst:
		ms, ok := timeOf(k.text)
		if !ok {
			return bound{}, false
		}
		return boundOf(ms, 1), true
	case !isTime && k.kind == numberConst:
		return boundOf(k.number, r.scale), true
	}
	return bound{}, false
}

// textSet is membership of a text in a list.
func textSet(r ref, texts []string, not bool) node {
	slices.Sort(texts)
	n := node{op: opTexts, ref: r, negate: not, texts: slices.Compact(texts)}
	switch r.class {
	case profClass:
		n.op, n.texts = opProfile, nil
		for _, t := range texts {
			if h, ok := hashOf(t); ok {
				n.hashes = append(n.hashes, h)
			}
		}
	case nameClass:
		for _, t := range n.texts {
			code := event.NameOf([]byte(t))
			if code == event.Custom {
				return n
			}
			n.names[code] = true
		}
		n.op = opNames
	}
	return n
}

func hashOf(text string) (event.Hash, bool) {
	raw, err := hex.DecodeString(text)
	if err != nil || len(raw) != 16 {
		return event.Hash{}, false
	}
	var h event.Hash
	for i := range 8 {
		h.Hi, h.Lo = h.Hi<<8|uint64(raw[i]), h.Lo<<8|uint64(raw[8+i])
	}
	return h, true
}

// membership compiles `x in [a, b]`; false when the list is not constant.
func (c *compiler) membership(r ref, list *ast.ArrayNode) (node, bool) {
	out := node{ref: r}
	var texts []string
	orNil := false
	for _, item := range list.Nodes {
		k := constantOf(item, c.source)
		switch k.kind {
		case notConst:
			return node{}, false
		case nilConst:
			orNil = true
			continue
		}
		switch {
		case r.class == intClass:
			b, ok := c.bound(r, k)
			if !ok {
				return c.mismatch(item, r, k), true
			}
			if b.exact {
				out.ints = append(out.ints, b.floor)
			}
		case r.class == floatClass && k.kind == numberConst:
			v, _ := k.number.Float64()
			out.reals = append(out.reals, v)
		case (r.isText() || r.class == profClass) && k.kind == textConst:
			if k.text == "" {
				c.blank(item, r)
			}
			texts = append(texts, k.text)
		case r.class == flagClass || r.class == botClass:
			return node{}, false
		default:
			return c.mismatch(item, r, k), true
		}
	}
	c.use(&r)
	switch {
	case r.class == intClass:
		slices.Sort(out.ints)
		out.op = opIntSet
	case r.class == floatClass:
		out.op = opFloatSet
	case r.class == hashClass || len(texts) == 0 && len(list.Nodes) > 0:
		out.op = opNone
	default:
		out = textSet(r, texts, false)
	}
	if !orNil {
		return out, true
	}
	absent := node{op: opAbsent, ref: r}
	return node{op: opOr, kids: []node{absent, out}}, true
}
