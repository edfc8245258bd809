package sessions

import (
	"encoding/binary"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
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
	currency
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
// later event.
func (h *shard) offerTexts(s *session, b *event.Batch, row int, t int64) {
	h.drafts = h.drafts[:0]
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

func (h *shard) offerExit(s *session, t int64, path []byte) {
	if s.exit != 0 {
		if old := h.arena.Get(s.exit); t < int64(binary.LittleEndian.Uint64(old)) {
			return
		}
	}
	h.scratch = binary.LittleEndian.AppendUint64(h.scratch[:0], uint64(t))
	h.scratch = append(h.scratch, path...)
	s.exit = h.arena.Replace(s.exit, h.scratch)
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
			f, n := field(rest[0]), textLen(rest)
			if replaced&(1<<f) == 0 {
				out = append(out, rest[:n]...)
			}
			rest = rest[n:]
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

// textLen is the length of the first entry of a blob.
func textLen(b []byte) int {
	i := 1
	_, k := binary.Varint(b[i:])
	i += k
	n, k := binary.Uvarint(b[i:])
	return i + k + int(n)
}

// findText gives a text of a blob and its time.
func findText(blob []byte, want field) (int64, []byte) {
	if len(blob) == 0 {
		return event.Absent, nil
	}
	base := int64(binary.LittleEndian.Uint64(blob))
	for rest := blob[8:]; len(rest) > 0; {
		n := textLen(rest)
		if field(rest[0]) == want {
			at, k := binary.Varint(rest[1:])
			_, k2 := binary.Uvarint(rest[1+k:])
			return base + at, rest[1+k+k2 : n]
		}
		rest = rest[n:]
	}
	return event.Absent, nil
}

// mergeTexts gives the older session what only the newer one has, and its exit
// page.
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
	if newer.exit != 0 {
		h.arena.Free(older.exit)
		older.exit, newer.exit = newer.exit, 0
	}
}

// exitPage is the path of the session's last page.
func (h *shard) exitPage(s *session) []byte {
	if s.exit == 0 {
		return nil
	}
	return h.arena.Get(s.exit)[8:]
}

// blobs are the refs that a session owns apart from its trade.
func (s *session) blobs() [3]flat.Ref { return [3]flat.Ref{s.texts, s.exit, s.products} }
