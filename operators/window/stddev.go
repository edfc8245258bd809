package window

import (
	"math"
	"math/big"
	"math/bits"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// stddev is the standard deviation of a sample, from exact sums: the square
// root of (n·Σx² − (Σx)²) ÷ (n·(n−1)). Cells: Σx in two, n, Σx² in three.
type stddev struct{ feed *feed }

func newStddev(_ *call, f *feed) aggregate { return &stddev{f} }

func (a *stddev) width() int { return 6 }

func (a *stddev) column() schema.Column { return schema.Column{Type: schema.Float, Nullable: true} }

func (a *stddev) add(_ *store, u *units, at int) {
	values := a.feed.ints(u)
	addSums(values, u, at)
	for i, v := range values {
		if v == event.Absent {
			continue
		}
		magnitude := uint64(v)
		if v < 0 {
			magnitude = -magnitude
		}
		hi, lo := bits.Mul64(magnitude, magnitude)
		addLong(u.cells[i][at+3:at+6], lo, hi, 0)
	}
}

// addLong adds to a 192-bit number in three cells.
func addLong(c []int64, lo, mid, hi uint64) {
	lo, carry := bits.Add64(uint64(c[0]), lo, 0)
	mid, carry = bits.Add64(uint64(c[1]), mid, carry)
	hi, _ = bits.Add64(uint64(c[2]), hi, carry)
	c[0], c[1], c[2] = int64(lo), int64(mid), int64(hi)
}

func (a *stddev) merge(_ *store, into, from []int64) {
	mergeWide(into, from)
	into[2] += from[2]
	addLong(into[3:6], uint64(from[3]), uint64(from[4]), uint64(from[5]))
}

func (a *stddev) free(*store, []int64) {}

func (a *stddev) write(_ *store, c []int64, out *schema.Rows) {
	n := c[2]
	if n < 2 {
		out.Float(math.NaN())
		return
	}
	squares := new(big.Int).SetUint64(uint64(c[5]))
	for _, part := range []int64{c[4], c[3]} {
		squares.Lsh(squares, 64)
		squares.Add(squares, new(big.Int).SetUint64(uint64(part)))
	}
	total := bigWide(c)
	spread := squares.Mul(squares, big.NewInt(n))
	spread.Sub(spread, total.Mul(total, total))
	pairs := new(big.Int).Mul(big.NewInt(n), big.NewInt(n-1))
	scale := big.NewInt(a.feed.scale())
	pairs.Mul(pairs, scale.Mul(scale, scale))
	out.Float(math.Sqrt(ratio(spread, pairs)))
}
