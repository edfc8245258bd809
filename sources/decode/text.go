package decode

import (
	"unicode/utf16"
	"unicode/utf8"

	"touchstream/pipeline/event"
)

// Text gives a value's text. Values must be of the batch's arena: offsets in
// the chunk's data are. Escaped strings are written out at the arena's end.
func Text(b *event.Batch, v Value) event.Str {
	if !v.Dirty {
		if v.Len == 0 {
			return event.Str{}
		}
		return event.Str{Off: v.Off, Len: v.Len}
	}
	off := len(b.Arena)
	b.Arena = Unescape(b.Arena, b.Arena[v.Off:v.Off+v.Len])
	if len(b.Arena) == off {
		return event.Str{}
	}
	return event.Str{Off: uint32(off), Len: uint32(len(b.Arena) - off)}
}

// Unescape appends what a JSON string stands for; src is the text between the
// quotes, with valid escapes.
func Unescape(dst, src []byte) []byte {
	for i := 0; i < len(src); {
		c := src[i]
		switch {
		case c == '\\':
			var n int
			dst, n = appendEscape(dst, src[i:])
			i += n
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, n := utf8.DecodeRune(src[i:])
			dst = utf8.AppendRune(dst, r)
			i += n
		}
	}
	return dst
}

// AppendValid appends src with every byte that is not UTF-8 as U+FFFD.
func AppendValid(dst, src []byte) []byte {
	for len(src) > 0 {
		r, n := utf8.DecodeRune(src)
		dst = utf8.AppendRune(dst, r)
		src = src[n:]
	}
	return dst
}

func appendEscape(dst, src []byte) ([]byte, int) {
	switch c := src[1]; c {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r, _ := hex4(src[2:])
		if utf16.IsSurrogate(r) {
			if len(src) >= 12 && src[6] == '\\' && src[7] == 'u' {
				low, ok := hex4(src[8:])
				if pair := utf16.DecodeRune(r, low); ok && pair != utf8.RuneError {
					return utf8.AppendRune(dst, pair), 12
				}
			}
			r = utf8.RuneError
		}
		return utf8.AppendRune(dst, r), 6
	default:
		return append(dst, c), 2
	}
}

func hex4(d []byte) (rune, bool) {
	if len(d) < 4 {
		return 0, false
	}
	r := rune(0)
	for _, c := range d[:4] {
		switch {
		case c-'0' < 10:
			c -= '0'
		case c|0x20 >= 'a' && c|0x20 <= 'f':
			c = c | 0x20 - 'a' + 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// TrimBlanks cuts spaces, tabs and line breaks from both ends.
func TrimBlanks(s []byte) []byte {
	for len(s) > 0 && isBlank(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isBlank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isBlank(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// Cut shortens what a fault quotes to 100 bytes, never inside a character.
func Cut(s []byte) string {
	const longest = 100
	if len(s) <= longest {
		return string(s)
	}
	n := longest
	for n > longest-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return string(s[:n]) + "…"
}

// Record gives the bounds of a chunk's record without a byte order mark before
// it and a line break behind it; ok is false for a record of blanks alone.
func Record(c *event.Chunk, i int) (start, end int, ok bool) {
	r := c.Recs[i]
	start, end = int(r.Off), int(r.Off+r.Len)
	d := c.Data
	if end-start >= 3 && d[start] == 0xef && d[start+1] == 0xbb && d[start+2] == 0xbf {
		start += 3
	}
	if end > start && d[end-1] == '\n' {
		end--
	}
	if end > start && d[end-1] == '\r' {
		end--
	}
	return start, end, !IsBlank(d[start:end])
}

// TrimBreak cuts the line break from a line's end.
func TrimBreak(s []byte) []byte {
	if len(s) > 0 && s[len(s)-1] == '\n' {
		s = s[:len(s)-1]
	}
	if len(s) > 0 && s[len(s)-1] == '\r' {
		s = s[:len(s)-1]
	}
	return s
}
