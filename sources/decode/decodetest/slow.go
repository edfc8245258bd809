package decodetest

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
	"touchstream/sources/decode"
)

// Essence is Rows without the sentences of faults and with the attributes of a
// row in the order of their text, for comparing with a slow decoder.
func Essence(b *event.Batch) string {
	lines := strings.Split(strings.TrimSuffix(Rows(b), "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		if strings.HasPrefix(lines[i], "fault ") {
			lines[i], _, _ = strings.Cut(lines[i], ":")
		}
		end := i
		for end < len(lines) && strings.HasPrefix(lines[end], "    [") {
			end++
		}
		slices.Sort(lines[i:end])
		i = max(i, end-1)
	}
	return strings.Join(lines, "\n")
}

// Depth is how many brackets of a JSON text are open at most.
func Depth(data []byte) int {
	open, most, quoted := 0, 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open++
			most = max(most, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return most
}

// Strip takes byte order mark and line break off a record; ok is false if only
// blanks are left.
func Strip(record []byte) (text []byte, ok bool) {
	text = bytes.TrimPrefix(record, []byte("\xef\xbb\xbf"))
	text = bytes.TrimSuffix(text, []byte("\n"))
	text = bytes.TrimSuffix(text, []byte("\r"))
	return text, len(bytes.Trim(text, " \t\r\n")) > 0
}

// Text is the text of a JSON scalar, with kind s, n, b (string, number, flag),
// o for objects and arrays and 0 for null, nothing and blanks.
func Text(raw json.RawMessage) (text string, kind byte) {
	raw = bytes.Trim(raw, " \t\r\n")
	switch {
	case len(raw) == 0 || raw[0] == 'n':
		return "", 0
	case raw[0] == '"':
		if json.Unmarshal(raw, &text) != nil || strings.Trim(text, " \t\r\n") == "" {
			return "", 0
		}
		return text, 's'
	case raw[0] == 't' || raw[0] == 'f':
		return string(raw), 'b'
	case raw[0] == '{' || raw[0] == '[':
		return string([]rune(string(raw))), 'o'
	}
	return string(raw), 'n'
}

// Members are an object's members; nil if the text is no object.
func Members(raw json.RawMessage) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if t := bytes.TrimLeft(raw, " \t\r\n"); len(t) == 0 || t[0] != '{' || json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// Elements are an array's elements.
func Elements(raw json.RawMessage) []json.RawMessage {
	var a []json.RawMessage
	if json.Unmarshal(raw, &a) != nil {
		return nil
	}
	return a
}

// Find follows a path such as a.b.c; nil if it leads nowhere.
func Find(raw json.RawMessage, path string) json.RawMessage {
	for _, key := range strings.Split(path, ".") {
		raw = Members(raw)[key]
	}
	return raw
}

// Put writes a text into the column of a row as its kind;
// false if it cannot be read.
func Put(b *event.Batch, c event.Column, row int, text string, parseTime func([]byte) (int64, bool)) bool {
	trimmed := []byte(strings.Trim(text, " \t\r\n"))
	ok := true
	switch c.Kind() {
	case event.Text:
		b.Str[c][row] = b.Put([]byte(text))
	case event.Time:
		b.Int[c][row], ok = parseTime(trimmed)
	case event.Number:
		b.Int[c][row], ok = decode.Int(trimmed, '.')
	case event.Money:
		b.Int[c][row], ok = money.Parse(trimmed, '.')
	case event.Flag:
		b.Int[c][row], ok = decode.Flag(trimmed)
	case event.Float:
		b.Float[c][row], ok = decode.Float(trimmed)
	}
	return ok
}

// PutItem is Put for a column of an item.
func PutItem(b *event.Batch, c event.Column, item int, text string) bool {
	if c.Kind() == event.Text {
		b.Item.Str[c][item] = b.Put([]byte(text))
		return true
	}
	v, ok := money.Parse([]byte(strings.Trim(text, " \t\r\n")), '.')
	b.Item.Int[c][item] = v
	return ok
}
