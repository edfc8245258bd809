package event

import "touchstream/pipeline/cpu"

var hasLanes = cpu.HasAVX2

// sip8 hashes the texts of a group, each of so many whole blocks, with SipHash-2-4
// of 128 bits.
//
//go:noescape
func sip8(group *sipGroup, k0, k1 uint64, blocks int)
