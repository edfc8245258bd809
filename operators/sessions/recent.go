package sessions

import (
	"encoding/binary"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// What events of a session ask for again and again lies in one blob, so that
// it is one wait for memory and most often one cache line: the time of the last
// page (8 bytes, event.Absent: none yet), the products (8 bytes each, room for
// productsStep of them at a time) and the last page's path.

// productsStep is for how many products there is room at a time.
const productsStep = 4

// pathAt is where in the blob the path begins.
func pathAt(products int) int {
	return 8 + 8*((products+productsStep-1)&^(productsStep-1))
}

// products are the hashes of the products that the session's events name.
func (h *shard) products(s *session) []uint64 {
	if s.products == 0 {
		return nil
	}
	return flat.Of[uint64](h.arena.Get(s.recent)[8 : 8+8*int(s.products)])
}

func (h *shard) addProduct(s *session, product uint64) {
	if slices.Contains(h.products(s), product) {
		return
	}
	n := int(s.products)
	if n >= int(h.cfg.Products) {
		s.marks |= isCapped
		return
	}
	if was, is := pathAt(n), pathAt(n+1); is > was {
		end := max(s.recent.Len(), was)
		isFirst := s.recent == 0
		s.recent = h.arena.Resize(s.recent, end+is-was)
		blob := h.arena.Mut(s.recent)
		copy(blob[is:], blob[was:end])
		if isFirst {
			setExitTime(blob, event.Absent)
		}
	}
	s.products++
	flat.Of[uint64](h.arena.Mut(s.recent)[8 : 8+8*n+8])[n] = product
}

// exit is the path of the session's last page and its time.
func (h *shard) exit(s *session) (path []byte, at int64) {
	blob := h.arena.Get(s.recent)
	if len(blob) == 0 {
		return nil, event.Absent
	}
	return blob[pathAt(int(s.products)):], int64(binary.LittleEndian.Uint64(blob))
}

func setExitTime(blob []byte, at int64) { binary.LittleEndian.PutUint64(blob, uint64(at)) }

// offerExit takes a page unless a later one is known.
func (h *shard) offerExit(s *session, at int64, path []byte) {
	if _, last := h.exit(s); at >= last {
		h.setExit(s, at, path)
	}
}

func (h *shard) setExit(s *session, at int64, path []byte) {
	from := pathAt(int(s.products))
	if n := from + len(path); n != s.recent.Len() {
		s.recent = h.arena.Resize(s.recent, n)
	}
	blob := h.arena.Mut(s.recent)
	setExitTime(blob, at)
	copy(blob[from:], path)
}

// mergeRecent gives the older session the products and the exit page of the
// newer one.
func (h *shard) mergeRecent(older, newer *session) {
	for _, p := range h.products(newer) {
		h.addProduct(older, p)
	}
	if path, at := h.exit(newer); at != event.Absent {
		h.setExit(older, at, path)
	}
}
