package event

import (
	"bytes"
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"touchstream/pipeline/money"
)

// Default fills a column that an event lacks.
type Default struct {
	Column Column
	Text   string  // Text columns
	Int    int64   // Time, Number, Money and Flag columns
	Float  float64 // Float columns
}

// Finisher completes decoded batches of one source: name codes, defaults,
// amounts, hashes of identifiers and message ids, session keys, bot marks. Raw
// e-mail addresses, phone numbers and payment tokens do not survive it.
type Finisher struct {
	Hasher   *Hasher
	Defaults []Default
	// Bots judges user agents; nil when bots are not looked for.
	Bots *BotTest

	scratch   []byte
	column    columnHasher
	sums      []Hash
	recurrers [len(recurring)]recurrer
}

// Finish completes all rows of a batch that was decoded from the chunk.
func (f *Finisher) Finish(c *Chunk, b *Batch) { f.FinishFrom(c, b, 0) }

// FinishFrom completes the rows from a row on, which were decoded from a part of
// a chunk; those before it are complete.
func (f *Finisher) FinishFrom(c *Chunk, b *Batch, from int) {
	b.Source = c.Origin.Source
	f.defaults(b, from)
	f.recur(b, from)
	for r := from; r < b.N; r++ {
		b.Name[r] = NameOf(b.Text(Event, r))
		b.Origin[r] = c.OriginIndex
		b.Offset[r] = c.Recs[b.Record[r]-c.First].Offset
	}
	f.messages(c, b, from)
	if b.Int[Amount] != nil || b.Want.Items {
		for r := from; r < b.N; r++ {
			completeAmount(b, r)
		}
	}
	if rt := b.Int[ReceivedTime]; rt != nil {
		for r := from; r < b.N; r++ {
			if rt[r] == Absent {
				rt[r] = c.Recs[b.Record[r]-c.First].Timestamp
			}
		}
	}
	f.identifiers(b, from)
	f.heads(b, from)
	if f.Bots != nil && b.Str[UserAgent] != nil {
		for r := from; r < b.N; r++ {
			if ua := b.Text(UserAgent, r); len(ua) > 0 && f.Bots.Is(ua) {
				b.Head[r].Flags |= IsBot
			}
		}
	}
}

func (f *Finisher) defaults(b *Batch, from int) {
	for _, d := range f.Defaults {
		switch {
		case b.Str[d.Column] != nil:
			col, s := b.Str[d.Column][from:b.N], b.Put([]byte(d.Text))
			for r := range col {
				if col[r].Len == 0 {
					col[r] = s
				}
			}
		case b.Int[d.Column] != nil:
			col := b.Int[d.Column][from:b.N]
			for r := range col {
				if col[r] == Absent {
					col[r] = d.Int
				}
			}
		case b.Float[d.Column] != nil:
			col := b.Float[d.Column][from:b.N]
			for r := range col {
				if col[r] != col[r] {
					col[r] = d.Float
				}
			}
		}
	}
}

func (f *Finisher) originHash(c *Chunk) Hash {
	s := append(f.scratch[:0], c.Origin.Source...)
	s = append(append(append(s, 0), c.Origin.Topic...), 0)
	s = binary.BigEndian.AppendUint32(s, uint32(c.Origin.Partition))
	f.scratch = s
	return f.Hasher.Sum(TagPosition, s)
}

// messages hashes the ids of messages, of those without one their place.
func (f *Finisher) messages(c *Chunk, b *Batch, from int) {
	var ids []Str
	if b.Str[MessageID] != nil {
		ids = b.Str[MessageID][:b.N]
	}
	origin := f.originHash(c)
	f.column.start(f.Hasher, TagMessage)
	for r := from; r < b.N; r++ {
		if ids != nil && ids[r].Len > 0 {
			f.column.hash(f.Hasher, b.Message, r, b.Bytes(ids[r]))
		} else {
			b.Message[r] = f.place(origin, b, r)
		}
	}
	f.column.flush(b.Message)
}

// place hashes the row's place in the log.
func (f *Finisher) place(origin Hash, b *Batch, r int) Hash {
	b.Head[r].Flags |= IsPositional
	s := binary.BigEndian.AppendUint64(f.scratch[:0], origin.Hi)
	s = binary.BigEndian.AppendUint64(s, origin.Lo)
	s = binary.BigEndian.AppendUint64(s, uint64(b.Offset[r]))
	s = binary.BigEndian.AppendUint32(s, uint32(b.Element[r]))
	f.scratch = s
	return f.Hasher.Sum(TagPosition, s)
}

// completeAmount sets the amounts of items (price × quantity unless given) and
// of the event (its own, else the sum of its items, else of itself as a line).
func completeAmount(b *Batch, r int) {
	sum, known := int64(0), false
	for i := b.Head[r].ItemFirst; i < b.Head[r].ItemFirst+b.Head[r].ItemCount; i++ {
		a := &b.Item.Int[Amount][i]
		if *a == Absent {
			*a = lineAmount(b.Item.Int[Price][i], b.Item.Int[Quantity][i])
		}
		if *a != Absent {
			sum, known = sum+*a, true
		}
	}
	if b.Int[Amount] == nil || b.Int[Amount][r] != Absent {
		return
	}
	switch {
	case known:
		b.Int[Amount][r] = sum
	case b.Head[r].ItemCount == 0:
		b.Int[Amount][r] = lineAmount(b.Num(Price, r), b.Num(Quantity, r))
	}
}

// lineAmount is price × quantity; a missing quantity is one.
func lineAmount(price, quantity int64) int64 {
	if price == Absent {
		return Absent
	}
	if quantity == Absent || quantity == money.Scale {
		return price
	}
	a, ok := money.Mul(price, quantity)
	if !ok {
		return Absent
	}
	return a
}

func (f *Finisher) identifiers(b *Batch, from int) {
	for k := range Ident(NumIdents) {
		col := b.Ident[k]
		if col == nil {
			continue
		}
		raw := b.Str[k.Column()]
		hasNone := !hasText(raw[from:b.N])
		b.NoIdent[k] = hasNone && (from == 0 || b.NoIdent[k])
		if hasNone {
			continue
		}
		f.column.start(f.Hasher, byte(k))
		for r := from; r < b.N; r++ {
			text := raw[r]
			if text.Len == 0 {
				continue
			}
			if k.IsAddressable() {
				if v := b.Bytes(text); !f.Hasher.IsBlocked(v) {
					f.column.hash(f.Hasher, col, r, v)
				}
				continue
			}
			if v := f.normalise(k, b.Bytes(text)); !f.Hasher.IsBlocked(v) {
				col[r] = f.Hasher.Sum(byte(k), v)
			}
			raw[r] = Str{}
		}
		f.column.flush(col)
	}
}

// normalise trims and lower-cases e-mail addresses and reduces phone numbers
// to their E.164 digits; other kinds stay as they are.
func (f *Finisher) normalise(k Ident, v []byte) []byte {
	switch k {
	case IdentEmail:
		f.scratch = appendLower(f.scratch[:0], bytes.TrimSpace(v))
		return f.scratch
	case IdentPhone:
		f.scratch = appendPhone(f.scratch[:0], v)
		return f.scratch
	}
	return v
}

func appendLower(dst, v []byte) []byte {
	for i, c := range v {
		if c >= utf8.RuneSelf {
			return append(dst, bytes.ToLower(v[i:])...)
		}
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// appendPhone keeps the digits; an international 00 prefix is the same as +.
func appendPhone(dst, v []byte) []byte {
	plus := false
	for _, c := range v {
		switch {
		case c == '+':
			plus = true
		case '0' <= c && c <= '9':
			dst = append(dst, c)
		}
	}
	if !plus && len(dst) > 2 && dst[0] == '0' && dst[1] == '0' {
		dst = dst[:copy(dst, dst[2:])]
	}
	return dst
}

// AppendMessageID writes the id of the row's message as text: its message_id,
// or source/topic/partition/offset/element.
func AppendMessageID(dst []byte, b *Batch, row int, origins []Origin) []byte {
	if b.Head[row].Flags&IsPositional == 0 {
		return append(dst, b.Text(MessageID, row)...)
	}
	o := &origins[b.Origin[row]]
	dst = append(append(append(dst, o.Source...), '/'), o.Topic...)
	dst = strconv.AppendInt(append(dst, '/'), int64(o.Partition), 10)
	dst = strconv.AppendInt(append(dst, '/'), b.Offset[row], 10)
	return strconv.AppendInt(append(dst, '/'), int64(b.Element[row]), 10)
}
