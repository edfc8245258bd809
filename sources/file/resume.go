package file

import (
	"encoding/binary"
	"fmt"
	"slices"

	"touchstream/pipeline"
)

// Resume makes the source go on at positions[0]: a file, named as in Origins,
// and the line from which on its records are given. An empty position is the
// start.
func (s *Source) Resume(positions []pipeline.Position) {
	s.from = pipeline.Position{}
	if len(positions) > 0 {
		s.from = positions[0]
	}
}

// Expect gives the mark that was kept with the position of Resume.
func (s *Source) Expect(kept []byte) {
	s.mark, s.expected = mark{}, mark{}
	if len(kept) == markBytes {
		s.expected = mark{int64(binary.LittleEndian.Uint64(kept)), binary.LittleEndian.Uint32(kept[8:])}
		s.mark = s.expected
	}
}

// Mark tells the file up to the last record that Read gave from another, nil
// before the first.
func (s *Source) Mark() []byte {
	if s.mark.bytes == 0 {
		return nil
	}
	return binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint64(nil, uint64(s.mark.bytes)), s.mark.sum)
}

// Positions is where the source began.
func (s *Source) Positions() []pipeline.Position { return []pipeline.Position{s.from} }

// begin gives the index of the file in which reading begins.
func (s *Source) begin() (int, error) {
	if s.from.Topic == "" {
		return 0, nil
	}
	i, ok := slices.BinarySearch(s.names, s.from.Topic)
	if !ok {
		return 0, fmt.Errorf("%s: is not there any more (looked for %s), and reading is to go on at its line %d; put the file back, or forget the state with touchstream reset",
			s.from.Topic, absolute(under(s.opts.Dir, s.from.Topic)), s.from.Offset)
	}
	return i, nil
}

// skip compares what lies before the first record to give with what was read
// then. A record on the line before it was the last.
func (r *reader) skip(line int64) error {
	if line != r.from-1 || r.expected.bytes == 0 {
		return nil
	}
	if now := r.frame.mark(r.frame.buf); now != r.expected {
		return fmt.Errorf("%s: its records up to line %d were %s when they were read, and now are %s: the file was changed or replaced; put it back, or forget the state with touchstream reset",
			r.name, line, r.expected, now)
	}
	r.expected = mark{}
	return nil
}

// checkStart reports a file that ended, or has a record to give, and had none
// where the last one was read.
func (r *reader) checkStart() error {
	switch {
	case r.frame.line+1 < r.from:
		return fmt.Errorf("%s: has %d lines, and reading is to go on at its line %d; put the whole file back, or forget the state with touchstream reset",
			r.name, r.frame.line, r.from)
	case r.expected.bytes > 0:
		return fmt.Errorf("%s: a record began at line %d when it was read, and now none does: the file was changed or replaced; put it back, or forget the state with touchstream reset",
			r.name, r.from-1)
	}
	return nil
}

var _ pipeline.Marker = (*Source)(nil)
