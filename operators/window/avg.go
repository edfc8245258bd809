package window

import (
	"math"
	"math/big"

	"touchstream/pipeline/schema"
)

// avg divides an exact sum. Cells as in sum.
type avg struct{ sum }

func newAvg(_ *call, f *feed) aggregate { return &avg{sum{f}} }

func (a *avg) column() schema.Column { return schema.Column{Type: schema.Float, Nullable: true} }

func (a *avg) write(_ *store, c []int64, out *schema.Rows) {
	if c[2] == 0 {
		out.Float(math.NaN())
		return
	}
	parts := new(big.Int).Mul(big.NewInt(c[2]), big.NewInt(a.feed.scale()))
	out.Float(ratio(bigWide(c), parts))
}
