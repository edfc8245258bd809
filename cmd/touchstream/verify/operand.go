package verify

import (
	"fmt"
	"slices"
	"strings"

	"touchstream/pipeline/event"
)

// operand is a field of an event as a statement reads it.
type operand struct {
	name   string     // column of a table with it as key
	sql    string     // absent texts are empty, all else NULL
	kind   event.Kind // of its values
	item   bool       // naming it makes a window run over items
	column string     // of events that it needs, "" if that is there anyway
}

// operandOf reads a field's name or attributes["name"], over an event or over
// its items: there `item` is the item's place, 0 if the event has none.
func operandOf(text string, overItems bool) (operand, error) {
	for _, quoted := range []string{`attributes["`, "attributes['"} {
		if rest, ok := strings.CutPrefix(text, quoted); ok && len(rest) > 2 {
			return attribute(rest[:len(rest)-2]), nil
		}
	}
	if rest, ok := strings.CutPrefix(text, "attributes."); ok {
		return attribute(rest), nil
	}
	switch text {
	case "profile_id":
		return operand{name: text, sql: "if(former_id = '', profile_id, former_id)", kind: event.Text}, nil
	case "source":
		return operand{name: text, sql: "source", kind: event.Text}, nil
	case "is_bot":
		return operand{name: text, sql: "is_bot_agent", kind: event.Flag}, nil
	case "event":
		return operand{name: text, sql: "event", kind: event.Text}, nil
	case "message_id":
		// A place in the log is no message id that the event carried.
		return operand{name: text, sql: "if(startsWith(message_order, '\\0'), '', message_order)", kind: event.Text}, nil
	case "event_time":
		return operand{name: text, sql: "fromUnixTimestamp64Milli(at, 'UTC')", kind: event.Time}, nil
	}
	c, ok := event.ColumnByName(text)
	if !ok {
		return operand{}, fmt.Errorf("%s is no field of an event", text)
	}
	o := operand{name: text, sql: text, kind: c.Kind(), item: c.IsItem(), column: text}
	switch c {
	case event.Topic:
		o.sql = "case_topic"
	case event.Email, event.Phone, event.PaymentToken:
		o.name, o.sql = text+"_hash", text+"_hash"
	}
	o.column = o.sql
	o.sql = field(o.sql)
	if overItems && slices.Contains(event.ItemColumns[:], c) {
		of := "`items." + text + "`[item]"
		if c == event.Coupon {
			of = "if(" + of + " = '', coupon, " + of + ")"
		}
		o.sql = "if(item = 0, " + o.sql + ", " + of + ")"
	}
	return o, nil
}

func attribute(name string) operand {
	column := strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9' || r == '_':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '_'
	}, name)
	return operand{name: column, sql: "attributes[" + quote(name) + "]", kind: event.Text, column: "attributes"}
}

// present is the condition that the value is there.
func (o *operand) present() string {
	if o.kind == event.Text {
		return o.sql + " != ''"
	}
	return o.sql + " IS NOT NULL"
}
