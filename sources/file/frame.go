package file

import (
	"bytes"
	"errors"
	"io"
)

// frame cuts a stream into records.
type frame struct {
	in    io.Reader
	csv   bool
	delim byte
	limit int // bytes of a record that are kept

	buf  []byte
	pos  int // start of the unread part of buf
	line int64
	eof  bool
	err  error // what broke the stream off, told behind what was read before
	// begun: the start of the stream, where a mark may stand, has been read.
	begun bool
	marker
}

const (
	readSize      = 256 << 10
	byteOrderMark = "\xef\xbb\xbf"
)

// next returns the next record that is no blank line, the physical line on
// which it starts, and its whole size. The bytes are valid until the next call.
func (f *frame) next() (record []byte, line, size int64, err error) {
	for {
		record, lines, size, err := f.record()
		if err != nil {
			return nil, f.line + 1, 0, err
		}
		line := f.line + 1
		f.line += lines
		if len(record) > 0 {
			f.given(f.pos)
			return record, line, size, nil
		}
	}
}

// record takes one record with its line end out of the buffer.
func (f *frame) record() (record []byte, lines, size int64, err error) {
	scanned := 0
	for {
		if end, n, ok := f.end(scanned); ok {
			rest := f.buf[f.pos:]
			f.pos += end
			body := trimLineEnd(rest[:end])
			return body[:min(len(body), f.limit)], n, int64(len(body)), nil
		}
		if have := len(f.buf) - f.pos; have > f.limit+len("\r\n") || f.eof {
			if have == 0 {
				return nil, 0, 0, io.EOF
			}
			return f.broken()
		}
		if !f.csv {
			scanned = len(f.buf) - f.pos
		}
		if err := f.fill(); err != nil {
			return nil, 0, 0, err
		}
	}
}

// end finds where the record at pos ends, behind its line end.
func (f *frame) end(scanned int) (end int, lines int64, ok bool) {
	b := f.buf[f.pos:]
	i := bytes.IndexByte(b[scanned:], '\n')
	if line := b[:scanned+i+1]; f.csv && bytes.IndexByte(line, '"') >= 0 {
		return csvEnd(b, f.delim)
	}
	return scanned + i + 1, 1, i >= 0
}

// csvEnd finds the line end outside quotes. A quote opens a cell only at the
// cell's start.
func csvEnd(b []byte, delim byte) (end int, lines int64, ok bool) {
	quoted, start := false, true
	lines = 1
	for i := 0; i < len(b); i++ {
		c := b[i]
		switch {
		case quoted:
			if c == '\n' {
				lines++
			}
			if c == '"' {
				if i+1 < len(b) && b[i+1] == '"' {
					i++
				} else {
					quoted = false
				}
			}
		case c == '\n':
			return i + 1, lines, true
		case c == '"' && start:
			quoted, start = true, false
		default:
			start = c == delim
		}
	}
	return 0, 0, false
}

// broken handles what has no end within the limit or the file: the last line
// without a line end, a line over the limit, a quote that never closes.
func (f *frame) broken() (record []byte, lines, size int64, err error) {
	rest := f.buf[f.pos:]
	if i := bytes.IndexByte(rest, '\n'); i >= 0 {
		f.pos += i + 1
		body := trimLineEnd(rest[:i+1])
		return body[:min(len(body), f.limit)], 1, int64(len(body)), nil
	}
	if f.eof {
		f.pos = len(f.buf)
		body := trimLineEnd(rest)
		return body[:min(len(body), f.limit)], 1, int64(len(body)), nil
	}
	return f.skipLine()
}

// skipLine reads a line over the limit to its end and keeps its beginning.
func (f *frame) skipLine() (record []byte, lines, size int64, err error) {
	head := bytes.Clone(f.buf[f.pos : f.pos+f.limit])
	var last byte
	for {
		rest := f.buf[f.pos:]
		i := bytes.IndexByte(rest, '\n')
		end := i >= 0
		if !end {
			i = len(rest)
		}
		size += int64(i)
		if i > 0 {
			last = rest[i-1]
		}
		f.pos = min(f.pos+i+1, len(f.buf))
		if end || f.eof {
			if last == '\r' {
				size--
			}
			return head, 1, size, nil
		}
		if err := f.fill(); err != nil {
			return nil, 0, 0, err
		}
	}
}

// fill reads more into the buffer.
func (f *frame) fill() error {
	f.leave(f.buf, f.pos)
	f.buf = f.buf[:copy(f.buf, f.buf[f.pos:])]
	f.pos = 0
	n := len(f.buf)
	if cap(f.buf)-n < readSize {
		f.buf = append(make([]byte, 0, 2*cap(f.buf)+readSize), f.buf...)
	}
	if f.err != nil {
		return f.err
	}
	m, err := f.in.Read(f.buf[n : n+readSize])
	for !f.begun && m < len(byteOrderMark) && err == nil {
		var more int
		more, err = f.in.Read(f.buf[m:readSize])
		m += more
	}
	f.buf = f.buf[:n+m]
	if !f.begun {
		f.begun = true
		f.buf = bytes.TrimPrefix(f.buf, []byte(byteOrderMark))
	}
	switch {
	case errors.Is(err, io.EOF):
		f.eof = true
	case m > 0:
		f.err = err
	default:
		return err
	}
	return nil
}

func trimLineEnd(b []byte) []byte {
	b = bytes.TrimSuffix(b, []byte{'\n'})
	return bytes.TrimSuffix(b, []byte{'\r'})
}
