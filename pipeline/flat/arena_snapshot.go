package flat

import (
	"encoding/binary"
	"errors"
	"reflect"
)

type frozenArena struct {
	head  *arenaHead // apart, as frozenTimers' wheel
	page  [][]byte
	pages *cut
}

// first is called before the first write to the page, or run of pages, that
// begins with page n, after a freeze.
func (a *Arena) first(n uint32) {
	a.stamp[n] = a.epoch
	run := a.page[n]
	for ; len(run) > 0; run = run[pageBytes:] {
		a.cut.preserve(n, run[:pageBytes:pageBytes])
		n++
	}
}

func (a *Arena) kind() byte { return 'A' }

func (a *Arena) freeze(f *Frozen) frozen {
	live := a.page[:len(a.page):len(a.page)]
	a.cut = newCut(f, a.cut, cut{
		page:  func(n int) []byte { return live[n][:pageBytes] },
		pages: len(live),
		size:  pageBytes,
		bytes: int64(a.content(uint64(len(live)))),
		kind:  reflect.TypeFor[byte](),
	})
	a.epoch++
	head := a.arenaHead
	return &frozenArena{&head, live, a.cut}
}

// content is the number of bytes in so many pages that may be other than zero:
// the current page, if it is the last one, has given classes but a part.
func (a *arenaHead) content(pages uint64) uint64 {
	n := pages * pageBytes
	if pages > 0 && a.end == uint32(pages*pageUnits) {
		n -= min(uint64(a.end-a.bump), pageUnits) * unitBytes
	}
	return n
}

// save writes how many pages each run has, then the pages.
func (a *frozenArena) save(o *writer) error {
	writeValue(o, a.head)
	o.u64(pageBytes)
	var runs []uint32
	for n := 0; n < len(a.page); n += len(a.page[n]) / pageBytes {
		runs = append(runs, uint32(len(a.page[n])/pageBytes))
	}
	o.u64(uint64(len(runs)))
	o.list(Bytes(runs))
	return a.pages.save(o)
}

func (a *frozenArena) drop() { a.pages.drop() }

func (a *Arena) load(r *reader) {
	*a = Arena{epoch: 1}
	readValue(r, &a.arenaHead)
	r.expect("a page in bytes", pageBytes)
	n := r.u64()
	if n > 1<<32/pageUnits {
		r.fail("%d pages are too many", n)
	}
	if r.err != nil {
		return
	}
	runs := readList[uint32](r, "a list of pages", n)
	total := uint64(0)
	for _, k := range runs {
		total += uint64(k)
		if k == 0 || total > 1<<32/pageUnits {
			r.fail("a run of %d pages after %d is not sound", k, total)
			return
		}
	}
	r.expect("the type of a blob", layoutOf(reflect.TypeFor[byte]()))
	left := a.content(total)
	r.expect("the pages in bytes", left)
	for _, k := range runs {
		size := uint64(k) * pageBytes
		content := min(left, size)
		left -= content
		if k == 1 {
			b := carve[byte](pageBytes, a.total)
			r.full(b[:content])
			a.addRun(b)
		} else if b := r.bytes(content); r.err == nil {
			run := carve[byte](int(size), a.total)
			copy(run, b)
			a.addRun(run)
		}
		if r.err != nil {
			return
		}
	}
	r.err = a.check()
}

// check makes sure that whatever Put hands out next lies in the pages.
func (a *Arena) check() error {
	units := uint64(len(a.page)) * pageUnits
	whole := func(from, to uint32) bool { // Is it in one page?
		return from == to || from <= to-1 && uint64(to-1) < units && from/pageUnits == (to-1)/pageUnits
	}
	if a.used < 0 || a.used > a.total || !whole(a.bump, a.end) {
		return errors.New("an arena's bounds are not sound")
	}
	for k := range a.class {
		c, size := &a.class[k], uint64(classUnits(k))
		if !whole(c.run, c.end) {
			return errors.New("a size class of an arena is not sound")
		}
		left := units / size
		for u := c.free; u != 0; u = binary.LittleEndian.Uint32(a.slot(u)) {
			n := u / pageUnits
			if left == 0 || uint64(n) >= uint64(len(a.page)) || uint64(len(a.slot(u))) < size*unitBytes || size > pageUnits/2 && u%pageUnits != 0 {
				return errors.New("a list of free blobs is not sound")
			}
			left--
		}
	}
	return nil
}
