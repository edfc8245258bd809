package text

import (
	"unicode/utf8"

	"touchstream/pipeline/schema"
)

// CSV writes the rows of a table as comma-separated values.
type CSV struct {
	table *schema.Table
	cell  []byte // of the list or text being quoted
}

// NewCSV makes a writer for the table.
func NewCSV(t *schema.Table) *CSV { return &CSV{table: t} }

// Head writes the names of the columns.
func (w *CSV) Head(dst []byte) []byte {
	for i, c := range w.table.Columns {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCell(dst, []byte(c.Name))
	}
	return append(dst, '\n')
}

// Append writes all rows.
func (w *CSV) Append(dst []byte, r *schema.Rows) []byte {
	for i := range r.N {
		for c := range w.table.Columns {
			if c > 0 {
				dst = append(dst, ',')
			}
			dst = w.value(dst, r, c, i)
		}
		// A line that is empty is no row for many readers.
		if len(w.table.Columns) == 1 && (len(dst) == 0 || dst[len(dst)-1] == '\n') {
			dst = append(dst, '"', '"')
		}
		dst = append(dst, '\n')
	}
	return dst
}

func (w *CSV) value(dst []byte, r *schema.Rows, column, i int) []byte {
	t, c := w.table.Columns[column].Type, &r.Cols[column]
	switch t {
	case schema.Texts, schema.Moneys, schema.Map:
		w.cell = appendList(w.cell[:0], t, r, c, i)
		return appendCell(dst, w.cell)
	}
	if w.table.Columns[column].Nullable && !hasValue(t, c, i) {
		return dst
	}
	switch {
	case isNumber(t) || t == schema.Time:
		return appendNumber(dst, t, c, i)
	case t == schema.UUID:
		return appendUUID(dst, r.Bytes(c.Str[i]))
	}
	return appendCell(dst, w.valid(r.Bytes(c.Str[i])))
}

// valid gives the text with U+FFFD in place of bytes that are not UTF-8.
func (w *CSV) valid(s []byte) []byte {
	if utf8.Valid(s) {
		return s
	}
	w.cell = w.cell[:0]
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		w.cell = utf8.AppendRune(w.cell, r)
		s = s[size:]
	}
	return w.cell
}

// appendCell writes a text, in quotes where it needs them.
func appendCell(dst, s []byte) []byte {
	if !needsQuotes(s) {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	for _, b := range s {
		if b == '"' {
			dst = append(dst, '"')
		}
		dst = append(dst, b)
	}
	return append(dst, '"')
}

func needsQuotes(s []byte) bool {
	for _, b := range s {
		if b == ',' || b == '"' || b == '\n' || b == '\r' {
			return true
		}
	}
	return len(s) > 0 && (s[0] == ' ' || s[len(s)-1] == ' ')
}
