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
		if !P(&h.list[i]).before(&h.list[up]) {
			return
		}
		h.list[i], h.list[up] = h.list[up], h.list[i]
		i = up
	}
}

func (h *heap[T, P]) pop() T {
	v := h.list[0]
	n := len(h.list) - 1
	h.list[0] = h.list[n]
	h.list = h.list[:n]
	h.sink()
	return v
}

// replaceTop puts v in the place of the least element.
func (h *heap[T, P]) replaceTop(v T) {
	h.list[0] = v
	h.sink()
}

// sink moves the element on top to its place.
func (h *heap[T, P]) sink() {
	i, n := 0, len(h.list)
	for {
		down := 2*i + 1
		if down >= n {
			return
		}
		if right := down + 1; right < n && P(&h.list[right]).before(&h.list[down]) {
			down = right
		}
		if !P(&h.list[down]).before(&h.list[i]) {
			return
		}
		h.list[i], h.list[down] = h.list[down], h.list[i]
		i = down
	}
}
