package ropo

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// trait is what many touches of a shard have in common: their texts apart from
// the message id. It is there as long as a touch has it.
type trait struct {
	texts   flat.Ref // channel, device and campaign, packed as in the texts of a level
	touches uint32   // that have it
}

// recentTraits finds traits that were asked for before without a hash.
type recentTraits [recentSize]struct {
	channel, device, campaign []byte
	id                        uint32 // 0: none
}

// recentSize is that of the tables of texts that come again and again.
const (
	recentBits = 8
	recentSize = 1 << recentBits
)

// spread is a quick hash of a text: of its length and its first and last eight
// bytes. Its upper bits are the best.
func spread(text []byte) uint64 {
	const prime = 0x9e3779b97f4a7c15
	n := len(text)
	h := uint64(n)
	switch {
	case n >= 8:
		h ^= binary.LittleEndian.Uint64(text) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(text[n-8:]), 29)
	case n >= 4:
		h ^= uint64(binary.LittleEndian.Uint32(text))<<32 ^ uint64(binary.LittleEndian.Uint32(text[n-4:]))<<8
	case n > 0:
		h ^= uint64(text[0])<<24 ^ uint64(text[n/2])<<16 ^ uint64(text[n-1])<<8
	}
	return h * prime
}

// placeOf is the place in a table of recentSize for a hash of spread.
func placeOf(h uint64) int { return int(h >> (64 - recentBits)) }

// takeTrait finds or makes the trait of a touch and counts the touch.
func (s *shard) takeTrait(channel, device, campaign []byte) uint32 {
	at := &s.recent[placeOf(spread(channel)+3*spread(device)+5*spread(campaign))]
	if at.id == 0 || !bytes.Equal(at.channel, channel) || !bytes.Equal(at.device, device) || !bytes.Equal(at.campaign, campaign) {
		at.channel, at.device, at.campaign = append(at.channel[:0], channel...), append(at.device[:0], device...), append(at.campaign[:0], campaign...)
		s.scratch = pack(s.scratch, channel, device, campaign)
		at.id = s.putTrait(flat.Key(s.turn.Hasher.Sum(event.TagText, s.scratch)), s.scratch)
	}
	s.traits.MutAt(at.id).touches++
	return at.id
}

// putTrait finds or makes a trait.
func (s *shard) putTrait(key flat.Key, texts []byte) uint32 {
	id, isNew := s.traits.PutID(key)
	if isNew {
		s.traits.MutAt(id).texts = s.arena.Put(texts)
	}
	return id
}

// dropTrait takes one touch from a trait, which goes with its last one.
func (s *shard) dropTrait(id uint32) {
	x := s.traits.MutAt(id)
	if x.touches--; x.touches > 0 {
		return
	}
	s.arena.Free(x.texts)
	s.traits.DeleteID(id)
	for i := range s.recent {
		if s.recent[i].id == id {
			s.recent[i].id = 0
		}
	}
}
