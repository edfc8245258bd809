package abandonment

import (
	"bytes"
	"encoding/binary"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// Texts of an episode lie in one blob, one behind another: which one it is (1
// byte), its length (uvarint) and its bytes. Most episodes have one or two.

// text names a text of an episode.
type text uint8

const (
	cartID text = iota
	formID
	lastField
	opening // message that opened it
	closing // message that closed it
	closedBy
	left  // currency and cart as they were left; while current those of the profile count
	payer // the order that closed it: hash and revenue, 8 bytes each
	numTexts
)

// textMax is where texts are cut, in bytes.
const textMax = 1024

func cutText(s []byte) []byte {
	if len(s) <= textMax {
		return s
	}
	n := textMax
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n]
}

// nextText cuts the first text off a blob.
func nextText(blob []byte) (which text, s, rest []byte) {
	n, k := binary.Uvarint(blob[1:])
	end := 1 + k + int(n)
	return text(blob[0]), blob[1+k : end : end], blob[end:]
}

// text is one of the episode's texts, good until one is set.
func (h *shard) text(e *episode, i text) []byte {
	for rest := h.arena.Get(e.texts); len(rest) > 0; {
		var which text
		var s []byte
		if which, s, rest = nextText(rest); which == i {
			return s
		}
	}
	return nil
}

// texts are all of them.
func (h *shard) texts(e *episode) (all [numTexts][]byte) {
	for rest := h.arena.Get(e.texts); len(rest) > 0; {
		var which text
		var s []byte
		which, s, rest = nextText(rest)
		all[which] = s
	}
	return all
}

// setText keeps a text, cut where it is too long, unless it is empty.
func (h *shard) setText(e *episode, i text, s []byte) {
	if s = cutText(s); len(s) > 0 && !bytes.Equal(h.text(e, i), s) {
		h.putText(e, i, s)
	}
}

// putText keeps a text as it is. It may be a part of one that the episode has.
func (h *shard) putText(e *episode, i text, s []byte) {
	blob := h.blob[:0]
	for rest := h.arena.Get(e.texts); len(rest) > 0; {
		whole := rest
		var which text
		if which, _, rest = nextText(rest); which != i {
			blob = append(blob, whole[:len(whole)-len(rest)]...)
		}
	}
	blob = binary.AppendUvarint(append(blob, byte(i)), uint64(len(s)))
	h.blob = append(blob, s...)
	e.texts = h.arena.Replace(e.texts, h.blob)
}

// payment is the order that closed an episode.
type payment struct {
	order   uint64 // hash of the order
	revenue int64
}

// paymentOf cuts the text of the order that closed an episode, if one did.
func paymentOf(payer []byte) payment {
	if len(payer) == 0 {
		return payment{}
	}
	return payment{binary.LittleEndian.Uint64(payer), int64(binary.LittleEndian.Uint64(payer[8:]))}
}

func (h *shard) setPayment(e *episode, p payment) {
	s := binary.LittleEndian.AppendUint64(h.scratch[:0], p.order)
	h.scratch = binary.LittleEndian.AppendUint64(s, uint64(p.revenue))
	h.putText(e, payer, h.scratch)
}

// setOpening notes the message that opens the episode.
func (h *shard) setOpening(t *pipeline.Turn, e *episode, b *event.Batch, row int) {
	h.scratch = event.AppendMessageID(h.scratch[:0], b, row, t.Origins)
	h.setText(e, opening, h.scratch)
}
