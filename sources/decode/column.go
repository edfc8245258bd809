package decode

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// KindWords says what a column of the kind wants, for faults.
func KindWords(k event.Kind) string {
	return [...]string{
		event.Text: "a text", event.Time: "a time", event.Number: "a whole number",
		event.Money: "a number", event.Float: "a number", event.Flag: "true or false",
	}[k]
}

// IsAbsent reports whether a JSON value counts as absent: it is not there,
// null, or a text of blanks alone.
func IsAbsent(b *event.Batch, v Value) bool {
	switch v.Kind {
	case Missing, Null:
		return true
	case String:
		return IsBlank(b.Arena[v.Off : v.Off+v.Len])
	}
	return false
}

// Set reads a JSON value into the row's column; an absent one leaves it as it
// is. Texts take numbers and flags as they are written, the other kinds take
// texts; times are in RFC 3339. It is false if the value cannot be read.
func Set(b *event.Batch, c event.Column, row int, v Value) bool {
	if IsAbsent(b, v) {
		return true
	}
	if v.Kind >= Object {
		return false
	}
	if c.Kind() == event.Text {
		b.Str[c][row] = Text(b, v)
		return true
	}
	var ok bool
	if v.Kind == Number && c.Kind() == event.Money {
		b.Int[c][row], ok = Amount(b.Arena, event.Str{Off: v.Off, Len: v.Len})
		return ok
	}
	text := TrimBlanks(b.Bytes(Text(b, v)))
	switch c.Kind() {
	case event.Time:
		b.Int[c][row], ok = RFC3339(text)
	case event.Number:
		b.Int[c][row], ok = Int(text, '.')
	case event.Money:
		b.Int[c][row], ok = money.Parse(text, '.')
	case event.Flag:
		b.Int[c][row], ok = Flag(text)
	case event.Float:
		b.Float[c][row], ok = Float(text)
	}
	return ok
}

// SetItem is Set for a column of an item.
func SetItem(b *event.Batch, c event.Column, item int, v Value) bool {
	if IsAbsent(b, v) {
		return true
	}
	if v.Kind >= Object {
		return false
	}
	if c.Kind() == event.Text {
		b.Item.Str[c][item] = Text(b, v)
		return true
	}
	var amount int64
	var ok bool
	if v.Kind == Number {
		amount, ok = Amount(b.Arena, event.Str{Off: v.Off, Len: v.Len})
	} else {
		amount, ok = money.Parse(TrimBlanks(b.Bytes(Text(b, v))), '.')
	}
	if ok {
		b.Item.Int[c][item] = amount
	}
	return ok
}
