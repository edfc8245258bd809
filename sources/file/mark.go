package file

import (
	"fmt"
	"hash/crc32"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// mark tells the unpacked content of a file up to a record's end from another.
// A last line without a line end counts as one with it, which may come later.
type mark struct {
	bytes int64
	sum   uint32 // CRC32C
}

// markBytes is a mark in a state: the length, the checksum.
const markBytes = 12

func (m mark) String() string { return fmt.Sprintf("%d bytes with checksum %08x", m.bytes, m.sum) }

// marker makes marks of a stream that passes through a buffer.
type marker struct {
	// isHere says that the last record ends in the buffer, at its place ends.
	isHere bool
	ends   int
	// summed is up to where the buffer is in sums, sums the length and CRC32C up
	// to there, tail the byte before it.
	summed int
	sums   mark
	tail   byte
	// before is the mark of the last record when that is not in the buffer.
	before mark
}

// given notes that a record was given, which ends there.
func (m *marker) given(ends int) { m.isHere, m.ends = true, ends }

// sumUp takes the buffer up to a place.
func (m *marker) sumUp(buf []byte, to int) {
	if b := buf[m.summed:max(to, m.summed)]; len(b) > 0 {
		m.sums = mark{m.sums.bytes + int64(len(b)), crc32.Update(m.sums.sum, castagnoli, b)}
		m.summed, m.tail = to, b[len(b)-1]
	}
}

// leave takes the buffer up to a place, to which it is emptied then.
func (m *marker) leave(buf []byte, to int) {
	m.before = m.mark(buf)
	m.sumUp(buf, to)
	m.isHere, m.summed = false, 0
}

// mark is that of the last record.
func (m *marker) mark(buf []byte) mark {
	if !m.isHere {
		return m.before
	}
	m.sumUp(buf, m.ends)
	if m.tail != '\n' {
		return mark{m.sums.bytes + 1, crc32.Update(m.sums.sum, castagnoli, []byte{'\n'})}
	}
	return m.sums
}
