package generator

// ranked is an element of a heap; two of them are never equal.
type ranked[T any] interface {
	*T
	before(*T) bool
}

// heap is a binary heap, its least element on top.
type heap[T any, P ranked[T]] struct{ list []T }

func (h *heap[T, P]) size() int { return len(h.list) }
func (h *heap[T, P]) top() *T   { return &h.list[0] }

func (h *heap[T, P]) push(v T) {
	h.list = append(h.list, v)
	i := len(h.list) - 1
	for i > 0 {
		up := (i - 1) / 2
		if !P(&v).before(&h.list[up]) {
			break
		}
		h.list[i] = h.list[up]
		i = up
	}
	h.list[i] = v
}

func (h *heap[T, P]) pop() T {
	v := h.list[0]
	n := len(h.list) - 1
	last := h.list[n]
	h.list = h.list[:n]
	if n > 0 {
		h.replaceTop(last)
	}
	return v
}

// replaceTop puts v in the place of the least element.
func (h *heap[T, P]) replaceTop(v T) {
	i, n := 0, len(h.list)
	for {
		down := 2*i + 1
		if down >= n {
			break
		}
		if right := down + 1; right < n && P(&h.list[right]).before(&h.list[down]) {
			down = right
		}
		if !P(&h.list[down]).before(&v) {
			break
		}
		h.list[i] = h.list[down]
		i = down
	}
	h.list[i] = v
}
