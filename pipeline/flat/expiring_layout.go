package flat

// place spreads the high half of a hash over the segments of depth 0 and, in
// its low 32 bits, within one of them.
func (x *Expiring) place(high uint32) uint64 { return uint64(high) * x.base }

func (x *Expiring) segment(high uint32) uint32 {
	return x.dir[x.place(high)<<x.dirDepth>>32]
}

func (x *Expiring) addSegment(depth uint8) uint32 {
	x.segments.grow()
	x.used = append(x.used, 0)
	x.depth = append(x.depth, depth)
	return uint32(len(x.used) - 1)
}

// past is the floor as segments compare it.
func (x *Expiring) past() bound {
	return bound{from: uint32(x.from), before: uint64(max(x.floor, x.from) - x.from)}
}

// insert adds an id that fits and is in no segment. While the set grows to what
// was laid out a full segment splits soon; after that, and where one is not full,
// it is searched for room first.
func (x *Expiring) insert(id idSlot, timeMs int64) {
	for {
		n, tries := x.segment(id.high), uint32(bucketSlots-1)
		if x.used[n] >= idFull {
			tries = triesFull
		}
		s := x.segments.mut(n)
		used, ok := s.put(id, x.past(), tries)
		if !ok && (x.used[n] < idFull || x.depth[n]+spareDepth >= x.depthMax) {
			used, ok = s.search(id, x.past())
		}
		x.used[n] += used
		if ok {
			x.count1(timeMs)
			return
		}
		if x.purge(n) >= purgeMin {
			continue
		}
		if x.depth[n] == x.depthMax {
			x.other(id, timeMs)
			return
		}
		x.split(n, id.high)
	}
}

// setApart moves an id of the segments to the others.
func (x *Expiring) setApart(id idSlot) {
	t := x.timeOf(id.time)
	*x.countOf(t)--
	x.live--
	x.other(id, t)
}

// split divides segment n, that of high, by the next bit of its places.
func (x *Expiring) split(n, high uint32) {
	if x.depth[n] == x.dirDepth {
		dir := make([]uint32, 2*len(x.dir))
		for i, s := range x.dir {
			dir[2*i], dir[2*i+1] = s, s
		}
		x.dir, x.dirDepth = dir, x.dirDepth+1
	}
	depth := x.depth[n]
	m := x.addSegment(depth + 1)
	halves := [2]*idSegment{x.segments.mut(n), x.segments.mut(m)}
	half, past := halving{x.base, 31 - depth}, x.past()
	var room [idSlots / 4]idSlot
	used, strays := halves[0].split(halves[1], past, half, room[:0])
	for _, id := range strays {
		to := half.of(id.high)
		more, ok := halves[to].put(id, past, bucketSlots-1)
		used[to] += more
		if !ok {
			x.setApart(id)
		}
	}
	x.used[n], x.used[m], x.depth[n] = used[0], used[1], depth+1
	// Of the run in dir that was the old segment's, the second half is new.
	run := 1 << (x.dirDepth - depth)
	start := int(x.place(high)<<x.dirDepth>>32) &^ (run - 1)
	for i := start + run/2; i < start+run; i++ {
		x.dir[i] = m
	}
}

// purge removes the forgotten ids of segment n.
func (x *Expiring) purge(n uint32) uint32 {
	if x.used[n] == 0 {
		return 0
	}
	s := x.segments.mut(n)
	removed := s.purge(x.past())
	if x.used[n] -= removed; x.used[n] == 0 {
		*s = idSegment{} // Nobody is away.
	}
	return removed
}

// other keeps an id apart.
func (x *Expiring) other(s idSlot, t int64) {
	id, _ := x.others.PutID(s.key())
	*x.others.MutAt(id) = t
	x.othersDue.Set(t, id)
}

// newID is the id with hash h and a time.
func newID(h uint64, timeMs int64) idSlot {
	h = spread(h)
	low := uint32(h) &^ (1 << 15)
	if low>>16 == 0 {
		low |= 1 << 16
	}
	return idSlot{low: low, high: uint32(h >> 32), time: uint32(timeMs)}
}

func (s idSlot) key() Key { return Key{uint64(s.high), uint64(s.low)} }

// spread mixes a hash, so that sets which share bits of it fill evenly.
func spread(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
