package decode

import (
	"encoding/binary"
	"math/bits"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
)

// Amount reads a Number of data in 1/10,000, as money.Parse does. Up to 8 bytes,
// as most have, are read at once.
func Amount(data []byte, v event.Str) (int64, bool) {
	size, end := v.Len, int(v.Off)+int(v.Len)
	if size-1 > 7 || end < 8 {
		return money.Parse(data[v.Off:end], '.')
	}
	// The last byte is the highest; zeros take the place of what stands before.
	before := 64 - 8*size
	w := binary.LittleEndian.Uint64(data[end-8:end]) ^ ones*'0'
	w = w >> before << before
	// Of what may stand in a number only digits have bit 4 clear now.
	signs := w & (ones * 0x10)
	if signs == 0 {
		return int64(eightDigits(w)) * money.Scale, true
	}
	at := bits.TrailingZeros64(signs) &^ 7 // of the point, in bits
	places := 7 - at/8
	if signs&(signs-1) != 0 || byte(w>>at) != '.'^'0' || places > 4 {
		return money.Parse(data[v.Off:end], '.')
	}
	below := uint64(1)<<at - 1
	w = w&^below>>8>>at<<at<<8 | w&below<<8
	return int64(eightDigits(w)) * [...]int64{10_000, 1000, 100, 10, 1}[places], true
}

// eightDigits is the number whose digits are the bytes of w, the first one
// lowest: neighbours are joined, then pairs, then fours.
func eightDigits(w uint64) uint64 {
	const pairs = 0x000000ff_000000ff
	w = w*10 + w>>8
	return (w&pairs*(100+1_000_000<<32) + w>>16&pairs*(1+10_000<<32)) >> 32
}
