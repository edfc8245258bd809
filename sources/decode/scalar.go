package decode

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

func (s *Scanner) literal(word string, k Kind) (Value, bool) {
	start := s.pos
	for i := range len(word) {
		if start+i >= len(s.data) || s.data[start+i] != word[i] {
			return Value{}, s.fail(start+i, "the rest of "+word)
		}
	}
	s.pos += len(word)
	return s.span(start, k)
}

func (s *Scanner) number() (Value, bool) {
	start := s.pos
	end, want := numberEnd(s.data, start)
	if want != "" {
		return Value{}, s.fail(end, want)
	}
	s.pos = end
	return s.span(start, Number)
}

// numberEnd is where the number at i ends, or where it is not one and what
// should stand there.
func numberEnd(d []byte, i int) (end int, want string) {
	start := i
	if i < len(d) && d[i] == '-' {
		i++
	}
	switch {
	case i < len(d) && d[i] == '0':
		i++
	case i < len(d) && d[i]-'1' < 9:
		i = digitsFrom(d, i)
	case i == start:
		return i, "a value"
	default:
		return i, "a digit"
	}
	if i < len(d) && d[i] == '.' {
		end := digitsFrom(d, i+1)
		if end == i+1 {
			return end, "a digit"
		}
		i = end
	}
	if i < len(d) && d[i]|0x20 == 'e' {
		i++
		if i < len(d) && (d[i] == '+' || d[i] == '-') {
			i++
		}
		end := digitsFrom(d, i)
		if end == i {
			return end, "a digit"
		}
		i = end
	}
	return i, ""
}

func digitsFrom(d []byte, i int) int {
	for i < len(d) && d[i]-'0' < 10 {
		i++
	}
	return i
}

// special marks, in the high bit of each byte of w, quotes, backslashes,
// control characters and bytes outside ASCII. Marks above the lowest one may be
// wrong.
func special(w uint64) uint64 {
	q, b := w^(ones*'"'), w^(ones*'\\')
	return ((q-ones)&^q | (b-ones)&^b | (w-ones*0x20)&^w | w) & highs
}

// text takes a string; pos is at its opening quote.
func (s *Scanner) text() (Value, bool) {
	d, i := s.data, s.pos+1
	start := i
	if s.index != nil && i < len(s.index.data) {
		i = min(s.index.next(i), len(d))
		if i < len(d) && d[i] == '"' {
			s.pos = i + 1
			return Value{Off: uint32(start), Len: uint32(i - start), Kind: String}, true
		}
	}
	dirty, wide := false, false
	for {
		for i+8 <= len(d) {
			if m := special(binary.LittleEndian.Uint64(d[i:])); m != 0 {
				i += bits.TrailingZeros64(m) >> 3
				break
			}
			i += 8
		}
		if i >= len(d) {
			return Value{}, s.fail(i, "the closing quote")
		}
		switch c := d[i]; {
		case c == '"':
			s.pos = i + 1
			if wide && !utf8.Valid(d[start:i]) {
				dirty = true
			}
			return Value{Off: uint32(start), Len: uint32(i - start), Kind: String, Dirty: dirty}, true
		case c == '\\':
			n := escapeLen(d[i:])
			if n == 0 {
				return Value{}, s.fail(min(i+1, len(d)), "an escape such as \\n or \\u00e9")
			}
			dirty = true
			i += n
		case c < 0x20:
			return Value{}, s.fail(i, "no control character in a string")
		case c >= 0x80:
			wide = true
			for i++; i < len(d) && d[i] >= 0x80; i++ {
			}
		default:
			i++
		}
	}
}

// escapeLen is the length of the escape that starts d; 0 if it is none.
func escapeLen(d []byte) int {
	if len(d) < 2 {
		return 0
	}
	switch d[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := hex4(d[2:]); ok {
			return 6
		}
	}
	return 0
}
