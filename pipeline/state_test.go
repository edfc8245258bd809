package pipeline

import (
	"encoding/binary"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// Operators and resolvers of tests keep their state in maps, which snapshots
// take as blobs.

func (s *traceShard) State(*flat.Parts) {}

func (s *countShard) State(p *flat.Parts) {
	saveMap(p, s.rows, func(n int64) event.Hash { return event.Hash{Hi: uint64(n)} }, func(h event.Hash) int64 { return int64(h.Hi) })
}

func (r *linkResolver) State(p *flat.Parts) {
	same := func(h event.Hash) event.Hash { return h }
	saveMap(p, r.to, same, same)
}

// saveMap makes a map a part of the state; pack and unpack turn a value into
// two words and back.
func saveMap[V any](p *flat.Parts, m map[event.Hash]V, pack func(V) event.Hash, unpack func(event.Hash) V) {
	p.Blob(func(dst []byte) []byte {
		var keys []event.Hash
		for k := range m {
			keys = append(keys, k)
		}
		slices.SortFunc(keys, func(a, b event.Hash) int {
			if a.Less(b) {
				return -1
			}
			return 1
		})
		for _, k := range keys {
			v := pack(m[k])
			for _, word := range []uint64{k.Hi, k.Lo, v.Hi, v.Lo} {
				dst = binary.LittleEndian.AppendUint64(dst, word)
			}
		}
		return dst
	}, func(src []byte) error {
		clear(m)
		word := func(i int) uint64 { return binary.LittleEndian.Uint64(src[8*i:]) }
		for ; len(src) > 0; src = src[32:] {
			m[event.Hash{Hi: word(0), Lo: word(1)}] = unpack(event.Hash{Hi: word(2), Lo: word(3)})
		}
		return nil
	})
}
