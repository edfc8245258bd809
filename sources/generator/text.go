package generator

import "strconv"

const hexDigits = "0123456789abcdef"

// appendPadded writes v with leading zeros to at least width digits.
func appendPadded(dst []byte, v uint64, width int) []byte {
	digits := 1
	for x := v; x >= 10; x /= 10 {
		digits++
	}
	for ; digits < width; digits++ {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, v, 10)
}

// appendHex writes the lower 48 bits as 12 digits.
func appendHex(dst []byte, v uint64) []byte {
	for shift := 44; shift >= 0; shift -= 4 {
		dst = append(dst, hexDigits[v>>shift&15])
	}
	return dst
}

// appendUUID writes 128 bits in the form of a random UUID.
func appendUUID(dst []byte, hi, lo uint64) []byte {
	hi = hi&^0xf000 | 0x4000
	lo = lo&^(3<<62) | 1<<63
	var b [36]byte
	at := 0
	for i := range 32 {
		if i == 8 || i == 12 || i == 16 || i == 20 {
			b[at] = '-'
			at++
		}
		word, shift := hi, 60-4*i
		if i >= 16 {
			word, shift = lo, 60-4*(i-16)
		}
		b[at] = hexDigits[word>>shift&15]
		at++
	}
	return append(dst, b[:]...)
}

// appendCents writes an amount as a number of whole units.
func appendCents(dst []byte, cents int64) []byte {
	dst = strconv.AppendInt(dst, cents/100, 10)
	if rest := cents % 100; rest != 0 {
		dst = append(dst, '.', byte('0'+rest/10))
		if rest%10 != 0 {
			dst = append(dst, byte('0'+rest%10))
		}
	}
	return dst
}

// appendText writes a JSON string.
func appendText(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return append(dst, '"')
}

// stamp writes times; it remembers the date of the last one.
type stamp struct {
	day  int64
	date [10]byte
}

// append writes t, not before 1970, as 2026-03-02T08:15:30.123Z.
func (s *stamp) append(dst []byte, t int64) []byte {
	if d := t / day; d != s.day || s.date[0] == 0 {
		s.set(d)
	}
	ms := t % day
	h, m, sec := ms/hour, ms/minute%60, ms/second%60
	ms %= second
	dst = append(dst, s.date[:]...)
	return append(dst, 'T', byte('0'+h/10), byte('0'+h%10), ':', byte('0'+m/10), byte('0'+m%10), ':',
		byte('0'+sec/10), byte('0'+sec%10), '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10), 'Z')
}

// set computes the date of a day since 1970 (days from civil, reversed).
func (s *stamp) set(d int64) {
	s.day = d
	z := d + 719468
	era := z / 146097
	doe := z - era*146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	dom := doy - (153*mp+2)/5 + 1
	month := mp + 3
	if mp >= 10 {
		month = mp - 9
	}
	year := yoe + era*400
	if month <= 2 {
		year++
	}
	b := appendPadded(s.date[:0], uint64(year), 4)
	b = append(b, '-')
	b = appendPadded(b, uint64(month), 2)
	b = append(b, '-')
	appendPadded(b, uint64(dom), 2)
}
