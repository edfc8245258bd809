package schema

import (
	"bytes"
	"encoding/binary"
	"hash/maphash"
)

// Words numbers different texts from 0 on, in the order in which they come:
// open addressing over the texts, each with its length before it as a uvarint.
type Words struct {
	// Wire is all texts in their order.
	Wire []byte

	seed     maphash.Seed
	slots    []uint32 // key + 1; 0 is free
	from, to []uint32 // where the text of each key lies in Wire
	last     uint32
}

// Reset forgets all texts and keeps the memory.
func (w *Words) Reset() {
	clear(w.slots)
	w.Wire, w.from, w.to, w.last = w.Wire[:0], w.from[:0], w.to[:0], 0
}

// Len is the number of texts.
func (w *Words) Len() int { return len(w.from) }

// Text gives the text of a key.
func (w *Words) Text(key uint32) []byte { return w.Wire[w.from[key]:w.to[key]] }

// Key numbers a text.
func (w *Words) Key(s []byte) uint32 {
	if len(w.from) > 0 && bytes.Equal(w.Text(w.last), s) {
		return w.last
	}
	if 2*(len(w.from)+1) > len(w.slots) {
		w.grow()
	}
	mask := uint64(len(w.slots) - 1)
	for at := maphash.Bytes(w.seed, s) & mask; ; at = (at + 1) & mask {
		slot := w.slots[at]
		if slot == 0 {
			w.Wire = binary.AppendUvarint(w.Wire, uint64(len(s)))
			w.from = append(w.from, uint32(len(w.Wire)))
			w.Wire = append(w.Wire, s...)
			w.to = append(w.to, uint32(len(w.Wire)))
			w.last = uint32(len(w.from) - 1)
			w.slots[at] = w.last + 1
			return w.last
		}
		if bytes.Equal(w.Text(slot-1), s) {
			w.last = slot - 1
			return w.last
		}
	}
}

func (w *Words) grow() {
	if len(w.slots) == 0 {
		w.seed = maphash.MakeSeed()
	}
	w.slots = make([]uint32, max(64, 2*len(w.slots)))
	mask := uint64(len(w.slots) - 1)
	for key := range w.from {
		at := maphash.Bytes(w.seed, w.Text(uint32(key))) & mask
		for w.slots[at] != 0 {
			at = (at + 1) & mask
		}
		w.slots[at] = uint32(key) + 1
	}
}

// Load takes the texts that another one's Wire holds, whose memory it keeps, and
// reports whether they are whole.
func (w *Words) Load(wire []byte) bool {
	*w = Words{Wire: wire}
	for at := 0; at < len(wire); {
		n, used := binary.Uvarint(wire[at:])
		if used <= 0 || n > uint64(len(wire)-at-used) {
			return false
		}
		w.from = append(w.from, uint32(at+used))
		at += used + int(n)
		w.to = append(w.to, uint32(at))
	}
	for 2*(len(w.from)+1) > len(w.slots) && len(w.from) > 0 {
		w.grow()
	}
	return true
}
