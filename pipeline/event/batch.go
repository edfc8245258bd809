package event

import "math"

// Absent is the number, time or amount that is not there.
const Absent = math.MinInt64

// Str is a text in a batch's arena; Len 0 is absent.
type Str struct{ Off, Len uint32 }

// Flags are marks of one row.
type Flags uint8

const (
	// IsBot marks an event of a known bot's user agent.
	IsBot Flags = 1 << iota
	// IsPositional marks an event without message_id: its place in the log is its id.
	IsPositional
)

// Origin is where records come from; rows refer to it by index.
type Origin struct {
	Source    string
	Topic     string // Kafka topic or file path
	Partition int32
}

// Batch is a set of events in columns. Columns that the Want does not name are
// nil. Slices are longer than N: rows from N on are made absent some time before
// they are added, so that adding one costs nothing (see room).
type Batch struct {
	N     int
	Arena []byte
	Want  Want

	Str   [NumColumns][]Str     // Text columns
	Int   [NumColumns][]int64   // Time, Number, Money and Flag columns
	Float [NumColumns][]float64 // Float columns; NaN is absent

	Name []Name
	Head []Head
	// Source is the name of the source that all rows come from; empty where
	// rows of several may stand together, in reorder buffers.
	Source  string
	Origin  []uint32 // index into the pipeline's origins
	Offset  []int64
	Element []int32 // index in an expanded or batched record
	Record  []uint32

	// Own is the watermark of the row's partition just before it; Mark the
	// watermark that the row is measured against: late is EventTime < Mark.
	Own, Mark []int64
	// Limit is Mark, later by what the allowed lateness of the row's source is
	// below the pipeline's largest: with it windows and sessions judge whether
	// a late row still counts.
	Limit []int64

	Message []Hash // hash of message_id, or of the position
	Ident   [NumIdents][]Hash
	// NoIdent are kinds of identifiers that no row has; not all that are need be
	// named.
	NoIdent [NumIdents]bool
	Profile []Hash // zero: none

	Item Items

	AttrFirst, AttrCount []uint32
	AttrKey, AttrVal     []Str

	// Empty are columns that are absent in all rows; not all that are need be
	// named. Who fills one that is named must take it out.
	Empty Set

	Faults  []Fault
	Skipped int // rows left out by the decoder's where, and records without content

	room room
}

// Items are the nested columns of all rows' items.
type Items struct {
	N   int
	Str [NumColumns][]Str
	Int [NumColumns][]int64
}

// NewBatch makes a batch for the wanted columns. EventTime and Event are always there.
func NewBatch(w Want) *Batch {
	b := &Batch{}
	w.Columns.Add(EventTime)
	w.Columns.Add(Event)
	b.Want = w
	return b
}

// Undo takes back the rows from row on, with their items and attributes: a
// decoder found a fault in the middle of them.
func (b *Batch) Undo(row int) {
	items, attrs := b.Item.N, len(b.AttrKey)
	for r := b.N - 1; r >= row; r-- {
		if b.Head[r].ItemCount > 0 {
			items = int(b.Head[r].ItemFirst)
		}
		if b.AttrCount[r] > 0 {
			attrs = int(b.AttrFirst[r])
		}
		b.clearRow(r)
	}
	b.Item.truncate(items)
	b.AttrKey, b.AttrVal = b.AttrKey[:attrs], b.AttrVal[:attrs]
	b.N = row
}

func (b *Batch) clearRow(r int) {
	for c := range NumColumns {
		if b.Str[c] != nil {
			b.Str[c][r] = Str{}
		}
		if b.Int[c] != nil {
			b.Int[c][r] = Absent
		}
		if b.Float[c] != nil {
			b.Float[c][r] = math.NaN()
		}
	}
	for k := range b.Ident {
		if b.Ident[k] != nil {
			b.Ident[k][r] = Hash{}
		}
	}
	b.Name[r], b.Head[r], b.Profile[r] = 0, Head{}, Hash{}
	b.AttrFirst[r], b.AttrCount[r] = 0, 0
}

func (it *Items) truncate(n int) {
	if n >= it.N {
		return
	}
	for _, c := range ItemColumns {
		if it.Str[c] != nil {
			it.Str[c] = it.Str[c][:n]
		}
		if it.Int[c] != nil {
			it.Int[c] = it.Int[c][:n]
		}
	}
	it.N = n
}

// AddItem appends an absent item to the row, which must be the newest row, and
// returns its index.
func (b *Batch) AddItem(row int) int {
	if b.Head[row].ItemCount == 0 {
		b.Head[row].ItemFirst = uint32(b.Item.N)
	}
	b.Head[row].ItemCount++
	for _, c := range ItemColumns {
		if columns[c].kind == Text {
			b.Item.Str[c] = append(b.Item.Str[c], Str{})
		} else {
			b.Item.Int[c] = append(b.Item.Int[c], Absent)
		}
	}
	b.Item.N++
	return b.Item.N - 1
}

// AddAttr appends an attribute to the row, which must be the newest row.
func (b *Batch) AddAttr(row int, key, val Str) {
	if b.AttrCount[row] == 0 {
		b.AttrFirst[row] = uint32(len(b.AttrKey))
	}
	b.AttrCount[row]++
	b.AttrKey = append(b.AttrKey, key)
	b.AttrVal = append(b.AttrVal, val)
}

// Put copies a text into the arena.
func (b *Batch) Put(s []byte) Str {
	if len(s) == 0 {
		return Str{}
	}
	off := len(b.Arena)
	b.Arena = append(b.Arena, s...)
	return Str{uint32(off), uint32(len(s))}
}

// Bytes gives the text of a Str; valid until the batch is reset.
func (b *Batch) Bytes(s Str) []byte { return b.Arena[s.Off : s.Off+s.Len : s.Off+s.Len] }

// Text gives a text column's value; nil when absent or not decoded.
func (b *Batch) Text(c Column, row int) []byte {
	if b.Str[c] == nil {
		return nil
	}
	return b.Bytes(b.Str[c][row])
}

// Num gives a number, time, money or flag; Absent when absent or not decoded.
func (b *Batch) Num(c Column, row int) int64 {
	if b.Int[c] == nil {
		return Absent
	}
	return b.Int[c][row]
}

// Real gives a float; NaN when absent or not decoded.
func (b *Batch) Real(c Column, row int) float64 {
	if b.Float[c] == nil {
		return math.NaN()
	}
	return b.Float[c][row]
}

// ItemText gives an item's text; nil when absent.
func (b *Batch) ItemText(c Column, item int) []byte {
	if b.Item.Str[c] == nil {
		return nil
	}
	return b.Bytes(b.Item.Str[c][item])
}

// ItemNum gives an item's number; Absent when absent.
func (b *Batch) ItemNum(c Column, item int) int64 {
	if b.Item.Int[c] == nil {
		return Absent
	}
	return b.Item.Int[c][item]
}

// Attr finds an attribute of the row; nil when absent.
func (b *Batch) Attr(name string, row int) []byte {
	first := b.AttrFirst[row]
	for i := first; i < first+b.AttrCount[row]; i++ {
		if string(b.Bytes(b.AttrKey[i])) == name {
			return b.Bytes(b.AttrVal[i])
		}
	}
	return nil
}

// Time is the row's event time.
func (b *Batch) Time(row int) int64 { return b.Int[EventTime][row] }

// IsLate reports whether the row came behind the watermark it is measured against.
func (b *Batch) IsLate(row int) bool { return b.Int[EventTime][row] < b.Mark[row] }

// Eff is the row's effective time: its event time or, when late, the watermark
// it came behind. Rows in time order are sorted by it.
func (b *Batch) Eff(row int) int64 { return max(b.Int[EventTime][row], b.Mark[row]) }

// Size is about the memory that the batch takes: its columns and its arena.
func (b *Batch) Size() int {
	// Names, marks, hashes and places, which every row has.
	const plain = 64 + 92
	row := plain
	for c := range Column(NumColumns) {
		if b.Want.Columns.Has(c) {
			row += 8
		}
	}
	for _, c := range IdentColumns {
		if b.Want.Columns.Has(c) {
			row += 16
		}
	}
	return b.room.rows*row + cap(b.Arena) + b.Item.N*8*len(ItemColumns) + 16*cap(b.AttrKey)
}

// HideEmpty makes columns that are absent in all rows look as if they were not
// decoded, which costs their readers less. The time and the name stay. It is for
// a copy of the batch that is only read.
func (b *Batch) HideEmpty() {
	for c := range Column(NumColumns) {
		if b.Empty.Has(c) && c != EventTime && c != Event {
			b.Str[c], b.Int[c], b.Float[c] = nil, nil, nil
		}
	}
}
