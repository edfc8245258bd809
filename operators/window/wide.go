package window

import (
	"math"
	"math/big"
	"math/bits"
)

// addWide adds v to a signed 128-bit number in two cells, the low one first.
func addWide(cells []int64, v int64) {
	lo, carry := bits.Add64(uint64(cells[0]), uint64(v), 0)
	cells[0] = int64(lo)
	cells[1] += v>>63 + int64(carry)
}

// mergeWide adds one 128-bit number to another.
func mergeWide(into, from []int64) {
	lo, carry := bits.Add64(uint64(into[0]), uint64(from[0]), 0)
	into[0] = int64(lo)
	into[1] += from[1] + int64(carry)
}

// narrow gives a 128-bit number as 64 bits, if it fits and is not Absent.
func narrow(cells []int64) (int64, bool) {
	return cells[0], cells[1] == cells[0]>>63 && cells[0] != math.MinInt64
}

// bigWide gives a 128-bit number.
func bigWide(cells []int64) *big.Int {
	n := new(big.Int).Lsh(big.NewInt(cells[1]), 64)
	return n.Add(n, new(big.Int).SetUint64(uint64(cells[0])))
}

// ratio is a ÷ b, rounded once.
func ratio(a *big.Int, b *big.Int) float64 {
	f, _ := new(big.Rat).SetFrac(a, b).Float64()
	return f
}
