package event

import (
	"bytes"
	"cmp"
)

// CopyRows copies rows of src into the given slots of b, column by column.
// Slots must lie below N. Columns that b does not want are left out. Items,
// attributes and texts are appended.
func (b *Batch) CopyRows(slots []uint32, src *Batch, rows []uint32) {
	for c := range NumColumns {
		switch {
		case !src.Empty.Has(Column(c)):
			b.Empty.Remove(Column(c))
		case b.Empty.Has(Column(c)):
			continue
		}
		if d, s := b.Str[c], src.Str[c]; d != nil {
			b.copyTexts(d, slots, src, s, rows)
			continue
		}
		if d, s := b.Int[c], src.Int[c]; d != nil {
			scatter(d, slots, s, rows, Absent)
			continue
		}
		if d, s := b.Float[c], src.Float[c]; d != nil {
			if s == nil {
				for _, to := range slots {
					fillNaN(d[to : to+1])
				}
				continue
			}
			scatter(d, slots, s, rows, 0)
		}
	}
	for k := range b.Ident {
		if b.Ident[k] != nil {
			scatter(b.Ident[k], slots, src.Ident[k], rows, Hash{})
		}
	}
	scatter(b.Name, slots, src.Name, rows, 0)
	scatter(b.Origin, slots, src.Origin, rows, 0)
	scatter(b.Offset, slots, src.Offset, rows, 0)
	scatter(b.Element, slots, src.Element, rows, 0)
	scatter(b.Record, slots, src.Record, rows, 0)
	scatter(b.Own, slots, src.Own, rows, 0)
	scatter(b.Mark, slots, src.Mark, rows, 0)
	scatter(b.Limit, slots, src.Limit, rows, 0)
	scatter(b.Message, slots, src.Message, rows, Hash{})
	scatter(b.Profile, slots, src.Profile, rows, Hash{})
	b.copyHeads(slots, src, rows)
	for i, to := range slots {
		b.copyItems(int(to), src, int(rows[i]))
		b.copyAttrs(int(to), src, int(rows[i]))
	}
}

// copyTexts copies the texts of one column. Most are short, so they go in
// blocks of 16 bytes, which beats a call of memmove for each.
func (b *Batch) copyTexts(dst []Str, slots []uint32, src *Batch, from []Str, rows []uint32) {
	if from == nil {
		for _, to := range slots {
			dst[to] = Str{}
		}
		return
	}
	arena := b.Arena
	for i, to := range slots {
		s := from[rows[i]]
		if s.Len == 0 {
			dst[to] = Str{}
			continue
		}
		off, text := len(arena), src.Arena[s.Off:]
		size := int(s.Len+15) &^ 15
		if size > blockBytesMax || len(text) < size || cap(arena)-off < size {
			arena = append(arena, text[:s.Len]...)
		} else {
			room := arena[off : off+size]
			for k := 0; k+16 <= len(room); k += 16 {
				*(*[16]byte)(room[k:]) = [16]byte(text[k:])
			}
			arena = arena[:off+int(s.Len)]
		}
		dst[to] = Str{uint32(off), s.Len}
	}
	b.Arena = arena
}

// blockBytesMax is the length up to which blocks beat memmove.
const blockBytesMax = 64

func scatter[T any](dst []T, slots []uint32, src []T, rows []uint32, absent T) {
	if src == nil {
		for _, to := range slots {
			dst[to] = absent
		}
		return
	}
	for i, to := range slots {
		dst[to] = src[rows[i]]
	}
}

func (b *Batch) take(src *Batch, s Str) Str {
	if s.Len == 0 {
		return Str{}
	}
	return b.Put(src.Bytes(s))
}

func (b *Batch) copyItems(to int, src *Batch, row int) {
	b.Head[to].ItemFirst, b.Head[to].ItemCount = 0, 0
	n := src.Head[row].ItemCount
	if !b.Want.Items || n == 0 {
		return
	}
	first := src.Head[row].ItemFirst
	b.Head[to].ItemFirst, b.Head[to].ItemCount = uint32(b.Item.N), n
	for _, c := range ItemColumns {
		if columns[c].kind == Text {
			for i := first; i < first+n; i++ {
				b.Item.Str[c] = append(b.Item.Str[c], b.take(src, src.Item.Str[c][i]))
			}
		} else {
			b.Item.Int[c] = append(b.Item.Int[c], src.Item.Int[c][first:first+n]...)
		}
	}
	b.Item.N += int(n)
}

func (b *Batch) copyAttrs(to int, src *Batch, row int) {
	b.AttrFirst[to], b.AttrCount[to] = 0, 0
	first := src.AttrFirst[row]
	for i := first; i < first+src.AttrCount[row]; i++ {
		key := src.Bytes(src.AttrKey[i])
		if !b.Want.WantsAttr(key) {
			continue
		}
		if b.AttrCount[to] == 0 {
			b.AttrFirst[to] = uint32(len(b.AttrKey))
		}
		b.AttrCount[to]++
		b.AttrKey = append(b.AttrKey, b.Put(key))
		b.AttrVal = append(b.AttrVal, b.take(src, src.AttrVal[i]))
	}
}

// CompareOrder orders rows x of a and y of b by what stands behind the
// effective time: late ones first, then event time, rank and message id.
// Positions sort by number and before texts.
func CompareOrder(a *Batch, x int, b *Batch, y int) int {
	if la, lb := a.IsLate(x), b.IsLate(y); la != lb {
		if la {
			return -1
		}
		return 1
	}
	return CompareTime(a, x, b, y)
}

// CompareTime orders rows by (event time, rank, message id): the order of
// facts, independent of arrival.
func CompareTime(a *Batch, x int, b *Batch, y int) int {
	if ta, tb := a.Time(x), b.Time(y); ta != tb {
		return cmp.Compare(ta, tb)
	}
	if ra, rb := a.Name[x].Rank(), b.Name[y].Rank(); ra != rb {
		return cmp.Compare(ra, rb)
	}
	return CompareMessage(a, x, b, y)
}

// CompareMessage orders rows by message id.
func CompareMessage(a *Batch, x int, b *Batch, y int) int {
	pa, pb := a.Head[x].Flags&IsPositional, b.Head[y].Flags&IsPositional
	switch {
	case pa != pb:
		return cmp.Compare(pb, pa)
	case pa == 0:
		return bytes.Compare(a.Text(MessageID, x), b.Text(MessageID, y))
	case a.Origin[x] != b.Origin[y]:
		return cmp.Compare(a.Origin[x], b.Origin[y])
	case a.Offset[x] != b.Offset[y]:
		return cmp.Compare(a.Offset[x], b.Offset[y])
	}
	return cmp.Compare(a.Element[x], b.Element[y])
}
