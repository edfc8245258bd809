package decode

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"touchstream/pipeline/event"
)

// Index marks, one bit a byte, where a string of JSON may end or needs care:
// quotes, backslashes, control characters and bytes outside ASCII. It is made
// once for all records of a part of a chunk; the end of a clean string is then the next
// mark. It is used by one goroutine at a time.
type Index struct {
	data []byte
	// marks has a bit for each byte of data, lowest first, and behind them marks
	// alone: who looks for the next one always finds it.
	marks []uint64
}

// blockBytes is what one word of marks covers.
const blockBytes = 64

// BuildFor makes the index of a chunk's records.
func (x *Index) BuildFor(c *event.Chunk) {
	from, to := c.Extent()
	x.Build(c.Data[:to], from)
}

// Build makes the index of data, which must not change while it is used. Nothing
// before from is asked for.
func (x *Index) Build(data []byte, from int) {
	whole, first := len(data)/blockBytes, from/blockBytes
	x.data = data
	x.marks = slices.Grow(x.marks[:0], whole+2)[:whole+2]
	markBlocks(x.marks[first:whole], data[first*blockBytes:])
	// The rest goes through a block of its own, so that nothing is read beyond
	// the data; the zeros behind it are control characters.
	var last [blockBytes]byte
	copy(last[:], data[whole*blockBytes:])
	markBlocks(x.marks[whole:whole+1], last[:])
	x.marks[whole+1] = ^uint64(0)
}

// next is the first mark at i or behind it; i is at most the data's length.
func (x *Index) next(i int) int {
	if m := x.marks[i/blockBytes] >> (i % blockBytes); m != 0 {
		return i + bits.TrailingZeros64(m)
	}
	return x.nextBlock(i/blockBytes + 1)
}

func (x *Index) nextBlock(block int) int {
	for x.marks[block] == 0 {
		block++
	}
	return block*blockBytes + bits.TrailingZeros64(x.marks[block])
}

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
	lows  = 0x7f7f7f7f7f7f7f7f
)

// markBlocksPortable marks as many blocks of data as there are words of marks.
func markBlocksPortable(marks []uint64, data []byte) {
	for i := range marks {
		block := data[i*blockBytes : (i+1)*blockBytes]
		m := uint64(0)
		for k := 0; k < blockBytes; k += 8 {
			m |= markWord(binary.LittleEndian.Uint64(block[k:])) << k
		}
		marks[i] = m
	}
}

// markWord marks 8 bytes in the lowest 8 bits. With bit 1 flipped, quotes are
// just above the control characters, so one comparison finds both.
func markWord(w uint64) uint64 {
	q, b := w^ones*2, w^ones*'\\'
	below := ^(q&lows + ones*(0x80-0x21)) // bytes up to 0x20, as far as ASCII
	equal := ^(b&lows + lows)
	m := ((below | w) | equal&^b) & highs
	return m >> 7 * 0x0102040810204080 >> 56
}
