package flat

// heap is a priority queue of timers with four children per node, in pages.
type heap struct {
	node pages[timer]
	n    uint32
}

type timer struct {
	due int64
	id  uint32
}

func (a timer) less(b timer) bool { return a.due < b.due || a.due == b.due && a.id < b.id }

func (h *heap) push(x timer) {
	if uint64(h.n) == h.node.len() {
		h.node.grow()
	}
	i := h.n
	h.n++
	for i > 0 {
		up := (i - 1) / 4
		p := *h.node.at(up)
		if !x.less(p) {
			break
		}
		*h.node.mut(i) = p
		i = up
	}
	*h.node.mut(i) = x
}

// min is the first timer; there must be one.
func (h *heap) min() timer { return *h.node.at(0) }

// pop removes the first timer; there must be one.
func (h *heap) pop() {
	h.n--
	if h.n > 0 {
		h.sink(*h.node.at(h.n))
	}
}

// sink puts x at the root and lets it down to its place.
func (h *heap) sink(x timer) {
	i := uint32(0)
	for {
		c := 4*i + 1
		if c >= h.n {
			break
		}
		least, at := *h.node.at(c), c
		for k := c + 1; k < min(c+4, h.n); k++ {
			if v := *h.node.at(k); v.less(least) {
				least, at = v, k
			}
		}
		if !least.less(x) {
			break
		}
		*h.node.mut(i) = least
		i = at
	}
	*h.node.mut(i) = x
}
