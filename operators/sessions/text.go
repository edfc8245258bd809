package sessions

import (
	"encoding/binary"

	"touchstream/pipeline/event"
)

// Texts of a session lie in one blob: the time to which the others are
// relative (8 bytes), then per text its field, the time of the event that had
// it (signed varint), length and bytes.

// field names a text of a session.
type field uint8

const (
	deviceKey field = iota // the kind's code and the value
	channel
	entryPage
	referrer
	campaign
	deviceType
	country
	city
	store
	numFields
)

// textMax is where texts other than pages are cut, in bytes.
const textMax = 1024

// plain are the fields that are a column's text.
var plain = [...]struct {
	field  field
	column event.Column
}{
	{channel, event.Channel}, {referrer, event.Referrer}, {campaign, event.Campaign}, {deviceType, event.DeviceType},
	{country, event.Country}, {city, event.City}, {store, event.StoreID},
}

// draft is a text that an event offers to a session.
type draft struct {
	field field
	at    int64
	text  []byte
}

// cut shortens a text to max bytes without splitting a rune.
func cut(s []byte, max int) []byte {
	if len(s) <= max {
		return s
	}
	for max > 0 && s[max]&0xc0 == 0x80 {
		max--
	}
	return s[:max]
}

// offerTexts takes each text of the event that the session lacks or has from a
// later event, and the device's key when the session is new.
func (h *shard) offerTexts(s *session, b *event.Batch, row int, t int64) {
	h.drafts = h.drafts[:0]
	if s.texts == 0 {
		kind := b.Head[row].DeviceKind
		h.key = append(append(h.key[:0], byte(kind)), cut(b.Text(kind.Column(), row), textMax)...)
		h.drafts = append(h.drafts, draft{deviceKey, t, h.key})
	}
	early := t < s.end
	for _, p := range plain {
		if !early && s.have&(1<<p.field) != 0 {
			continue
		}
		if v := b.Text(p.column, row); len(v) > 0 && h.lacks(s, p.field, t, early) {
			h.drafts = append(h.drafts, draft{p.field, t, cut(v, textMax)})
		}
	}
	if page := b.Head[row].Page; page.Len > 0 {
		v := cut(b.Bytes(page), int(h.cfg.PageBytes))
		if h.lacks(s, entryPage, t, early) {
			h.drafts = append(h.drafts, draft{entryPage, t, v})
		}
		h.offerExit(s, t, v)
	}
	if len(h.drafts) > 0 {
		h.writeTexts(s)
	}
}

func (h *shard) lacks(s *session, f field, t int64, early bool) bool {
	if s.have&(1<<f) == 0 {
		return true
	}
	if !early {
		return false
	}
	at, _ := findText(h.arena.Get(s.texts), f)
	return t < at
}

// writeTexts puts the drafts into the session's blob.
func (h *shard) writeTexts(s *session) {
	old := h.arena.Get(s.texts)
	base := s.start
	if len(old) > 0 {
		base = int64(binary.LittleEndian.Uint64(old))
	}
	out := binary.LittleEndian.AppendUint64(h.scratch[:0], uint64(base))
	replaced := uint16(0)
	for _, d := range h.drafts {
		replaced |= 1 << d.field
		out = appendText(out, d.field, d.at-base, d.text)
	}
	if len(old) > 0 {
		for rest := old[8:]; len(rest) > 0; {
			e := firstText(rest)
			if replaced&(1<<e.field) == 0 {
				out = append(out, rest[:e.size]...)
			}
			rest = rest[e.size:]
		}
	}
	h.scratch = out
	s.have |= replaced
	s.texts = h.arena.Replace(s.texts, out)
}

func appendText(dst []byte, f field, at int64, text []byte) []byte {
	dst = append(dst, byte(f))
	dst = binary.AppendVarint(dst, at)
	dst = binary.AppendUvarint(dst, uint64(len(text)))
	return append(dst, text...)
}

// textEntry is one text of a blob.
type textEntry struct {
	field field
	at    int64 // after the blob's time
	text  []byte
	size  int // of the entry in the blob
}

// firstText reads the first entry of a blob's rest, behind the time.
func firstText(rest []byte) textEntry {
	at, k := binary.Varint(rest[1:])
	n, k2 := binary.Uvarint(rest[1+k:])
	from := 1 + k + k2
	return textEntry{field(rest[0]), at, rest[from : from+int(n)], from + int(n)}
}

// allTexts gives the texts of a blob by field.
func allTexts(blob []byte) (texts [numFields][]byte) {
	if len(blob) == 0 {
		return texts
	}
	for rest := blob[8:]; len(rest) > 0; {
		e := firstText(rest)
		texts[e.field], rest = e.text, rest[e.size:]
	}
	return texts
}

// findText gives a text of a blob and its time.
func findText(blob []byte, want field) (int64, []byte) {
	if len(blob) == 0 {
		return event.Absent, nil
	}
	base := int64(binary.LittleEndian.Uint64(blob))
	for rest := blob[8:]; len(rest) > 0; {
		e := firstText(rest)
		if e.field == want {
			return base + e.at, e.text
		}
		rest = rest[e.size:]
	}
	return event.Absent, nil
}

// mergeTexts gives the older session what only the newer one has.
func (h *shard) mergeTexts(older, newer *session) {
	h.drafts = h.drafts[:0]
	blob := h.arena.Get(newer.texts)
	for f := range numFields {
		if newer.have&(1<<f) != 0 && older.have&(1<<f) == 0 {
			at, text := findText(blob, f)
			h.drafts = append(h.drafts, draft{f, at, text})
		}
	}
	if len(h.drafts) > 0 {
		h.writeTexts(older)
	}
}
