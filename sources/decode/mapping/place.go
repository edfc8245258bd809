package mapping

import (
	"strings"

	"touchstream/sources/decode"
)

// places resolves paths to slots. Its levels are the record, the element with
// expand, and the item.
type places struct {
	csv    bool
	levels []*decode.Node
}

// find gives a path's level from the level of who names it, and its segments.
func (p *places) find(path string, from int) (level int, segments []string) {
	name := strings.TrimLeft(path, "^")
	level = from - (len(path) - len(name))
	if p.csv && level == 0 {
		return level, []string{name}
	}
	return level, strings.Split(name, ".")
}

// add makes a place for the path, named at the given level.
func (p *places) add(path string, from int) {
	level, segments := p.find(path, from)
	p.levels[level].Add(segments...)
}

// number fixes all slots and returns how many there are.
func (p *places) number() int32 {
	next := int32(0)
	for _, l := range p.levels {
		next = l.Number(next)
	}
	return next
}

// slot is the place of a path that was added.
func (p *places) slot(path string, from int) int32 {
	level, segments := p.find(path, from)
	return p.levels[level].Way(segments...).Slot()
}
