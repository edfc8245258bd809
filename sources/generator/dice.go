package generator

import (
	"math/bits"
	"math/rand/v2"
)

// dice is a seeded source of chance. A world has several, so that what one
// part draws never changes another.
type dice struct{ pcg rand.PCG }

func newDice(seed, stream uint64) dice {
	var d dice
	d.pcg.Seed(mix(seed^0x5851f42d4c957f2d), mix(stream+0x9e3779b97f4a7c15))
	return d
}

// below gives 0 to n-1.
func (d *dice) below(n int) int {
	hi, _ := bits.Mul64(d.pcg.Uint64(), uint64(n))
	return int(hi)
}

// between gives lo to hi, both included.
func (d *dice) between(lo, hi int64) int64 {
	h, _ := bits.Mul64(d.pcg.Uint64(), uint64(hi-lo+1))
	return lo + int64(h)
}

// permille is true in n of 1000 cases.
func (d *dice) permille(n int) bool { return d.below(1000) < n }

// share is true in the share p of the cases.
func (d *dice) share(p float64) bool {
	return p > 0 && float64(d.pcg.Uint64()>>11)*(1.0/(1<<53)) < p
}

// pick gives an index with a chance in proportion to its weight; the weights
// must not all be 0.
func (d *dice) pick(weights []int) int {
	sum := 0
	for _, w := range weights {
		sum += w
	}
	at := d.below(sum)
	for i, w := range weights {
		if at < w {
			return i
		}
		at -= w
	}
	return len(weights) - 1
}

// mix is the finaliser of splitmix64: a bijection that scatters its input.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// mix3 scatters three numbers into one.
func mix3(a, b, c uint64) uint64 {
	return mix(mix(mix(a)+b*0x9e3779b97f4a7c15) + c*0xc2b2ae3d27d4eb4f)
}
