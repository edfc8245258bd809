package file

import (
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

// checkLength reports a file that ended before the line from which on its
// records are to be given.
func (r *reader) checkLength() error {
	if r.frame.line+1 >= r.from {
		return nil
	}
	return fmt.Errorf("%s: has %d lines, and reading is to go on at its line %d; put the whole file back, or forget the state with touchstream reset",
		r.name, r.frame.line, r.from)
}
