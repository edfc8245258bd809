package decode

// Node is one member of an object on the way to what is looked for: paths that
// share their beginnings. The root stands for the object itself. A tree is built
// with Add, then numbered once, and not changed from then on but for what its
// root remembers of objects seen. It is used by one goroutine at a time.
type Node struct {
	Key string
	// Rest, if not 0, keeps the members that nothing else looks for under this
	// number.
	Rest int32
	// Elements, if not nil, is what is looked for in the objects of the array that
	// is the value. Shapes alone know it, Gather leaves the array whole.
	Elements *Node

	slot int32 // of the value, -1 if no path ends here
	// first and last bound the slots here and below.
	first, last int32
	hasRest     bool // here or below
	isLeaf      bool // a value and nothing below it
	kids        []*Node
	// heads and next chain the kids by a hash of their keys; 0 ends a chain.
	heads [nodeHeads]uint16
	next  []uint16

	shapes shapes // of objects that were gathered by this root
}

const nodeHeads = 64

// NewTree makes an empty tree.
func NewTree() *Node { return &Node{slot: -1} }

// hashKey spreads keys by length, first, middle and last byte.
func hashKey(k []byte) uint32 {
	if len(k) == 0 {
		return 0
	}
	return (uint32(len(k))*7 + uint32(k[0])*3 + uint32(k[len(k)-1]) + uint32(k[len(k)/2])*5) % nodeHeads
}

// Find gives the kid with the key, nil if nothing is looked for there.
func (n *Node) Find(key []byte) *Node {
	for i := n.heads[hashKey(key)]; i != 0; i = n.next[i-1] {
		if kid := n.kids[i-1]; kid.Key == string(key) {
			return kid
		}
	}
	return nil
}

// Way makes the way to a path without looking for the value at its end.
func (n *Node) Way(path ...string) *Node {
	if len(path) == 0 {
		return n
	}
	kid := n.Find([]byte(path[0]))
	if kid == nil {
		kid = &Node{Key: path[0], slot: -1}
		h := hashKey([]byte(kid.Key))
		n.kids = append(n.kids, kid)
		n.next = append(n.next, n.heads[h])
		n.heads[h] = uint16(len(n.kids))
	}
	return kid.Way(path[1:]...)
}

// Add looks for the value at a path.
func (n *Node) Add(path ...string) *Node {
	end := n.Way(path...)
	end.slot = 0
	return end
}

// Number gives the ends of paths their slots from next on, depth first, and
// returns the slot behind the last.
func (n *Node) Number(next int32) int32 {
	n.first, n.hasRest = next, n.Rest != 0
	if n.slot != -1 {
		n.slot, next = next, next+1
	}
	for _, kid := range n.kids {
		next = kid.Number(next)
		n.hasRest = n.hasRest || kid.hasRest
	}
	n.last = next
	n.isLeaf = n.slot >= 0 && len(n.kids) == 0 && n.Rest == 0
	return next
}

// Slot is where the value goes; -1 if it is not looked for.
func (n *Node) Slot() int32 { return n.slot }

// Bounds are the slots of the node and of all below it.
func (n *Node) Bounds() (first, last int32) { return n.first, n.last }

// Kids are the members looked for, in the order in which they were added.
func (n *Node) Kids() []*Node { return n.kids }

// Member is a member that nothing looked for.
type Member struct {
	Rest       int32
	Key, Value Value
}

// Gatherer fills cells from JSON objects. Of equal keys the last counts, with
// all that is below it.
type Gatherer struct {
	Scanner
	// Cells is the slots' values; the caller clears them.
	Cells []Value
	// Rest is what nodes with a Rest gathered, equal keys included; the caller
	// truncates it.
	Rest []Member

	scratch []byte
	spans   [partsMax]Span        // of the shape that was matched
	dirty   [partsMax / 64]uint64 // which of them are
	learner learner
}

// Gather walks over the object that comes next, if it can along a remembered
// shape. Trees with Elements are for Match and Walk.
func (g *Gatherer) Gather(n *Node) {
	if s := g.Match(n); s != nil {
		g.fill(s)
		return
	}
	start := g.pos
	g.Walk(n)
	if g.OK() {
		g.Learn(n, start)
	}
}

// Walk is Gather without shapes.
func (g *Gatherer) Walk(n *Node) {
	if !g.Enter('{') {
		return
	}
	for i := 0; ; i++ {
		k, ok := g.member(i)
		if !ok {
			return
		}
		key := g.data[k.Off : k.Off+k.Len]
		if k.Dirty {
			g.scratch = Unescape(g.scratch[:0], key)
			key = g.scratch
		}
		kid := n.Find(key)
		if kid == nil {
			v, ok := g.Value()
			if !ok {
				return
			}
			if n.Rest != 0 {
				g.Rest = append(g.Rest, Member{n.Rest, k, v})
			}
			continue
		}
		if kid.isLeaf {
			v, ok := g.Value()
			if !ok {
				return
			}
			g.Cells[kid.slot] = v
			continue
		}
		if !g.inner(kid) {
			return
		}
	}
}

// inner takes the value of a member below which something is looked for.
func (g *Gatherer) inner(kid *Node) bool {
	g.forget(kid)
	if g.Peek() != Object {
		v, ok := g.Value()
		if ok && kid.slot >= 0 {
			g.Cells[kid.slot] = v
		}
		return ok
	}
	start := g.pos
	g.Walk(kid)
	if kid.slot >= 0 && g.OK() {
		g.Cells[kid.slot] = Value{Off: uint32(start), Len: uint32(g.pos - start), Kind: Object}
	}
	return g.OK()
}

// forget drops what there is of a node that comes a second time.
func (g *Gatherer) forget(n *Node) {
	clear(g.Cells[n.first:n.last])
	if !n.hasRest || len(g.Rest) == 0 {
		return
	}
	kept := g.Rest[:0]
	for _, m := range g.Rest {
		if !n.holds(m.Rest) {
			kept = append(kept, m)
		}
	}
	g.Rest = kept
}

func (n *Node) holds(rest int32) bool {
	if n.Rest == rest {
		return true
	}
	for _, kid := range n.kids {
		if kid.hasRest && kid.holds(rest) {
			return true
		}
	}
	return false
}
