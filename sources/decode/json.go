package decode

import "fmt"

// DepthMax is how many brackets of a JSON text may be open.
const DepthMax = 512

// Kind is the kind of a JSON value.
type Kind uint8

// The kinds. Missing is the zero Value.
const (
	Missing Kind = iota
	Null
	False
	True
	Number
	String
	Object
	Array
)

// Value is a scanned value: a view of the scanned text.
type Value struct {
	Off, Len uint32 // the value's text; of a string what stands between the quotes
	Kind     Kind
	// Dirty: the string has escapes or bytes that are not UTF-8.
	Dirty bool
	// Quoted: a csv cell in quotes.
	Quoted bool
}

// Scanner walks over one JSON text. Once something is wrong all calls return
// false and Fault says what it was. The zero Scanner is ready after Reset.
type Scanner struct {
	data  []byte
	pos   int
	depth int
	bad   string
	badAt int
	start int
	index *Index
}

// Reset starts at data[pos:]. Offsets of values are offsets in data.
func (s *Scanner) Reset(data []byte, pos int) {
	s.data, s.pos, s.start = data, pos, pos
	s.depth, s.bad, s.badAt = 0, "", 0
}

// Use makes the index of the chunk's data known. From then on, texts that are
// scanned must lie in a batch's arena, where the chunk's data comes first.
func (s *Scanner) Use(x *Index) { s.index = x }

// OK reports whether nothing has been wrong so far.
func (s *Scanner) OK() bool { return s.bad == "" }

// Fault says what is wrong and at which byte of the text, from 1.
func (s *Scanner) Fault() string {
	if s.badAt >= len(s.data) {
		return fmt.Sprintf("byte %d: the text ends, want %s", s.badAt-s.start+1, s.bad)
	}
	return fmt.Sprintf("byte %d: found %q, want %s", s.badAt-s.start+1, s.data[s.badAt:s.badAt+1], s.bad)
}

func (s *Scanner) fail(at int, want string) bool {
	if s.bad == "" {
		s.bad, s.badAt = want, at
	}
	s.pos = len(s.data)
	return false
}

func (s *Scanner) blanks() {
	if s.pos < len(s.data) && s.data[s.pos] > ' ' {
		return
	}
	s.skipBlanks()
}

func (s *Scanner) skipBlanks() {
	for s.pos < len(s.data) {
		switch s.data[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
		default:
			return
		}
	}
}

// Peek gives the kind of the next value without taking it; Missing when there
// is none. False stands for either literal.
func (s *Scanner) Peek() Kind {
	s.blanks()
	if s.pos >= len(s.data) {
		return Missing
	}
	switch c := s.data[s.pos]; c {
	case '"':
		return String
	case '{':
		return Object
	case '[':
		return Array
	case 'n':
		return Null
	case 't', 'f':
		return False
	default:
		if c == '-' || c-'0' < 10 {
			return Number
		}
	}
	return Missing
}

// Pos is the offset of the next byte.
func (s *Scanner) Pos() int { return s.pos }

// Seek goes back to an offset at the same depth.
func (s *Scanner) Seek(pos int) { s.pos = pos }

// Enter takes the opening bracket, { or [, of the next value.
func (s *Scanner) Enter(open byte) bool {
	s.blanks()
	if s.pos >= len(s.data) || s.data[s.pos] != open {
		if open == '{' {
			return s.fail(s.pos, "an object")
		}
		return s.fail(s.pos, "an array")
	}
	if s.depth == DepthMax {
		return s.fail(s.pos, "at most 512 open brackets")
	}
	s.depth++
	s.pos++
	return true
}

// Next moves to the member or element number n of the value that was entered,
// from 0. It is false behind the last one, whose closing bracket it takes.
func (s *Scanner) Next(end byte, n int) bool {
	s.blanks()
	if s.pos >= len(s.data) {
		if s.bad != "" {
			return false
		}
		return s.fail(s.pos, "the closing bracket")
	}
	c := s.data[s.pos]
	if c == end {
		s.depth--
		s.pos++
		return false
	}
	if n > 0 {
		if c != ',' {
			return s.fail(s.pos, "a comma or the closing bracket")
		}
		s.pos++
	}
	return true
}

// member is Next and Key for the member number n of an object. It is false
// behind the last one and at a fault.
func (s *Scanner) member(n int) (Value, bool) {
	d, i := s.data, s.pos
	if n > 0 && i < len(d) && d[i] == ',' {
		i++
	} else if n > 0 {
		i = len(d)
	}
	if i < len(d) && d[i] == '"' {
		s.pos = i
		v, ok := s.text()
		if ok && s.pos < len(d) && d[s.pos] == ':' {
			s.pos++
			return v, true
		}
		return s.colon(v, ok)
	}
	if !s.Next('}', n) {
		return Value{}, false
	}
	return s.Key()
}

// Key takes the next member's key and the colon behind it.
func (s *Scanner) Key() (Value, bool) {
	s.blanks()
	if s.pos >= len(s.data) || s.data[s.pos] != '"' {
		return Value{}, s.fail(s.pos, "a key in quotes")
	}
	v, ok := s.text()
	return s.colon(v, ok)
}

// colon takes the colon behind a key.
func (s *Scanner) colon(key Value, ok bool) (Value, bool) {
	if !ok {
		return Value{}, false
	}
	s.blanks()
	if s.pos >= len(s.data) || s.data[s.pos] != ':' {
		return Value{}, s.fail(s.pos, "a colon")
	}
	s.pos++
	return key, true
}

// Value takes the next value whole, of objects and arrays the text with all
// that is in it.
func (s *Scanner) Value() (Value, bool) {
	s.blanks()
	if s.pos >= len(s.data) {
		return Value{}, s.fail(s.pos, "a value")
	}
	start := s.pos
	switch s.data[start] {
	case '"':
		return s.text()
	case '{':
		s.skipObject()
		return s.span(start, Object)
	case '[':
		s.skipArray()
		return s.span(start, Array)
	case 't':
		return s.literal("true", True)
	case 'f':
		return s.literal("false", False)
	case 'n':
		return s.literal("null", Null)
	}
	return s.number()
}

func (s *Scanner) span(start int, k Kind) (Value, bool) {
	if s.bad != "" {
		return Value{}, false
	}
	return Value{Off: uint32(start), Len: uint32(s.pos - start), Kind: k}, true
}

func (s *Scanner) skipObject() {
	if !s.Enter('{') {
		return
	}
	for n := 0; ; n++ {
		if _, ok := s.member(n); !ok {
			return
		}
		if _, ok := s.Value(); !ok {
			return
		}
	}
}

func (s *Scanner) skipArray() {
	if !s.Enter('[') {
		return
	}
	for n := 0; s.Next(']', n); n++ {
		if _, ok := s.Value(); !ok {
			return
		}
	}
}

// End reports whether only blanks are left.
func (s *Scanner) End() bool {
	if s.bad != "" {
		return false
	}
	s.blanks()
	if s.pos < len(s.data) {
		return s.fail(s.pos, "the end of the record")
	}
	return true
}
