package ropo

import (
	"cmp"
	"encoding/binary"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// messageID is the id of a touch's message in 16 bytes, in the form that stands
// beside it. Ids of one form other than textID sort by hi, then lo.
type messageID struct{ hi, lo uint64 }

func (m messageID) compare(o messageID) int {
	return cmp.Or(cmp.Compare(m.hi, o.hi), cmp.Compare(m.lo, o.lo))
}

// idForm says how a message id is kept.
type idForm uint8

const (
	positionID  idForm = iota // 32 bits of origin, 64 of offset, 32 of element
	uuidID                    // a UUID with its dashes, in lower case
	upperUUIDID               // the same in upper case
	textID                    // any other; lo is its Ref in the arena
)

// positionOf is the id of a row without message id.
func positionOf(b *event.Batch, row int) messageID {
	offset, element := uint64(b.Offset[row]), uint64(uint32(b.Element[row]))
	return messageID{hi: uint64(b.Origin[row])<<32 | offset>>32, lo: offset<<32 | element}
}

// parseID gives the form in which an id is kept and, unless that is textID, the
// 16 bytes.
func parseID(text []byte) (messageID, idForm) {
	if len(text) == uuidLen && text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-' {
		if m, ok := parseUUID(text, 'a'); ok {
			return m, uuidID
		}
		if m, ok := parseUUID(text, 'A'); ok {
			return m, upperUUIDID
		}
	}
	return messageID{}, textID
}

// uuidLen is the length of a UUID as text, 8-4-4-4-12 digits.
const uuidLen = 36

// parseUUID reads the digits of a UUID. Its letters must be those from first on,
// 'a' or 'A', so that appendUUID gives the same text again.
func parseUUID(text []byte, first byte) (m messageID, ok bool) {
	part := func(from, then int) uint64 {
		return uint64(binary.BigEndian.Uint32(text[from:]))<<32 | uint64(binary.BigEndian.Uint32(text[then:]))
	}
	a, okA := unhex(part(0, 4), first)
	b, okB := unhex(part(9, 14), first)
	c, okC := unhex(part(19, 24), first)
	d, okD := unhex(part(28, 32), first)
	return messageID{hi: uint64(a)<<32 | uint64(b), lo: uint64(c)<<32 | uint64(d)}, okA && okB && okC && okD
}

// unhex reads eight hexadecimal digits at once, the first in the highest byte.
// Letters are those from first on, 'a' or 'A'.
func unhex(digits uint64, first byte) (v uint32, ok bool) {
	const ones = 0x0101_0101_0101_0101
	letters := digits >> 6 & ones // 1 in each byte of a letter, which alone have bit 6
	n := digits&(15*ones) + 9*letters
	// Above 9 are letters and nothing else, above 15 is none, and the digits
	// made of the values are those that came.
	ok = n&(0xf0*ones) == 0 && (n+6*ones)>>4&ones == letters && n+'0'*ones+letters*uint64(first-10-'0') == digits
	n = (n | n>>4) & 0x00ff_00ff_00ff_00ff
	n = (n | n>>8) & 0x0000_ffff_0000_ffff
	return uint32(n | n>>16), ok
}

// appendUUID appends the text that parseUUID read.
func appendUUID(dst []byte, m messageID, first byte) []byte {
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			dst = append(dst, '-')
		}
		n := byte(m.hi >> 60)
		m.hi, m.lo = m.hi<<4|m.lo>>60, m.lo<<4
		if n < 10 {
			dst = append(dst, '0'+n)
		} else {
			dst = append(dst, first-10+n)
		}
	}
	return dst
}

// Keys sort like message ids: positions by number, before texts.
const (
	keyOfPosition = iota
	keyOfText
)

// appendPosition appends the key of a position.
func appendPosition(dst []byte, m messageID) []byte {
	dst = binary.BigEndian.AppendUint64(append(dst, keyOfPosition), m.hi)
	return binary.BigEndian.AppendUint64(dst, m.lo)
}

// key writes the key of the row's message. It is lent until the next call.
func (s *shard) key(b *event.Batch, row int) []byte {
	if b.Head[row].Flags&event.IsPositional == 0 {
		s.id = append(append(s.id[:0], keyOfText), b.Text(event.MessageID, row)...)
	} else {
		s.id = appendPosition(s.id[:0], positionOf(b, row))
	}
	return s.id
}

// keyOf writes the key of a touch's message. It is lent until the next call.
func (s *shard) keyOf(t *touch) []byte {
	dst := append(s.touchID[:0], keyOfText)
	switch t.form {
	case positionID:
		dst = appendPosition(dst[:0], t.message)
	case uuidID:
		dst = appendUUID(dst, t.message, 'a')
	case upperUUIDID:
		dst = appendUUID(dst, t.message, 'A')
	case textID:
		dst = append(dst, s.arena.Get(flat.Ref(t.message.lo))...)
	}
	s.touchID = dst
	return dst
}
