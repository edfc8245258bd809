package event

import "encoding/binary"

// sipLanes is how many texts are hashed at once.
const sipLanes = 8

// sipBlocksMax is the number of whole blocks of 8 bytes from which texts are
// hashed one at a time.
const sipBlocksMax = 8

// sipGroup is texts with the same number of whole blocks, to be hashed at once.
// The assembler knows its layout.
type sipGroup struct {
	text [sipLanes]*byte  // first bytes
	last [sipLanes]uint64 // SipHash's last block: length and the bytes left over
	hi   [sipLanes]uint64
	lo   [sipLanes]uint64
	row  [sipLanes]int
	n    int
}

// columnHasher hashes the texts of a column with one tag. Texts wait until eight
// of as many blocks are there. It is used by one goroutine at a time.
type columnHasher struct {
	k0, k1 uint64
	tag    byte
	groups [sipBlocksMax]sipGroup
}

// start begins a column.
func (c *columnHasher) start(h *Hasher, tag byte) {
	c.k0, c.k1, c.tag = h.k0, h.k1, tag
}

// hash hashes a text, which is not empty, for dst[row], now or with a later one.
// The text must not change until flush.
func (c *columnHasher) hash(h *Hasher, dst []Hash, row int, text []byte) {
	blocks := len(text) / 8
	if !hasLanes || blocks >= sipBlocksMax {
		dst[row] = h.Sum(c.tag, text)
		return
	}
	g := &c.groups[blocks]
	g.text[g.n%sipLanes], g.row[g.n%sipLanes] = &text[0], row
	g.last[g.n%sipLanes] = lastBlock(text)
	g.n++
	if g.n == sipLanes {
		c.run(dst, blocks)
	}
}

// lastBlock is the text's length above the bytes that fill no whole block.
func lastBlock(text []byte) uint64 {
	n := len(text)
	rest := n % 8
	w := uint64(0)
	switch {
	case rest == 0:
	case n >= 8:
		w = binary.LittleEndian.Uint64(text[n-8:]) >> (64 - 8*rest)
	default:
		for i := range rest {
			w |= uint64(text[i]) << (8 * i)
		}
	}
	return w | uint64(n)<<56
}

// flush hashes what still waits.
func (c *columnHasher) flush(dst []Hash) {
	for blocks := range c.groups {
		if c.groups[blocks].n > 0 {
			c.run(dst, blocks)
		}
	}
}

// run hashes the texts of a group; lanes without one repeat the first.
func (c *columnHasher) run(dst []Hash, blocks int) {
	g := &c.groups[blocks]
	for i := g.n; i < sipLanes; i++ {
		g.text[i], g.last[i] = g.text[0], g.last[0]
	}
	sip8(g, c.k0^uint64(c.tag)<<56, c.k1, blocks)
	for i := range g.n {
		h := Hash{g.hi[i], g.lo[i]}
		if h.Lo == 0 {
			h.Lo = 1
		}
		dst[g.row[i]] = h
	}
	g.n = 0
}
