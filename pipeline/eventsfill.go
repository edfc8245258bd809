package pipeline

import (
	"encoding/binary"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

func fillColumn(c event.Column) eventsFill {
	switch {
	case c.Kind() == event.Float:
		return fillFloat(c)
	case c.Kind() != event.Text:
		return fillNumber(c)
	case columnType(c) == schema.LowText:
		return fillWords(c)
	}
	return func(d *schema.Data, out *schema.Rows, p *piece, _ []event.Origin) {
		total := bytesOf(p, c)
		if total == 0 {
			d.PadBlank(schema.Text, len(p.rows))
			return
		}
		d.PadValue(schema.Text, out.N)
		putTexts(d, p, c, total)
	}
}

// bytesOf is the length of all texts of a column together.
func bytesOf(p *piece, c event.Column) (total int) {
	texts := p.batch.Str[c]
	if texts == nil || p.batch.Empty.Has(c) {
		return 0
	}
	for _, r := range p.rows {
		total += int(texts[r].Len)
	}
	return total
}

// Texts of up to copyUpTo bytes are copied in blocks, which is faster than
// memmove.
const (
	copyBlock = 16
	copyUpTo  = 64
)

// putTexts adds the texts of a column, which have total bytes.
func putTexts(d *schema.Data, p *piece, c event.Column, total int) {
	arena, texts := p.batch.Arena, p.batch.Str[c]
	at := len(d.Wire)
	// Room for the lengths, and for blocks, which go beyond a text.
	wire := slices.Grow(d.Wire, binary.MaxVarintLen32*len(p.rows)+total+copyUpTo)
	wire = wire[:cap(wire)]
	ends := extend(&d.End, len(p.rows))
	for i, r := range p.rows {
		s := texts[r]
		if s.Len < 1<<7 {
			wire[at] = byte(s.Len)
			at++
		} else {
			at += binary.PutUvarint(wire[at:], uint64(s.Len))
		}
		from, to := arena[s.Off:], wire[at:]
		at += int(s.Len)
		ends[i] = uint32(at)
		if s.Len > copyUpTo || len(from) < copyUpTo || len(to) < copyUpTo {
			copy(to, from[:s.Len])
			continue
		}
		for k := 0; k < int(s.Len); k += copyBlock {
			*(*[copyBlock]byte)(to[k:]) = [copyBlock]byte(from[k:])
		}
	}
	d.Wire = wire[:at]
}

func fillWords(c event.Column) eventsFill {
	return func(d *schema.Data, out *schema.Rows, p *piece, _ []event.Origin) {
		if bytesOf(p, c) == 0 {
			d.PadBlank(schema.LowText, len(p.rows))
			return
		}
		d.PadValue(schema.LowText, out.N)
		d.Keys = slices.Grow(d.Keys, len(p.rows))
		for _, r := range p.rows {
			d.PutWord(p.batch.Bytes(p.batch.Str[c][r]))
		}
	}
}

func fillFloat(c event.Column) eventsFill {
	return func(d *schema.Data, out *schema.Rows, p *piece, _ []event.Origin) {
		isBlank := !slices.ContainsFunc(p.rows, func(r uint32) bool { v := p.batch.Real(c, int(r)); return v == v })
		if isBlank {
			d.PadBlank(schema.Float, len(p.rows))
			return
		}
		d.PadValue(schema.Float, out.N)
		to := extend(&d.F64, len(p.rows))
		for i, r := range p.rows {
			to[i] = p.batch.Real(c, int(r))
		}
	}
}

func fillNumber(c event.Column) eventsFill {
	return func(d *schema.Data, out *schema.Rows, p *piece, _ []event.Origin) {
		values := p.batch.Int[c]
		if values == nil || p.batch.Empty.Has(c) || !slices.ContainsFunc(p.rows, func(r uint32) bool { return values[r] != schema.Absent }) {
			d.PadBlank(schema.Int, len(p.rows))
			return
		}
		d.PadValue(schema.Int, out.N)
		to := extend(&d.I64, len(p.rows))
		for i, r := range p.rows {
			to[i] = values[r]
		}
	}
}

// extend makes a slice longer by n, whose places it gives.
func extend[T any](s *[]T, n int) []T {
	before := len(*s)
	*s = slices.Grow(*s, n)[:before+n]
	return (*s)[before:]
}

// fillInt fills a column that has a value in each row.
func fillInt(get func(*piece, uint32, []event.Origin) int64) eventsFill {
	return func(d *schema.Data, _ *schema.Rows, p *piece, origins []event.Origin) {
		to := extend(&d.I64, len(p.rows))
		for i, r := range p.rows {
			to[i] = get(p, r, origins)
		}
	}
}

func fillHash(col func(*piece) []event.Hash) eventsFill {
	return func(d *schema.Data, out *schema.Rows, p *piece, _ []event.Origin) {
		hashes := col(p)
		if !slices.ContainsFunc(p.rows, func(r uint32) bool { return hashes != nil && hashes[r].Lo != 0 }) {
			d.PadBlank(schema.Text, len(p.rows))
			return
		}
		d.PadValue(schema.Text, out.N)
		var hex [32]byte
		for _, r := range p.rows {
			d.PutText(hashes[r].AppendHex(hex[:0]))
		}
	}
}

func fillMessage(d *schema.Data, out *schema.Rows, p *piece, origins []event.Origin) {
	isPositional := func(r uint32) bool { return p.batch.Head[r].Flags&event.IsPositional != 0 }
	if !slices.ContainsFunc(p.rows, isPositional) && p.batch.Str[event.MessageID] != nil {
		putTexts(d, p, event.MessageID, bytesOf(p, event.MessageID))
		return
	}
	var buf [256]byte
	for _, r := range p.rows {
		d.PutText(event.AppendMessageID(buf[:0], p.batch, int(r), origins))
	}
}

func fillOrigin(get func(*event.Origin) string) eventsFill {
	return func(d *schema.Data, _ *schema.Rows, p *piece, origins []event.Origin) {
		last := ^uint32(0)
		for _, r := range p.rows {
			if o := p.batch.Origin[r]; o != last {
				last = o
				d.PutWord([]byte(get(&origins[o])))
				continue
			}
			d.Keys = append(d.Keys, d.Keys[len(d.Keys)-1])
		}
	}
}

// fillLists fills a column of lists: put adds the elements of a row, count tells
// how many it has.
func fillLists(t schema.Type, put func(d *schema.Data, out *schema.Rows, p *piece, r uint32), count func(b *event.Batch, r uint32) uint32) eventsFill {
	return func(d *schema.Data, out *schema.Rows, p *piece, _ []event.Origin) {
		if !slices.ContainsFunc(p.rows, func(r uint32) bool { return count(p.batch, r) > 0 }) {
			d.PadBlank(t, len(p.rows))
			return
		}
		d.PadValue(t, out.N)
		for _, r := range p.rows {
			put(d, out, p, r)
			d.End = append(d.End, uint32(max(len(d.Str), len(d.I64))))
		}
	}
}

func itemCount(b *event.Batch, r uint32) uint32 { return b.Head[r].ItemCount }

func fillItemTexts(c event.Column) eventsFill {
	return fillLists(schema.Texts, func(d *schema.Data, out *schema.Rows, p *piece, r uint32) {
		first := p.batch.Head[r].ItemFirst
		for i := first; i < first+p.batch.Head[r].ItemCount; i++ {
			d.Str = append(d.Str, out.Put(p.batch.ItemText(c, int(i))))
		}
	}, itemCount)
}

func fillItemMoneys(c event.Column) eventsFill {
	return fillLists(schema.Moneys, func(d *schema.Data, _ *schema.Rows, p *piece, r uint32) {
		first := p.batch.Head[r].ItemFirst
		for i := first; i < first+p.batch.Head[r].ItemCount; i++ {
			d.I64 = append(d.I64, p.batch.ItemNum(c, int(i)))
		}
	}, itemCount)
}

var fillAttrs = fillLists(schema.Map, func(d *schema.Data, out *schema.Rows, p *piece, r uint32) {
	b := p.batch
	for i := b.AttrFirst[r]; i < b.AttrFirst[r]+b.AttrCount[r]; i++ {
		d.Str = append(d.Str, out.Put(b.Bytes(b.AttrKey[i])), out.Put(b.Bytes(b.AttrVal[i])))
	}
}, func(b *event.Batch, r uint32) uint32 { return b.AttrCount[r] })
