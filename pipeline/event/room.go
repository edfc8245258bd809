package event

import (
	"math"
	"slices"
)

// room is the memory that a batch has for rows. Rows that were in use before a
// Reset are not made absent by it, but a few at a time as they are needed again:
// whoever fills them next finds them in the processor's cache.
type room struct {
	rows  int // that slices are long
	ready int // those from N up to here are absent
	// Of each column, and of what all rows have, rows from there on are absent,
	// too: they were not in use since they were made.
	usedColumn [NumColumns]int
	usedIdent  [NumIdents]int
	used       int
}

// readyRows are made absent at a time when rows are added one by one.
const readyRows = 64

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	m := &b.room
	for c := range m.usedColumn {
		m.usedColumn[c] = m.usedBy(m.usedColumn[c], b.N, b.Empty.Has(Column(c)))
		b.Item.Str[c] = b.Item.Str[c][:0]
		b.Item.Int[c] = b.Item.Int[c][:0]
	}
	for k := range m.usedIdent {
		m.usedIdent[k] = m.usedBy(m.usedIdent[k], b.N, b.NoIdent[k])
	}
	m.used, m.ready = m.usedBy(m.used, b.N, false), 0
	b.N, b.Item.N, b.Empty, b.NoIdent = 0, 0, Set{}, [NumIdents]bool{}
	b.Arena, b.AttrKey, b.AttrVal = b.Arena[:0], b.AttrKey[:0], b.AttrVal[:0]
	b.Faults, b.Skipped = b.Faults[:0], 0
}

// usedBy is how many rows of a column may be other than absent once n more are
// given up, which have no value in it when it is empty.
func (m *room) usedBy(used, n int, isEmpty bool) int {
	if used <= m.ready {
		used = 0 // All of them were made absent since.
	}
	if isEmpty {
		return used
	}
	return max(used, n)
}

// Clear empties a batch whose rows CopyRows alone fills, and keeps its memory.
// Other than Reset it leaves rows as they are instead of making them absent:
// CopyRows sets all of a row.
func (b *Batch) Clear() {
	for _, c := range ItemColumns {
		b.Item.Str[c] = b.Item.Str[c][:0]
		b.Item.Int[c] = b.Item.Int[c][:0]
	}
	b.N, b.Item.N = 0, 0
	b.Arena, b.AttrKey, b.AttrVal = b.Arena[:0], b.AttrKey[:0], b.AttrVal[:0]
	b.Faults, b.Skipped = b.Faults[:0], 0
}

// Reserve makes room for n more rows, which need not be absent yet.
func (b *Batch) Reserve(n int) {
	if m := &b.room; b.N+n > m.rows {
		b.extend(max(b.N+n, 2*m.rows, 64))
	}
}

// Grow makes room for n more rows and makes them absent.
func (b *Batch) Grow(n int) {
	b.Reserve(n)
	m := &b.room
	if b.N+n > m.ready {
		to := min(max(b.N+n, m.ready+readyRows), m.rows)
		b.makeAbsent(m.ready, to)
		m.ready = to
	}
}

// makeAbsent makes rows absent that may have been in use.
func (b *Batch) makeAbsent(from, to int) {
	m := &b.room
	for c, used := range m.usedColumn {
		end := min(to, used)
		if from >= end {
			continue
		}
		switch {
		case b.Str[c] != nil:
			clear(b.Str[c][from:end])
		case b.Int[c] != nil:
			fillAbsent(b.Int[c][from:end])
		case b.Float[c] != nil:
			fillNaN(b.Float[c][from:end])
		}
	}
	for k, used := range m.usedIdent {
		if end := min(to, used); from < end && b.Ident[k] != nil {
			clear(b.Ident[k][from:end])
		}
	}
	if end := min(to, m.used); from < end {
		clear(b.Name[from:end])
		clear(b.Head[from:end])
		clear(b.Profile[from:end])
		clear(b.AttrFirst[from:end])
		clear(b.AttrCount[from:end])
	}
}

func fillAbsent(s []int64) {
	for i := range s {
		s[i] = Absent
	}
}

func fillNaN(s []float64) {
	for i := range s {
		s[i] = math.NaN()
	}
}

// extend makes slices as long as size.
func (b *Batch) extend(size int) {
	for c := range NumColumns {
		if !b.Want.Columns.Has(Column(c)) {
			continue
		}
		switch columns[c].kind {
		case Text:
			b.Str[c] = extend(b.Str[c], size)
		case Float:
			old := len(b.Float[c])
			b.Float[c] = extend(b.Float[c], size)
			fillNaN(b.Float[c][old:])
		default:
			old := len(b.Int[c])
			b.Int[c] = extend(b.Int[c], size)
			fillAbsent(b.Int[c][old:])
		}
	}
	for k, c := range IdentColumns {
		if b.Want.Columns.Has(c) {
			b.Ident[k] = extend(b.Ident[k], size)
		}
	}
	b.Name, b.Head = extend(b.Name, size), extend(b.Head, size)
	b.Origin, b.Offset = extend(b.Origin, size), extend(b.Offset, size)
	b.Element, b.Record = extend(b.Element, size), extend(b.Record, size)
	b.Own, b.Mark, b.Limit = extend(b.Own, size), extend(b.Mark, size), extend(b.Limit, size)
	b.Message, b.Profile = extend(b.Message, size), extend(b.Profile, size)
	b.AttrFirst, b.AttrCount = extend(b.AttrFirst, size), extend(b.AttrCount, size)
	b.room.rows = size
}

func extend[T any](s []T, size int) []T {
	out := make([]T, size)
	copy(out, s)
	return out
}

// Add appends an absent row and returns its index.
func (b *Batch) Add() int {
	if b.N == b.room.ready {
		b.Grow(1)
	}
	b.N++
	return b.N - 1
}

// NoteEmpty looks which columns are absent in all rows.
func (b *Batch) NoteEmpty() {
	for c := range Column(NumColumns) {
		if b.Str[c] != nil && !hasText(b.Str[c][:b.N]) || b.Int[c] != nil && !hasNumber(b.Int[c][:b.N]) {
			b.Empty.Add(c)
		}
	}
}

// hasText reports whether a text is there. Most columns of most batches have
// none, so several are looked at together.
func hasText(texts []Str) bool {
	for ; len(texts) >= 8; texts = texts[8:] {
		t := (*[8]Str)(texts)
		if t[0].Len|t[1].Len|t[2].Len|t[3].Len|t[4].Len|t[5].Len|t[6].Len|t[7].Len != 0 {
			return true
		}
	}
	return slices.ContainsFunc(texts, func(s Str) bool { return s.Len > 0 })
}

// hasNumber reports whether a number is there.
func hasNumber(numbers []int64) bool {
	for ; len(numbers) >= 8; numbers = numbers[8:] {
		n := (*[8]int64)(numbers)
		if (n[0]^Absent)|(n[1]^Absent)|(n[2]^Absent)|(n[3]^Absent)|(n[4]^Absent)|(n[5]^Absent)|(n[6]^Absent)|(n[7]^Absent) != 0 {
			return true
		}
	}
	return slices.ContainsFunc(numbers, func(v int64) bool { return v != Absent })
}
