package window

import (
	"slices"
	"strings"

	"touchstream/pipeline/event"
	"touchstream/pipeline/filter"
	"touchstream/pipeline/schema"
)

// source says where an operand's value stands.
type source uint8

const (
	fromColumn source = iota
	fromAttribute
	fromProfile
	fromIdent // an identifier of which only the hash is kept
	fromBot
	fromSource
)

// operand is what a key or an aggregate names.
type operand struct {
	name   string // as it is written
	source source
	column event.Column
	attr   string
	ident  event.Ident
	kind   event.Kind
}

// parseOperand reads a field's name or attributes["name"].
func parseOperand(text string) (operand, bool) {
	o := operand{name: text, kind: event.Text}
	if rest, ok := strings.CutPrefix(text, "attributes["); ok {
		rest = strings.TrimSuffix(rest, "]")
		if n := len(rest); n > 2 && (rest[0] == '"' || rest[0] == '\'') && rest[n-1] == rest[0] {
			o.source, o.attr = fromAttribute, rest[1:n-1]
			return o, true
		}
		return o, false
	}
	if rest, ok := strings.CutPrefix(text, "attributes."); ok {
		o.source, o.attr = fromAttribute, rest
		return o, rest != ""
	}
	switch text {
	case "profile_id":
		o.source = fromProfile
		return o, true
	case "source":
		o.source = fromSource
		return o, true
	case "is_bot":
		o.source, o.kind = fromBot, event.Flag
		return o, true
	}
	c, ok := event.ColumnByName(text)
	if !ok {
		return o, false
	}
	o.column, o.kind = c, c.Kind()
	if k := slices.Index(event.IdentColumns[:], c); k >= 0 && !event.Ident(k).IsAddressable() {
		o.source, o.ident = fromIdent, event.Ident(k)
	}
	return o, true
}

// isItem reports whether naming it makes the window run over items.
func (o *operand) isItem() bool { return o.source == fromColumn && o.column.IsItem() }

// inItems reports whether items have the column.
func (o *operand) inItems() bool {
	return o.source == fromColumn && slices.Contains(event.ItemColumns[:], o.column)
}

func (o *operand) addWant(w *event.Want) {
	switch o.source {
	case fromAttribute:
		w.Attrs = append(w.Attrs, o.attr)
	case fromBot:
		w.Columns.Add(event.UserAgent)
	case fromProfile, fromSource:
	default:
		filter.WantColumn(w, o.column)
	}
}

// columnName is the operand's name as a column of the table.
func (o *operand) columnName() string {
	switch o.source {
	case fromIdent:
		return o.name + "_hash"
	case fromAttribute:
		return strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_' {
				return r
			}
			if 'A' <= r && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return '_'
		}, o.attr)
	}
	return o.name
}

// what names the operand's type in a fault.
func (o *operand) what() string {
	return [...]string{event.Text: "a text", event.Time: "a time", event.Number: "a number", event.Money: "an amount",
		event.Float: "a number", event.Flag: "a flag"}[o.kind]
}

// columnType is the type of a column that holds the operand's values.
func (o *operand) columnType() schema.Type {
	switch o.kind {
	case event.Time:
		return schema.Time
	case event.Number:
		return schema.Int
	case event.Money:
		return schema.Money
	case event.Float:
		return schema.Float
	case event.Flag:
		return schema.Flag
	}
	switch o.source {
	case fromSource:
		return schema.LowText
	case fromColumn:
		switch o.column {
		case event.Event, event.Channel, event.DeviceType, event.Country, event.Currency, event.Fulfilment, event.Locale:
			return schema.LowText
		}
	}
	return schema.Text
}

// text is a text operand's value of a unit; nil when absent. The profile's and
// the hashes' digits are appended to buf.
func (o *operand) text(b *event.Batch, row, item uint32, buf []byte) []byte {
	switch o.source {
	case fromAttribute:
		return b.Attr(o.attr, int(row))
	case fromProfile:
		return b.Profile[row].AppendHex(buf)
	case fromSource:
		return append(buf, b.Source...)
	case fromIdent:
		if b.Ident[o.ident] == nil {
			return buf
		}
		return b.Ident[o.ident][row].AppendHex(buf)
	}
	if item != noItem && o.inItems() {
		if v := b.ItemText(o.column, int(item)); len(v) > 0 || o.column != event.Coupon {
			return v
		}
	}
	return b.Text(o.column, int(row))
}

// integer is the value of a time, number, amount or flag.
func (o *operand) integer(b *event.Batch, row, item uint32) int64 {
	switch {
	case o.source == fromBot:
		return int64(b.Head[row].Flags & event.IsBot)
	case item != noItem && o.inItems():
		return b.ItemNum(o.column, int(item))
	}
	return b.Num(o.column, int(row))
}
