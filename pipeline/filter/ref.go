package filter

import (
	"slices"

	"github.com/expr-lang/expr/ast"

	"touchstream/pipeline/event"
)

// class is how a referred value is stored and compared.
type class uint8

const (
	textClass   class = iota
	intClass          // integers, money and times, by scale
	floatClass        //
	flagClass         //
	hashClass         // an identifier of which only the hash is kept
	nameClass         // the event's name
	attrClass         // an attribute
	profClass         // profile_id
	sourceClass       // source
	botClass          // is_bot
)

// ref is what an expression names.
type ref struct {
	name  string
	class class
	col   event.Column
	ident event.Ident
	scale int64
	attr  string
}

// what names the type in a fault.
func (r *ref) what() string {
	switch r.class {
	case intClass:
		switch r.col.Kind() {
		case event.Time:
			return "a time"
		case event.Money:
			return "an amount"
		}
		return "a number"
	case floatClass:
		return "a number"
	case flagClass, botClass:
		return "a flag"
	case hashClass:
		return "kept as a hash only"
	}
	return "a text"
}

const (
	profileName    = "profile_id"
	sourceName     = "source"
	botName        = "is_bot"
	attributesName = "attributes"
)

// refOf resolves a name.
func refOf(name string) (ref, bool) {
	switch name {
	case profileName:
		return ref{name: name, class: profClass}, true
	case sourceName:
		return ref{name: name, class: sourceClass}, true
	case botName:
		return ref{name: name, class: botClass}, true
	}
	c, ok := event.ColumnByName(name)
	if !ok {
		return ref{}, false
	}
	r := ref{name: name, col: c, scale: 1}
	switch c.Kind() {
	case event.Text:
		r.class = textClass
		if c == event.Event {
			r.class = nameClass
		}
		for k := range event.Ident(event.NumIdents) {
			if k.Column() == c && !k.IsAddressable() {
				r.class, r.ident = hashClass, k
			}
		}
	case event.Money:
		r.class, r.scale = intClass, 10_000
	case event.Float:
		r.class = floatClass
	case event.Flag:
		r.class = flagClass
	default:
		r.class = intClass
	}
	return r, true
}

// Names are all names that an expression over events can use.
func Names() []string {
	names := []string{profileName, sourceName, botName, attributesName}
	for c := range event.NumColumns {
		names = append(names, event.Column(c).String())
	}
	return names
}

// refAt reads a node that is a name or attributes["x"].
func refAt(n ast.Node) (ref, bool) {
	switch n := n.(type) {
	case *ast.IdentifierNode:
		return refOf(n.Value)
	case *ast.ChainNode:
		return refAt(n.Node)
	case *ast.MemberNode:
		root, isName := n.Node.(*ast.IdentifierNode)
		key, isText := n.Property.(*ast.StringNode)
		if isName && isText && root.Value == attributesName {
			return ref{name: attributesName + `["` + key.Value + `"]`, class: attrClass, attr: key.Value}, true
		}
	}
	return ref{}, false
}

// addWant adds what must be decoded for the reference.
func (r *ref) addWant(w *event.Want) {
	switch r.class {
	case attrClass:
		if !slices.Contains(w.Attrs, r.attr) {
			w.Attrs = append(w.Attrs, r.attr)
		}
	case profClass, sourceClass:
	case botClass:
		w.Columns.Add(event.UserAgent)
	default:
		WantColumn(w, r.col)
	}
}

// WantColumn adds a column and what it is computed from: an amount that an
// event does not carry is price × quantity, or the sum of its items.
func WantColumn(w *event.Want, c event.Column) {
	w.Columns.Add(c)
	if c == event.Amount {
		w.Columns.Add(event.Price)
		w.Columns.Add(event.Quantity)
		w.Items = true
	}
	if c.IsItem() {
		w.Items = true
	}
}

// isItem reports whether an item has the column, too.
func (r *ref) isItem() bool {
	return r.class <= flagClass && slices.Contains(event.ItemColumns[:], r.col)
}
