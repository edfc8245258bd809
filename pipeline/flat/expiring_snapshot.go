package flat

import (
	"bytes"
	"errors"
	"slices"
)

type frozenExpiring struct {
	bounds    idBounds
	head      idHead
	used      []uint32
	depth     []uint8
	dir       []uint32
	count     []uint32
	segments  *cut
	others    *frozenSlab
	othersDue *frozenTimers
}

func (x *Expiring) kind() byte { return 'E' }

func (x *Expiring) freeze(f *Frozen) frozen {
	return &frozenExpiring{
		bounds:    x.idBounds,
		head:      x.idHead,
		used:      slices.Clone(x.used),
		depth:     bytes.Clone(x.depth),
		dir:       slices.Clone(x.dir),
		count:     slices.Clone(x.count),
		segments:  x.segments.freeze(f, x.segments.len()),
		others:    x.others.entries.hold(f),
		othersDue: x.othersDue.hold(f),
	}
}

func (x *frozenExpiring) save(o *writer) error {
	writeValue(o, &x.bounds)
	writeValue(o, &x.head)
	o.u64(uint64(len(x.used)))
	o.list(Bytes(x.used))
	o.list(x.depth)
	o.list(Bytes(x.dir))
	o.list(Bytes(x.count))
	for _, part := range []frozen{x.segments, x.others, x.othersDue} {
		if err := part.save(o); err != nil {
			return err
		}
	}
	return o.err
}

func (x *frozenExpiring) drop() {
	x.segments.drop()
	x.others.drop()
	x.othersDue.drop()
}

func (x *Expiring) load(r *reader) {
	var bounds idBounds
	readValue(r, &bounds)
	if r.err == nil && bounds != x.idBounds {
		r.fail("the snapshot is of a window of %d ms and %d ids, the program has %d ms and %d ids",
			bounds.window, bounds.limit, x.window, x.limit)
	}
	readValue(r, &x.idHead)
	n := r.u64()
	if x.dirDepth > x.depthMax || n > x.base<<x.depthMax {
		r.fail("%d segments of ids are too many", n)
	}
	if r.err != nil {
		return
	}
	x.used = readList[uint32](r, "the segments in use", n)
	x.depth = readList[uint8](r, "the depths of segments", n)
	x.dir = readList[uint32](r, "the directory of segments", x.base<<x.dirDepth)
	x.count = readList[uint32](r, "the blocks of time", uint64(x.span>>x.blockShift))
	if r.err == nil {
		r.err = x.checkLayout()
	}
	x.segments.load(r, n)
	x.others.load(r)
	x.othersDue.load(r)
	if r.err == nil {
		r.err = x.checkContent()
	}
}

// checkLayout makes sure that the directory gives each segment one run, of the
// length that its depth says.
func (x *Expiring) checkLayout() error {
	wrong := errors.New("the directory of segments is not sound")
	runs := 0
	for i := 0; i < len(x.dir); {
		n := x.dir[i]
		if int(n) >= len(x.used) || x.depth[n] > x.dirDepth {
			return wrong
		}
		run := 1 << (x.dirDepth - x.depth[n])
		if i%run != 0 || slices.ContainsFunc(x.dir[i:i+run], func(m uint32) bool { return m != n }) {
			return wrong
		}
		runs++
		i += run
	}
	if runs != len(x.used) || int(x.sweepNext) >= len(x.used) {
		return wrong
	}
	sum := 0
	for _, c := range x.count {
		sum += int(c)
	}
	const far = timeMax + 1<<40
	limits := x.floor <= far && x.asked <= far && x.sweepFloor <= x.floor && -far <= x.from && x.from <= far
	if x.live != sum || !limits || x.oldest != x.block(x.oldest) || x.oldest < x.block(x.from) || x.oldest > x.block(x.from)+x.span {
		return errors.New("the times of ids are not sound")
	}
	return nil
}

// checkContent makes sure that each id is where it is looked for.
func (x *Expiring) checkContent() error {
	for n := range x.used {
		used := uint32(0)
		s := x.segments.at(uint32(n))
		for b := range uint32(idBuckets) {
			if s[b].next >= bucketSlots {
				return errors.New("the slots of a bucket are not sound")
			}
			for i := range uint32(bucketSlots) {
				id := s.at(b, i)
				if s[b].tag(i) == 0 {
					continue
				}
				used++
				if x.segment(id.high) != uint32(n) {
					return errors.New("a segment holds an id of another place")
				}
				if home := &s[id.home()]; id.home() != b && (home.hasStrayed == 0 || x.past().forgotten(home.strayed) && !x.past().forgotten(id.time)) {
					return errors.New("an id is away from its home, which does not know it")
				}
			}
		}
		if used != x.used[n] {
			return errors.New("a segment has not as many ids as it counts")
		}
	}
	return x.checkOthers()
}

// checkOthers makes sure that each id kept apart has its timer.
func (x *Expiring) checkOthers() error {
	due := map[timer]bool{}
	x.othersDue.each(func(t timer) { due[t] = true })
	ok := true
	x.others.entries.Each(func(id uint32, e *entry[int64]) bool {
		ok = due[timer{e.val, id}]
		return ok
	})
	if !ok {
		return errors.New("an id kept apart has no timer")
	}
	return nil
}
