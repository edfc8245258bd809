package clickhouse

import (
	"encoding/binary"
	"math"
	"slices"

	"touchstream/pipeline/schema"
)

// take adds the chosen rows of a batch.
func (c *column) take(r *schema.Rows, d *schema.Data, chosen []uint32) {
	c.rows += len(chosen)
	if c.hasNone(r, d, chosen) {
		if c.isBlankBefore(len(chosen)) {
			c.blank = c.rows
		} else {
			c.pad(len(chosen))
		}
		return
	}
	c.writeBlank()
	switch c.typ {
	case schema.Text:
		if r.Packed {
			c.takeWire(d, chosen)
		} else {
			c.takeTexts(r, d, chosen)
		}
	case schema.LowText:
		if r.Packed {
			c.takeKeys(d, chosen)
		} else {
			c.takeWords(r, d, chosen)
		}
	case schema.UUID:
		c.takeUUIDs(r, d, chosen)
	case schema.Float:
		for _, i := range chosen {
			v, null := d.F64[i], byte(0)
			if isNone(v) {
				v, null = 0, 1
			}
			c.mark(null)
			c.data = binary.LittleEndian.AppendUint64(c.data, math.Float64bits(v))
		}
	case schema.Flag:
		for _, i := range chosen {
			switch d.I64[i] {
			case schema.Absent:
				c.mark(1)
				c.data = append(c.data, 0)
			case 0:
				c.mark(0)
				c.data = append(c.data, 0)
			default:
				c.mark(0)
				c.data = append(c.data, 1)
			}
		}
	case schema.Texts, schema.Moneys, schema.Map:
		c.takeLists(r, d, chosen)
	default:
		c.takeNumbers(d, chosen)
	}
}

func isNone(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }

// hasNone reports whether none of the chosen rows has a value. Of a column that
// has values already it is not asked for, where that takes a look at each row.
func (c *column) hasNone(r *schema.Rows, d *schema.Data, chosen []uint32) bool {
	if r.Packed && d.IsBlank() {
		return true
	}
	if !c.isBlankBefore(len(chosen)) {
		return false
	}
	var has func(i uint32) bool
	switch c.typ {
	case schema.Text, schema.LowText, schema.UUID:
		switch {
		case !r.Packed:
			has = func(i uint32) bool { return d.Str[i].Len > 0 }
		case c.typ == schema.LowText:
			has = func(i uint32) bool { return len(d.Words.Text(d.Keys[i])) > 0 }
		default:
			has = func(i uint32) bool { from, to := d.Span(int(i), int(i)+1); return to-from > 1 }
		}
	case schema.Texts, schema.Moneys, schema.Map:
		has = func(i uint32) bool { from, to := d.Range(int(i)); return to > from }
	case schema.Float:
		has = func(i uint32) bool { return !isNone(d.F64[i]) }
	default:
		has = func(i uint32) bool { return d.I64[i] != schema.Absent }
	}
	return !slices.ContainsFunc(chosen, has)
}

// isBlankBefore reports whether the rows before the last n have no value.
func (c *column) isBlankBefore(n int) bool { return c.blank == c.rows-n }

// takeWire copies packed texts: mostly those of rows that follow each other.
func (c *column) takeWire(d *schema.Data, chosen []uint32) {
	for len(chosen) > 0 {
		n := 1
		if last := len(chosen) - 1; int(chosen[last]-chosen[0]) == last {
			n = len(chosen)
		}
		from, to := d.Span(int(chosen[0]), int(chosen[n-1])+1)
		c.data = append(c.data, d.Wire[from:to]...)
		chosen = chosen[n:]
	}
}

// takeKeys numbers each word of packed rows once.
func (c *column) takeKeys(d *schema.Data, chosen []uint32) {
	c.remap = slices.Grow(c.remap[:0], d.Words.Len())[:d.Words.Len()]
	clear(c.remap)
	at := len(c.keys)
	c.keys = slices.Grow(c.keys, len(chosen))[:at+len(chosen)]
	keys := c.keys[at:]
	for k, i := range chosen {
		key := c.remap[d.Keys[i]]
		if key == 0 {
			key = c.words.Key(d.Words.Text(d.Keys[i])) + 1
			c.remap[d.Keys[i]] = key
		}
		keys[k] = key - 1
	}
}

func (c *column) takeNumbers(d *schema.Data, chosen []uint32) {
	data, absent := extend(&c.data, 8*len(chosen)), 0
	for k, i := range chosen {
		v := d.I64[i]
		if v == schema.Absent {
			v = 0
			absent++
		}
		binary.LittleEndian.PutUint64(data[8*k:], uint64(v))
	}
	if !c.nullable {
		return
	}
	nulls := extend(&c.nulls, len(chosen))
	clear(nulls)
	if absent == 0 {
		return
	}
	for k, i := range chosen {
		if d.I64[i] == schema.Absent {
			nulls[k] = 1
		}
	}
}

// shortMax is the length up to which a text has a length of one byte.
const shortMax = 1<<7 - 1

// takeTexts looks at the lengths first: many columns have no text at all.
func (c *column) takeTexts(r *schema.Rows, d *schema.Data, chosen []uint32) {
	total, longest := 0, uint32(0)
	for _, i := range chosen {
		n := d.Str[i].Len
		total, longest = total+int(n), max(longest, n)
	}
	switch {
	case total == 0:
		clear(extend(&c.data, len(chosen)))
	case longest <= shortMax:
		to := extend(&c.data, len(chosen)+total)
		for _, i := range chosen {
			s := r.Bytes(d.Str[i])
			to[0] = byte(len(s))
			to = to[1+copy(to[1:], s):]
		}
	default:
		for _, i := range chosen {
			c.data = appendText(c.data, r.Bytes(d.Str[i]))
		}
	}
}

// extend makes a slice longer by n bytes, which it gives.
func extend(s *[]byte, n int) []byte {
	before := len(*s)
	*s = slices.Grow(*s, n)[:before+n]
	return (*s)[before:]
}

func (c *column) mark(null byte) {
	if c.nullable {
		c.nulls = append(c.nulls, null)
	}
}

// takeUUIDs turns each half around: the wire has two little-endian words.
func (c *column) takeUUIDs(r *schema.Rows, d *schema.Data, chosen []uint32) {
	for _, i := range chosen {
		if d.Str[i].Len == 0 {
			c.mark(1)
			c.data = append(c.data, make([]byte, 16)...)
			continue
		}
		c.mark(0)
		id := r.Bytes(d.Str[i])
		c.data = binary.LittleEndian.AppendUint64(c.data, binary.BigEndian.Uint64(id))
		c.data = binary.LittleEndian.AppendUint64(c.data, binary.BigEndian.Uint64(id[8:]))
	}
}

func (c *column) takeWords(r *schema.Rows, d *schema.Data, chosen []uint32) {
	for _, i := range chosen {
		c.keys = append(c.keys, c.words.Key(r.Bytes(d.Str[i])))
	}
}

func (c *column) takeLists(r *schema.Rows, d *schema.Data, chosen []uint32) {
	ends := extend(&c.ends, 8*len(chosen))
	for k, i := range chosen {
		from, to := d.Range(int(i))
		switch c.typ {
		case schema.Texts:
			for _, s := range d.Str[from:to] {
				c.data = appendText(c.data, r.Bytes(s))
			}
			c.elems += int(to - from)
		case schema.Moneys:
			c.takeAmounts(d.I64[from:to])
		case schema.Map:
			for k := from; k+1 < to; k += 2 {
				c.data = appendText(c.data, r.Bytes(d.Str[k]))
				c.extra = appendText(c.extra, r.Bytes(d.Str[k+1]))
			}
			c.elems += int(to-from) / 2
		}
		binary.LittleEndian.PutUint64(ends[8*k:], uint64(c.elems))
	}
}

func (c *column) takeAmounts(amounts []int64) {
	c.elems += len(amounts)
	for _, v := range amounts {
		null := byte(0)
		if v == schema.Absent {
			v, null = 0, 1
		}
		c.extra = append(c.extra, null)
		c.data = binary.LittleEndian.AppendUint64(c.data, uint64(v))
	}
}
