package cart

import "encoding/binary"

// Where a cart is kept with the currency of its prices, both are one blob: the
// currency with its length first, then the cart.

// AppendUnit begins such a blob; an empty currency is none.
func AppendUnit(dst, currency []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(currency))), currency...)
}

// CutUnit gives the currency of such a blob and what Load reads of it. An empty
// blob is an empty cart without currency.
func CutUnit(blob []byte) (currency, goods []byte) {
	n, k := binary.Uvarint(blob)
	end := k + int(n)
	return blob[k:end:end], blob[end:]
}
