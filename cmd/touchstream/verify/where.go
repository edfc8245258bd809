package verify

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"

	"touchstream/pipeline/event"
)

// condition turns a window's where into SQL. An absent value compares false
// with everything; `not` inverts the outcome. What the expression library
// alone can do is an error.
type condition struct {
	overItems bool
	items     bool     // an operand makes the window run over items
	columns   []string // that it needs
}

// errSlow is a part of a condition that has no counterpart in SQL here.
type errSlow struct{ part string }

func (e errSlow) Error() string { return "where: " + e.part + " has no translation to SQL" }

func (c *condition) sql(text string) (string, error) {
	if text == "" {
		return "true", nil
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return "", err
	}
	return c.node(tree.Node)
}

var comparisons = []string{"==", "!=", "<", "<=", ">", ">="}

func (c *condition) node(n ast.Node) (string, error) {
	switch n := n.(type) {
	case *ast.BoolNode:
		return strconv.FormatBool(n.Value), nil
	case *ast.UnaryNode:
		if n.Operator != "not" && n.Operator != "!" {
			break
		}
		inner, err := c.node(n.Node)
		return "NOT (" + inner + ")", err
	case *ast.BinaryNode:
		switch n.Operator {
		case "and", "&&":
			return c.both(n, " AND ")
		case "or", "||":
			return c.both(n, " OR ")
		}
		return c.leaf(n)
	case *ast.IdentifierNode, *ast.MemberNode:
		if o, err := c.operand(n); err == nil && o.kind == event.Flag {
			return "ifNull(" + o.sql + ", false)", nil
		}
	}
	return "", errSlow{n.String()}
}

func (c *condition) both(n *ast.BinaryNode, with string) (string, error) {
	left, err := c.node(n.Left)
	if err != nil {
		return "", err
	}
	right, err := c.node(n.Right)
	return "(" + left + with + right + ")", err
}

func (c *condition) operand(n ast.Node) (operand, error) {
	text := ""
	switch n := n.(type) {
	case *ast.IdentifierNode:
		text = n.Value
	case *ast.MemberNode:
		base, ok := n.Node.(*ast.IdentifierNode)
		name, isText := n.Property.(*ast.StringNode)
		if !ok || !isText || base.Value != "attributes" {
			return operand{}, errSlow{n.String()}
		}
		text = `attributes["` + name.Value + `"]`
	default:
		return operand{}, errSlow{n.String()}
	}
	o, err := operandOf(text, c.overItems)
	if err != nil {
		return o, err
	}
	c.items = c.items || o.item
	c.columns = append(c.columns, o.column)
	return o, nil
}

// leaf compares a field with constants.
func (c *condition) leaf(n *ast.BinaryNode) (string, error) {
	left, right, operator := n.Left, n.Right, n.Operator
	o, err := c.operand(left)
	if err != nil && slices.Contains(comparisons, operator) {
		turned := map[string]string{"<": ">", "<=": ">=", ">": "<", ">=": "<="}
		if t, ok := turned[operator]; ok {
			operator = t
		}
		left, right = right, left
		o, err = c.operand(left)
	}
	if err != nil {
		return "", err
	}
	switch operator {
	case "contains", "startsWith", "endsWith":
		s, ok := right.(*ast.StringNode)
		if !ok || o.kind != event.Text {
			break
		}
		if operator == "contains" {
			return "(" + o.sql + " != '' AND position(" + o.sql + ", " + quote(s.Value) + ") > 0)", nil
		}
		return "(" + o.sql + " != '' AND " + operator + "(" + o.sql + ", " + quote(s.Value) + "))", nil
	case "in":
		list, ok := right.(*ast.ArrayNode)
		if !ok {
			break
		}
		any := []string{"false"}
		for _, v := range list.Nodes {
			one, err := compare(&o, "==", v)
			if err != nil {
				return "", err
			}
			any = append(any, one)
		}
		return "(" + strings.Join(any, " OR ") + ")", nil
	}
	if slices.Contains(comparisons, operator) {
		return compare(&o, operator, right)
	}
	return "", errSlow{n.String()}
}

func compare(o *operand, operator string, constant ast.Node) (string, error) {
	sign := 1
	if u, ok := constant.(*ast.UnaryNode); ok && (u.Operator == "-" || u.Operator == "+") {
		if u.Operator == "-" {
			sign = -1
		}
		constant = u.Node
	}
	value := ""
	switch k := constant.(type) {
	case *ast.NilNode:
		if operator == "!=" {
			return "(" + o.present() + ")", nil
		}
		return "NOT (" + o.present() + ")", nil
	case *ast.StringNode:
		switch o.kind {
		case event.Text:
			value = quote(k.Value)
		case event.Time:
			at, err := time.Parse(time.RFC3339Nano, k.Value)
			if err != nil {
				if at, err = time.Parse(time.DateOnly, k.Value); err != nil {
					return "", errSlow{k.String()}
				}
			}
			value = fmt.Sprintf("fromUnixTimestamp64Milli(%d, 'UTC')", at.UnixMilli())
		}
	case *ast.IntegerNode:
		value = strconv.Itoa(sign * k.Value)
	case *ast.FloatNode:
		value = strconv.FormatFloat(float64(sign)*k.Value, 'f', -1, 64)
		if o.kind == event.Money {
			value = "toDecimal128('" + new(big.Rat).SetFloat64(float64(sign)*k.Value).FloatString(10) + "', 10)"
		}
	case *ast.BoolNode:
		value = strconv.FormatBool(k.Value)
	}
	if value == "" {
		return "", errSlow{constant.String()}
	}
	if operator == "==" {
		operator = "="
	}
	if o.kind == event.Text {
		return "(" + o.sql + " != '' AND " + o.sql + " " + operator + " " + value + ")", nil
	}
	return "ifNull(" + o.sql + " " + operator + " " + value + ", false)", nil
}
