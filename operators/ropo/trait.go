package ropo

import (
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
type recentTraits [64]struct {
	channel, device, campaign string
	id                        uint32 // 0: none
}

// place is where in a table of 64 texts are kept that come again and again.
func place(text []byte) uint {
	n := uint(len(text))
	if n == 0 {
		return 0
	}
	return (uint(text[0]) ^ uint(text[n/2])<<2 ^ uint(text[n-1])<<4 ^ n) % 64
}

// takeTrait finds or makes the trait of a touch and counts the touch.
func (s *shard) takeTrait(channel, device, campaign []byte) uint32 {
	at := &s.recent[(place(channel)+3*place(device)+5*place(campaign))%64]
	if at.id == 0 || at.channel != string(channel) || at.device != string(device) || at.campaign != string(campaign) {
		at.channel, at.device, at.campaign = keptText(at.channel, channel), keptText(at.device, device), keptText(at.campaign, campaign)
		s.scratch = pack(s.scratch, channel, device, campaign)
		at.id = s.putTrait(flat.Key(s.turn.Hasher.Sum(event.TagText, s.scratch)), s.scratch)
	}
	s.traits.MutAt(at.id).touches++
	return at.id
}

// keptText is v as a string, old if that is the same.
func keptText(old string, v []byte) string {
	if old == string(v) {
		return old
	}
	return string(v)
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
