// Package money does exact arithmetic on amounts and quantities: 64-bit
// integers in 1/10,000 of the unit.
package money

import (
	"math"
	"math/bits"
	"strconv"
)

// Scale is the number of parts of one unit.
const Scale = 10_000

const places = 4

// Parse reads a decimal number such as 12.5, -0,99 (decimal ',') or 1.2e3 into
// 1/10,000 of the unit. More than four places are rounded half away from zero.
// It reports false for anything that is not wholly a number or does not fit.
func Parse(s []byte, decimal byte) (int64, bool) { return ParseScaled(s, decimal, 0) }

// ParseScaled is Parse of s × 10^shift: minor units have shift -2.
func ParseScaled(s []byte, decimal byte, shift int) (int64, bool) {
	i, negative := 0, false
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		negative = s[i] == '-'
		i++
	}
	mantissa, digits, exponent, dropped := uint64(0), 0, 0, false
	seen, point := false, false
	roundUp := false
	for ; i < len(s); i++ {
		c := s[i]
		if c == decimal && !point {
			point = true
			continue
		}
		if c < '0' || c > '9' {
			break
		}
		seen = true
		if digits < 19 {
			mantissa = mantissa*10 + uint64(c-'0')
			if mantissa > 0 {
				digits++
			}
			if point {
				exponent--
			}
			continue
		}
		if !dropped {
			dropped, roundUp = true, c >= '5'
		}
		if !point {
			exponent++
		}
	}
	if !seen {
		return 0, false
	}
	if i < len(s) && (s[i] == 'e' || s[i] == 'E') {
		e, ok := parseExponent(s[i+1:])
		if !ok {
			return 0, false
		}
		exponent += e
		i = len(s)
	}
	if i != len(s) {
		return 0, false
	}
	return assemble(negative, mantissa, exponent+places+shift, roundUp)
}

func parseExponent(s []byte) (int, bool) {
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	if len(s) == 0 {
		return 0, false
	}
	e := 0
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		if e < 100_000 {
			e = e*10 + int(c-'0')
		}
	}
	if negative {
		e = -e
	}
	return e, true
}

// assemble gives mantissa × 10^exponent; tail says that the digits cut off
// behind the mantissa are at least half of its last place.
func assemble(negative bool, mantissa uint64, exponent int, tail bool) (int64, bool) {
	if mantissa == 0 {
		return 0, true
	}
	if exponent == 0 && tail {
		mantissa++
	}
	for ; exponent > 0; exponent-- {
		hi, lo := bits.Mul64(mantissa, 10)
		if hi != 0 || lo > math.MaxInt64 {
			return 0, false
		}
		mantissa = lo
	}
	if exponent < -19 {
		return 0, true
	}
	if exponent < 0 {
		div := uint64(1)
		for range -exponent {
			div *= 10
		}
		q, r := mantissa/div, mantissa%div
		if r >= div-r {
			q++
		}
		mantissa = q
	}
	if mantissa > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(mantissa), true
	}
	return int64(mantissa), true
}

// Mul multiplies price by quantity, both in 1/10,000, rounding half away from
// zero. It reports false on overflow.
func Mul(price, quantity int64) (int64, bool) {
	negative := (price < 0) != (quantity < 0)
	hi, lo := bits.Mul64(abs(price), abs(quantity))
	if hi >= Scale {
		return 0, false
	}
	q, r := bits.Div64(hi, lo, Scale)
	if r >= Scale/2 {
		q++
	}
	if q > math.MaxInt64 {
		return 0, false
	}
	if negative {
		return -int64(q), true
	}
	return int64(q), true
}

func abs(v int64) uint64 {
	if v < 0 {
		return uint64(-v)
	}
	return uint64(v)
}

// Append writes the exact decimal digits without trailing zeros: 12.5, -0.05, 3.
func Append(dst []byte, v int64) []byte {
	u := abs(v)
	if v < 0 {
		dst = append(dst, '-')
	}
	dst = strconv.AppendUint(dst, u/Scale, 10)
	frac := u % Scale
	if frac == 0 {
		return dst
	}
	dst = append(dst, '.')
	for div := uint64(Scale / 10); frac > 0; div /= 10 {
		dst = append(dst, byte('0'+frac/div))
		frac %= div
	}
	return dst
}

// Float gives the value in units, for sketches and ratios.
func Float(v int64) float64 { return float64(v) / Scale }
