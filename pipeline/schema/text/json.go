package text

import (
	"encoding/json"
	"unicode/utf8"

	"touchstream/pipeline/money"
	"touchstream/pipeline/schema"
)

// JSON writes the rows of a table as one JSON object a line.
type JSON struct {
	table  *schema.Table
	keys   [][]byte // what stands before each value, such as ,"channel":
	nested int      // column whose texts are JSON objects, -1 for none
}

// NewJSON makes a writer for the table. With named the first key of each line
// is "table".
func NewJSON(t *schema.Table, named bool) *JSON {
	w := &JSON{table: t, nested: -1}
	before := []byte{'{'}
	if named {
		before = append(appendQuoted(append(before, `"table":`...), []byte(t.Name)), ',')
	}
	for _, c := range t.Columns {
		w.keys = append(w.keys, append(appendQuoted(before, []byte(c.Name)), ':'))
		before = []byte{','}
	}
	return w
}

// Nest makes the texts of a column, which are JSON objects, stand as objects.
// An absent one is {}; one that is no JSON stays a text.
func (w *JSON) Nest(column string) *JSON {
	w.nested = w.table.Column(column)
	return w
}

// Head writes nothing: jsonl has no header.
func (w *JSON) Head(dst []byte) []byte { return dst }

// Append writes all rows.
func (w *JSON) Append(dst []byte, r *schema.Rows) []byte {
	for i := range r.N {
		dst = append(w.AppendRow(dst, r, i), '\n')
	}
	return dst
}

// AppendRow writes one row, without a line end.
func (w *JSON) AppendRow(dst []byte, r *schema.Rows, i int) []byte {
	for c := range w.keys {
		dst = append(dst, w.keys[c]...)
		if c == w.nested {
			dst = appendObject(dst, r.Bytes(r.Cols[c].Str[i]))
			continue
		}
		dst = w.value(dst, r, c, i)
	}
	return append(dst, '}')
}

func appendObject(dst, text []byte) []byte {
	switch {
	case len(text) == 0:
		return append(dst, "{}"...)
	case json.Valid(text):
		return append(dst, text...)
	}
	return appendQuoted(dst, text)
}

func (w *JSON) value(dst []byte, r *schema.Rows, column, i int) []byte {
	t, c := w.table.Columns[column].Type, &r.Cols[column]
	switch t {
	case schema.Texts, schema.Moneys, schema.Map:
		return appendList(dst, t, r, c, i)
	}
	if w.table.Columns[column].Nullable && !hasValue(t, c, i) {
		return append(dst, "null"...)
	}
	switch {
	case isNumber(t):
		return appendNumber(dst, t, c, i)
	case t == schema.Time:
		return append(appendNumber(append(dst, '"'), t, c, i), '"')
	case t == schema.UUID:
		return append(appendUUID(append(dst, '"'), r.Bytes(c.Str[i])), '"')
	}
	return appendQuoted(dst, r.Bytes(c.Str[i]))
}

// appendList writes a list or a map of row i as JSON.
func appendList(dst []byte, t schema.Type, r *schema.Rows, c *schema.Data, i int) []byte {
	from, to := c.Range(i)
	first, last := byte('['), byte(']')
	if t == schema.Map {
		first, last = '{', '}'
	}
	dst = append(dst, first)
	for k := from; k < to; k++ {
		switch {
		case t == schema.Map && (k-from)%2 == 1:
			dst = append(dst, ':')
		case k > from:
			dst = append(dst, ',')
		}
		switch {
		case t != schema.Moneys:
			dst = appendQuoted(dst, r.Bytes(c.Str[k]))
		case c.I64[k] == schema.Absent:
			dst = append(dst, "null"...)
		default:
			dst = money.Append(dst, c.I64[k])
		}
	}
	return append(dst, last)
}

// appendQuoted writes a JSON string.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		b := s[i]
		if b >= ' ' && b < utf8.RuneSelf && b != '"' && b != '\\' {
			i++
			continue
		}
		if b >= utf8.RuneSelf {
			if _, size := utf8.DecodeRune(s[i:]); size > 1 {
				i += size
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = utf8.AppendRune(dst, utf8.RuneError)
		} else {
			dst = append(dst, s[start:i]...)
			dst = appendEscape(dst, b)
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}

func appendEscape(dst []byte, b byte) []byte {
	switch b {
	case '"', '\\':
		return append(dst, '\\', b)
	case '\n':
		return append(dst, '\\', 'n')
	case '\r':
		return append(dst, '\\', 'r')
	case '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hexDigits[b>>4], hexDigits[b&15])
}
