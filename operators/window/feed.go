package window

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// units are what one fold puts into its windows: rows or items, each with the
// cells of its group's window.
type units struct {
	batch      *event.Batch
	row, item  []uint32
	cells      [][]int64
	generation uint64 // changes with every set of units
}

// feed reads the values of one operand for a set of units, once for all
// aggregates that share it. What it gives is lent until the next set.
type feed struct {
	operand
	hasher *event.Hasher
	whole  bool // units are events, none an item

	integers   []int64
	reals      []float64
	texts      [][]byte
	hashes     []event.Hash
	digits     []byte
	generation [4]uint64
}

const (
	gaveIntegers = iota
	gaveReals
	gaveTexts
	gaveHashes
)

func (f *feed) isFresh(what int, u *units) bool {
	fresh := f.generation[what] == u.generation
	f.generation[what] = u.generation
	return fresh
}

// ints are the values of a time, number, amount or flag, in its own unit; of a
// float in 1/10,000.
func (f *feed) ints(u *units) []int64 {
	if f.isFresh(gaveIntegers, u) {
		return f.integers
	}
	out := slices.Grow(f.integers[:0], len(u.row))[:len(u.row)]
	f.integers = out
	b := u.batch
	switch {
	case f.kind == event.Float:
		for i, row := range u.row {
			out[i] = fixed(b.Real(f.column, int(row)))
		}
	case f.source == fromColumn && (f.whole || !f.inItems()) && b.Int[f.column] != nil:
		col := b.Int[f.column]
		for i, row := range u.row {
			out[i] = col[row]
		}
	default:
		for i, row := range u.row {
			out[i] = f.integer(b, row, u.item[i])
		}
	}
	return out
}

// fixed rounds to 4 places, half away from zero.
func fixed(v float64) int64 {
	scaled := math.Round(v * money.Scale)
	if !(math.Abs(scaled) < math.MaxInt64) {
		return event.Absent
	}
	return int64(scaled)
}

// scale is the number of parts of one unit in what ints gives.
func (f *feed) scale() int64 {
	if f.kind == event.Money || f.kind == event.Float {
		return money.Scale
	}
	return 1
}

// ordered are values that sort as the operand's do; Absent is absent.
func (f *feed) ordered(u *units) []int64 {
	if f.kind != event.Float {
		return f.ints(u)
	}
	out := slices.Grow(f.integers[:0], len(u.row))[:len(u.row)]
	f.integers, f.generation[gaveIntegers] = out, 0
	for i, row := range u.row {
		out[i] = sortable(u.batch.Real(f.column, int(row)))
	}
	return out
}

// sortable maps a float to an integer of the same order; NaN to Absent.
func sortable(v float64) int64 {
	if v != v {
		return event.Absent
	}
	bits := int64(math.Float64bits(v + 0)) // −0 becomes 0.
	if bits < 0 {
		bits ^= math.MaxInt64
	}
	return bits
}

func unsortable(bits int64) float64 {
	if bits < 0 {
		bits ^= math.MaxInt64
	}
	return math.Float64frombits(uint64(bits))
}

// floats are the values of a number, amount or float; NaN is absent.
func (f *feed) floats(u *units) []float64 {
	if f.isFresh(gaveReals, u) {
		return f.reals
	}
	out := slices.Grow(f.reals[:0], len(u.row))[:len(u.row)]
	f.reals = out
	for i, row := range u.row {
		out[i] = f.real(u.batch, row, u.item[i])
	}
	return out
}

func (f *feed) real(b *event.Batch, row, item uint32) float64 {
	if f.kind == event.Float {
		return b.Real(f.column, int(row))
	}
	v := f.integer(b, row, item)
	switch {
	case v == event.Absent:
		return math.NaN()
	case f.kind == event.Money:
		return money.Float(v)
	}
	return float64(v)
}

// bytes are the values as texts; empty is absent.
func (f *feed) bytes(u *units) [][]byte {
	if f.isFresh(gaveTexts, u) {
		return f.texts
	}
	f.texts, f.digits = f.texts[:0], f.digits[:0]
	for i, row := range u.row {
		from := len(f.digits)
		var v []byte
		if f.kind == event.Text && (f.source == fromColumn || f.source == fromAttribute) {
			v = f.text(u.batch, row, u.item[i], nil)
		} else {
			f.digits = f.appendText(f.digits, u.batch, row, u.item[i])
			v = f.digits[from:len(f.digits):len(f.digits)]
		}
		f.texts = append(f.texts, v)
	}
	return f.texts
}

// appendText writes any value as text.
func (f *feed) appendText(dst []byte, b *event.Batch, row, item uint32) []byte {
	switch f.kind {
	case event.Text:
		return f.text(b, row, item, dst)
	case event.Float:
		if v := b.Real(f.column, int(row)); v == v {
			return strconv.AppendFloat(dst, v, 'g', -1, 64)
		}
		return dst
	}
	v := f.integer(b, row, item)
	switch {
	case v == event.Absent:
	case f.kind == event.Money:
		return money.Append(dst, v)
	case f.kind == event.Time:
		return time.UnixMilli(v).UTC().AppendFormat(dst, "2006-01-02T15:04:05.000Z")
	case f.kind == event.Flag:
		return strconv.AppendBool(dst, v == 1)
	default:
		return strconv.AppendInt(dst, v, 10)
	}
	return dst
}

// sums are keyed hashes of the values; zero is absent.
func (f *feed) sums(u *units) []event.Hash {
	if f.isFresh(gaveHashes, u) {
		return f.hashes
	}
	out := slices.Grow(f.hashes[:0], len(u.row))[:len(u.row)]
	f.hashes = out
	var raw [8]byte
	for i, row := range u.row {
		out[i] = event.Hash{}
		switch {
		case f.source == fromProfile:
			// A provisional profile is none to all who look at tables.
			if p := u.batch.Profile[row]; !p.IsProvisional() {
				out[i] = p
			}
		case f.source == fromIdent:
			if col := u.batch.Ident[f.ident]; col != nil {
				out[i] = col[row]
			}
		case f.kind == event.Text:
			if v := f.text(u.batch, row, u.item[i], nil); len(v) > 0 {
				out[i] = f.hasher.Sum(event.TagText, v)
			}
		default:
			var v int64
			if f.kind == event.Float {
				v = sortable(u.batch.Real(f.column, int(row)))
			} else {
				v = f.integer(u.batch, row, u.item[i])
			}
			if v != event.Absent {
				binary.BigEndian.PutUint64(raw[:], uint64(v))
				out[i] = f.hasher.Sum(event.TagText, raw[:])
			}
		}
	}
	return out
}
