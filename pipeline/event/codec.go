package event

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"touchstream/pipeline/codec"
)

// AppendRows appends the given rows in the given order: all columns that the
// batch wants, items, attributes, and what else a row has, with only the texts
// that they use. The batch's faults are no part of it.
func (b *Batch) AppendRows(dst []byte, rows []uint32) []byte {
	dst = b.Want.appendNames(dst)
	dst = codec.AppendText(dst, b.Source)
	dst = codec.AppendUint(dst, len(rows))
	for c := range NumColumns {
		switch column := Column(c); {
		case !b.Want.Columns.Has(column):
		case columns[c].kind == Text:
			if dst = codec.AppendFlag(dst, b.hasText(c, rows)); dst[len(dst)-1] == 1 {
				dst = appendTexts(dst, b.Arena, len(rows), func(i int) Str { return b.Str[c][rows[i]] })
			}
		case columns[c].kind == Float:
			dst = appendColumn(dst, b.Float[c], rows, b.Empty.Has(column), func(v float64) bool { return !math.IsNaN(v) })
		default:
			dst = appendColumn(dst, b.Int[c], rows, b.Empty.Has(column), func(v int64) bool { return v != Absent })
		}
	}
	for k, c := range IdentColumns {
		if b.Want.Columns.Has(c) {
			dst = codec.AppendRows(dst, b.Ident[k], rows)
		}
	}
	dst = codec.AppendRows(dst, b.Name, rows)
	dst = codec.AppendRows(dst, b.Origin, rows)
	dst = codec.AppendRows(dst, b.Offset, rows)
	dst = codec.AppendRows(dst, b.Element, rows)
	dst = codec.AppendRows(dst, b.Record, rows)
	dst = codec.AppendRows(dst, b.Own, rows)
	dst = codec.AppendRows(dst, b.Mark, rows)
	dst = codec.AppendRows(dst, b.Limit, rows)
	dst = codec.AppendRows(dst, b.Message, rows)
	dst = codec.AppendRows(dst, b.Profile, rows)
	dst = b.appendHeads(dst, rows)
	dst = b.appendItems(dst, rows)
	return b.appendAttrs(dst, rows)
}

func (b *Batch) hasText(c int, rows []uint32) bool {
	return !b.Empty.Has(Column(c)) && slices.ContainsFunc(rows, func(r uint32) bool { return b.Str[c][r].Len > 0 })
}

// appendColumn appends a column that any of the rows has.
func appendColumn[T codec.Fixed](dst []byte, s []T, rows []uint32, isEmpty bool, has func(T) bool) []byte {
	isThere := !isEmpty && slices.ContainsFunc(rows, func(r uint32) bool { return has(s[r]) })
	if dst = codec.AppendFlag(dst, isThere); isThere {
		dst = codec.AppendRows(dst, s, rows)
	}
	return dst
}

// appendTexts appends n texts: the bytes of all, the length of each, and them.
func appendTexts(dst, arena []byte, n int, at func(i int) Str) []byte {
	total := 0
	for i := range n {
		total += int(at(i).Len)
	}
	dst = codec.AppendUint(dst, total)
	for i := range n {
		dst = codec.AppendAll(dst, []uint32{at(i).Len})
	}
	for i := range n {
		s := at(i)
		dst = append(dst, arena[s.Off:s.Off+s.Len]...)
	}
	return dst
}

func (b *Batch) appendItems(dst []byte, rows []uint32) []byte {
	if !b.Want.Items {
		return dst
	}
	dst = appendField(dst, b.Head, rows, func(h *Head) *uint32 { return &h.ItemCount })
	items := elements(rows, func(r uint32) (first, n uint32) { return b.Head[r].ItemFirst, b.Head[r].ItemCount })
	for _, c := range ItemColumns {
		switch {
		case len(items) == 0:
		case columns[c].kind == Text:
			dst = appendTexts(dst, b.Arena, len(items), func(i int) Str { return b.Item.Str[c][items[i]] })
		default:
			dst = codec.AppendRows(dst, b.Item.Int[c], items)
		}
	}
	return dst
}

func (b *Batch) appendAttrs(dst []byte, rows []uint32) []byte {
	dst = codec.AppendRows(dst, b.AttrCount, rows)
	attrs := elements(rows, func(r uint32) (first, n uint32) { return b.AttrFirst[r], b.AttrCount[r] })
	dst = appendTexts(dst, b.Arena, len(attrs), func(i int) Str { return b.AttrKey[attrs[i]] })
	return appendTexts(dst, b.Arena, len(attrs), func(i int) Str { return b.AttrVal[attrs[i]] })
}

// elements are the indexes of the rows' items or attributes.
func elements(rows []uint32, of func(row uint32) (first, n uint32)) []uint32 {
	var out []uint32
	for _, r := range rows {
		first, n := of(r)
		for i := range n {
			out = append(out, first+i)
		}
	}
	return out
}

// rowBytesMin is what a row takes at least.
const rowBytesMin = 1 + 4 + 8 + 4 + 4 + 3*8 + 2*16 + headBytes

var errNotEmpty = errors.New("the batch that rows are loaded into is not empty")

// LoadRows fills an empty batch with the rows that AppendRows gave. An error
// leaves it empty; that of a batch with another Want names the column.
func (b *Batch) LoadRows(src []byte) error {
	if b.N > 0 || b.Item.N > 0 || len(b.AttrKey) > 0 {
		return errNotEmpty
	}
	r := codec.NewReader(src)
	if b.Want.checkNames(r); r.Err() != nil {
		return r.Err()
	}
	b.Source = r.Text()
	n := r.Count(rowBytesMin)
	b.Grow(n)
	b.N = n
	b.loadColumns(r)
	b.loadItems(r)
	b.loadAttrs(r)
	if err := r.End(); err != nil {
		b.Reset()
		return fmt.Errorf("rows of events: %w", err)
	}
	return nil
}

func (b *Batch) loadColumns(r *codec.Reader) {
	n := b.N
	for c := range NumColumns {
		switch column := Column(c); {
		case !b.Want.Columns.Has(column):
		case columns[c].kind == Text:
			if r.Flag() {
				b.Empty.Remove(column)
				b.loadTexts(r, b.Str[c][:n])
			} else {
				clear(b.Str[c][:n])
			}
		case columns[c].kind == Float:
			loadColumn(b, r, column, b.Float[c][:n], fillNaN)
		default:
			loadColumn(b, r, column, b.Int[c][:n], fillAbsent)
		}
	}
	for k, c := range IdentColumns {
		if b.Want.Columns.Has(c) {
			codec.Fill(r, b.Ident[k][:n])
		}
	}
	codec.Fill(r, b.Name[:n])
	codec.Fill(r, b.Origin[:n])
	codec.Fill(r, b.Offset[:n])
	codec.Fill(r, b.Element[:n])
	codec.Fill(r, b.Record[:n])
	codec.Fill(r, b.Own[:n])
	codec.Fill(r, b.Mark[:n])
	codec.Fill(r, b.Limit[:n])
	codec.Fill(r, b.Message[:n])
	codec.Fill(r, b.Profile[:n])
	b.loadHeads(r)
	if slices.ContainsFunc(b.Name[:n], func(v Name) bool { return int(v) >= NumNames }) {
		r.Fail("an event has a name that is not known")
	}
}

func loadColumn[T codec.Fixed](b *Batch, r *codec.Reader, c Column, dst []T, absent func([]T)) {
	if r.Flag() {
		b.Empty.Remove(c)
		codec.Fill(r, dst)
	} else {
		absent(dst)
	}
}

// loadTexts reads texts into the arena.
func (b *Batch) loadTexts(r *codec.Reader, dst []Str) {
	total := r.Count(1)
	lengths := r.Bytes(4 * len(dst))
	texts := r.Bytes(total)
	if r.Err() != nil || len(b.Arena)+total > math.MaxUint32 {
		r.Fail("texts of %d bytes are too many for a batch", total)
		return
	}
	at, in := len(b.Arena), codec.NewReader(lengths)
	for i := range dst {
		var n [1]uint32
		if codec.Fill(in, n[:]); int(n[0]) > total {
			r.Fail("texts are longer than all of them")
			return
		}
		if dst[i] = (Str{}); n[0] > 0 {
			dst[i] = Str{uint32(at), n[0]}
		}
		at, total = at+int(n[0]), total-int(n[0])
	}
	if total != 0 {
		r.Fail("texts are shorter than all of them")
		return
	}
	b.Arena = append(b.Arena, texts...)
}

// loadCounts reads how many elements each row has, of at least size bytes each,
// and gives their number.
func (b *Batch) loadCounts(r *codec.Reader, first, count []uint32, size int) int {
	codec.Fill(r, count)
	total := 0
	for i, n := range count {
		if first[i] = 0; n > 0 {
			first[i] = uint32(total)
		}
		if total += int(n); total > r.Left()/size {
			r.Fail("%d items or attributes are more than there are bytes", total)
			return 0
		}
	}
	return total
}

func (b *Batch) loadItems(r *codec.Reader) {
	if !b.Want.Items || r.Err() != nil {
		return
	}
	first, count := make([]uint32, b.N), make([]uint32, b.N)
	n := b.loadCounts(r, first, count, len(ItemColumns)*4)
	for i := range count {
		b.Head[i].ItemFirst, b.Head[i].ItemCount = first[i], count[i]
	}
	if n == 0 {
		return
	}
	b.Item.N = n
	for _, c := range ItemColumns {
		if columns[c].kind == Text {
			b.Item.Str[c] = slices.Grow(b.Item.Str[c][:0], n)[:n]
			b.loadTexts(r, b.Item.Str[c])
		} else {
			b.Item.Int[c] = codec.All(r, b.Item.Int[c][:0], n)
		}
	}
}

func (b *Batch) loadAttrs(r *codec.Reader) {
	clear(b.AttrFirst[:b.N])
	clear(b.AttrCount[:b.N])
	if r.Err() != nil {
		return
	}
	n := b.loadCounts(r, b.AttrFirst[:b.N], b.AttrCount[:b.N], 2*4)
	b.AttrKey, b.AttrVal = slices.Grow(b.AttrKey[:0], n)[:n], slices.Grow(b.AttrVal[:0], n)[:n]
	b.loadTexts(r, b.AttrKey)
	b.loadTexts(r, b.AttrVal)
}
