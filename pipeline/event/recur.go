package event

import "encoding/binary"

// recurring are columns with few values that are read of most events.
var recurring = [...]Column{Channel, DeviceType, Locale, Country, City, Campaign, CampaignSource, CampaignMedium,
	Category, Currency, Fulfilment, StoreID}

// recurBytesMax is the length of the longest text that is looked for; two words
// tell it from all others of its length.
const recurBytesMax = 16

// recurrer knows where in the arena of the batch at hand texts of a column
// stand.
type recurrer [32]struct {
	first, last uint64
	at          Str
}

// recur lets equal texts of a column stand in one place of the arena: that of
// the first one. The texts of the rows at hand are in the processor's cache,
// and those that stand in one place will be when operators read them; where the
// producer wrote them each is a wait for memory.
func (f *Finisher) recur(b *Batch, from int) {
	for i, c := range recurring {
		known := &f.recurrers[i]
		if from == 0 {
			*known = recurrer{}
		}
		if b.Str[c] == nil || !hasText(b.Str[c][from:b.N]) {
			continue
		}
		texts := b.Str[c][from:b.N]
		for r, s := range texts {
			if s.Len == 0 || s.Len > recurBytesMax {
				continue
			}
			first, last := ends(b.Arena, s)
			k := &known[(first^last<<1^uint64(s.Len))*0x9e3779b97f4a7c15>>59]
			if k.first == first && k.last == last && k.at.Len == s.Len {
				texts[r] = k.at
			} else {
				k.first, k.last, k.at = first, last, s
			}
		}
	}
}

// ends are the first and the last 8 bytes of a text in the arena; of a shorter
// one first has all.
func ends(arena []byte, s Str) (first, last uint64) {
	at, n := arena[s.Off:], s.Len
	switch {
	case n >= 8:
		return binary.LittleEndian.Uint64(at), binary.LittleEndian.Uint64(at[n-8:])
	case len(at) >= 8:
		return binary.LittleEndian.Uint64(at) & (1<<(8*n) - 1), 0
	}
	for i, c := range at[:n] {
		first |= uint64(c) << (8 * i)
	}
	return first, 0
}
