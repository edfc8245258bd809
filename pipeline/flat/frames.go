package flat

const (
	// preparedBytes is how much memory for copies is prepared at most, and
	// preparedPart what part of the budget and of the state.
	preparedBytes = 128 << 20
	preparedPart  = 4
)

// frames is memory for copies of pages: what was prepared and what is used
// again.
type frames struct {
	areas  [][]byte
	rest   []byte           // of the area at hand
	free   map[int][][]byte // by size
	kept   int64            // bytes of free
	closed bool
}

// take gives size bytes: those that were freed last, which the processor's cache
// may hold, prepared ones, or new ones. For these, free memory of other sizes makes
// way if it is more than the budget has left.
func (f *frames) take(size int, left int64) []byte {
	if list := f.free[size]; len(list) > 0 {
		b := list[len(list)-1]
		f.free[size] = list[:len(list)-1]
		f.kept -= int64(size)
		return b
	}
	if f.kept > left {
		f.free, f.kept = nil, 0
	}
	whole := roundUp(size)
	if len(f.rest) < whole && len(f.areas) > 0 && whole <= chunkBytes {
		f.rest, f.areas = f.areas[0], f.areas[1:]
	}
	if len(f.rest) < whole {
		return make([]byte, size)
	}
	b := f.rest[:size:size]
	f.rest = f.rest[whole:]
	return b
}

// put takes memory back.
func (f *frames) put(b []byte) {
	if f.closed {
		return
	}
	if f.free == nil {
		f.free = map[int][][]byte{}
	}
	f.free[len(b)] = append(f.free[len(b)], b)
	f.kept += int64(len(b))
}
