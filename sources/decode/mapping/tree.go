package mapping

import (
	"strings"

	"touchstream/sources/decode"
)

// tree is what is looked for in the objects of one level: paths that share
// their beginnings, each ending in a slot.
type tree struct {
	root node
	// first and last bound the level's slots.
	first, last int32
}

// node is one member of an object on the way to slots.
type node struct {
	key string
	// slot takes the member's value; -1 if no path ends here.
	slot int32
	// first and last bound the slots here and below.
	first, last int32
	kids        []*node
	// heads and next chain the kids by a hash of their keys; 0 ends a chain.
	heads [nodeHeads]uint16
	next  []uint16
}

const nodeHeads = 32

// hashKey spreads keys by length, first and last byte.
func hashKey(k []byte) uint32 {
	if len(k) == 0 {
		return 0
	}
	return (uint32(len(k))*7 + uint32(k[0])*3 + uint32(k[len(k)-1])) % nodeHeads
}

// find gives the kid with the key, nil if nothing is looked for there.
func (n *node) find(key []byte) *node {
	for i := n.heads[hashKey(key)]; i != 0; i = n.next[i-1] {
		if kid := n.kids[i-1]; kid.key == string(key) {
			return kid
		}
	}
	return nil
}

// add makes the way to a path.
func (n *node) add(path []string) *node {
	if len(path) == 0 {
		return n
	}
	kid := n.find([]byte(path[0]))
	if kid == nil {
		kid = &node{key: path[0], slot: -1}
		h := hashKey([]byte(kid.key))
		n.kids = append(n.kids, kid)
		n.next = append(n.next, n.heads[h])
		n.heads[h] = uint16(len(n.kids))
	}
	return kid.add(path[1:])
}

// number gives the ends of paths their slots, depth first.
func (n *node) number(next int32) int32 {
	n.first = next
	if n.slot != -1 {
		n.slot, next = next, next+1
	}
	for _, kid := range n.kids {
		next = kid.number(next)
	}
	n.last = next
	return next
}

// places resolves the paths of all levels to slots.
type places struct {
	csv    bool
	trees  []*tree // record, element, item as far as there are
	ends   map[string]*node
	byName map[string]bool
}

// level finds a path's tree from the level of who names it, and its name there.
func (p *places) level(path string, from int) (int, string) {
	name := strings.TrimLeft(path, "^")
	return from - (len(path) - len(name)), name
}

func pathKey(level int, name string) string { return string(rune('0'+level)) + name }

// add makes a place for the path, named at the given level.
func (p *places) add(path string, from int) {
	level, name := p.level(path, from)
	segments := []string{name}
	if !p.csv || level > 0 {
		segments = strings.Split(name, ".")
	}
	end := p.trees[level].root.add(segments)
	end.slot = 0
	p.ends[pathKey(level, name)] = end
}

// number fixes all slots and returns how many there are.
func (p *places) number() int32 {
	next := int32(0)
	for _, t := range p.trees {
		t.root.slot = -1
		t.first = next
		next = t.root.number(next)
		t.last = next
	}
	return next
}

// slot is the place of a path that was added.
func (p *places) slot(path string, from int) int32 {
	level, name := p.level(path, from)
	return p.ends[pathKey(level, name)].slot
}

// gather fills the cells below n from the object that the scanner is at. What
// is not looked for is checked and skipped. Of equal keys the last counts.
func gather(s *decode.Scanner, n *node, cells []decode.Value, data []byte, scratch *[]byte) {
	if !s.Enter('{') {
		return
	}
	for i := 0; s.Next('}', i); i++ {
		k, ok := s.Key()
		if !ok {
			return
		}
		key := data[k.Off : k.Off+k.Len]
		if k.Dirty {
			*scratch = decode.Unescape((*scratch)[:0], key)
			key = *scratch
		}
		kid := n.find(key)
		if kid == nil {
			if _, ok := s.Value(); !ok {
				return
			}
			continue
		}
		clear(cells[kid.first:kid.last])
		if len(kid.kids) == 0 || s.Peek() != decode.Object {
			v, ok := s.Value()
			if !ok {
				return
			}
			if kid.slot >= 0 {
				cells[kid.slot] = v
			}
			continue
		}
		start := s.Pos()
		gather(s, kid, cells, data, scratch)
		if kid.slot >= 0 && s.OK() {
			cells[kid.slot] = decode.Value{Off: uint32(start), Len: uint32(s.Pos() - start), Kind: decode.Object}
		}
	}
}
