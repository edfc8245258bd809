package decode

import (
	"math"
	"math/bits"
	"strconv"
	"unsafe"
)

// decimal is a number as digits × 10^exponent.
type decimal struct {
	digits   uint64
	exponent int
	negative bool
	// dropped: digits other than zero were cut off.
	dropped bool
}

// parseDecimal reads a number such as -12.5e3 with the given decimal sign.
func parseDecimal(s []byte, sign byte) (decimal, bool) {
	var d decimal
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		d.negative = s[i] == '-'
		i++
	}
	seen, point := false, false
	for ; i < len(s); i++ {
		c := s[i]
		if c == sign && !point {
			point = true
			continue
		}
		if c-'0' > 9 {
			break
		}
		seen = true
		if d.digits < math.MaxUint64/10-1 {
			d.digits = d.digits*10 + uint64(c-'0')
			if point {
				d.exponent--
			}
			continue
		}
		d.dropped = d.dropped || c != '0'
		if !point {
			d.exponent++
		}
	}
	if !seen {
		return d, false
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		e, ok := parseExponent(s[i+1:])
		d.exponent += e
		return d, ok
	}
	return d, i == len(s)
}

func parseExponent(s []byte) (int, bool) {
	negative := false
	if len(s) > 0 && (s[0] == '-' || s[0] == '+') {
		negative = s[0] == '-'
		s = s[1:]
	}
	e := 0
	for _, c := range s {
		if c-'0' > 9 {
			return 0, false
		}
		if e < 100_000 {
			e = e*10 + int(c-'0')
		}
	}
	if negative {
		return -e, len(s) > 0
	}
	return e, len(s) > 0
}

// whole gives the number × 10^shift cut towards minus infinity, and whether
// nothing was cut.
func (d decimal) whole(shift int) (v int64, exact, ok bool) {
	u, e, exact := d.digits, d.exponent+shift, !d.dropped
	if u == 0 {
		return 0, exact, true
	}
	for ; e > 0; e-- {
		hi, lo := bits.Mul64(u, 10)
		if hi != 0 {
			return 0, false, false
		}
		u = lo
	}
	for ; e < 0 && u > 0; e++ {
		exact = exact && u%10 == 0
		u /= 10
	}
	if u > math.MaxInt64-1 {
		return 0, false, false
	}
	if !d.negative {
		return int64(u), exact, true
	}
	if exact {
		return -int64(u), true, true
	}
	return -int64(u) - 1, false, true
}

// Int reads a whole number; 3.0 and 1e3 are whole.
func Int(s []byte, sign byte) (int64, bool) {
	d, ok := parseDecimal(s, sign)
	if !ok {
		return 0, false
	}
	v, exact, ok := d.whole(0)
	return v, exact && ok
}

// Float reads a decimal number; NaN, infinities and hexadecimal forms are none.
func Float(s []byte) (float64, bool) {
	if len(s) == 0 {
		return 0, false
	}
	for _, c := range s {
		if c-'0' > 9 && c != '.' && c != '-' && c != '+' && c|0x20 != 'e' {
			return 0, false
		}
	}
	f, err := strconv.ParseFloat(unsafe.String(&s[0], len(s)), 64)
	return f, err == nil
}

// Flag reads true, yes, y, t, 1 and false, no, n, f, 0 in any case.
func Flag(s []byte) (int64, bool) {
	switch {
	case is(s, "true"), is(s, "1"), is(s, "yes"), is(s, "y"), is(s, "t"):
		return 1, true
	case is(s, "false"), is(s, "0"), is(s, "no"), is(s, "n"), is(s, "f"):
		return 0, true
	}
	return 0, false
}

// is compares with a lower-case ASCII word, without case.
func is(s []byte, word string) bool {
	if len(s) != len(word) {
		return false
	}
	for i := range s {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c |= 0x20
		}
		if c != word[i] {
			return false
		}
	}
	return true
}
