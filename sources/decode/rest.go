package decode

import (
	"bytes"

	"touchstream/pipeline/event"
)

// restQuadratic is how many members are compared pair by pair; beyond, equal
// keys are found through a map.
const restQuadratic = 64

// AddRest adds the scalars among the members as attributes of the newest row,
// as far as the batch wants them. Of equal keys the last counts.
func AddRest(b *event.Batch, row int, rest []Member, isWanted func(rest int32) bool) {
	var seen map[string]int
	if len(rest) > restQuadratic {
		seen = make(map[string]int, len(rest))
		for i, m := range rest {
			if isWanted(m.Rest) {
				seen[string(b.Bytes(Text(b, m.Key)))] = i
			}
		}
	}
	for i, m := range rest {
		if !isWanted(m.Rest) || m.Value.Kind >= Object || IsAbsent(b, m.Value) {
			continue
		}
		key := Text(b, m.Key)
		if key.Len == 0 || !b.Want.WantsAttr(b.Bytes(key)) {
			continue
		}
		if seen != nil && seen[string(b.Bytes(key))] != i || seen == nil && comesAgain(b, b.Bytes(key), rest[i+1:], isWanted) {
			continue
		}
		b.AddAttr(row, key, Text(b, m.Value))
	}
}

// comesAgain reports whether the key is among later members.
func comesAgain(b *event.Batch, key []byte, later []Member, isWanted func(rest int32) bool) bool {
	for _, m := range later {
		if !isWanted(m.Rest) {
			continue
		}
		if !m.Key.Dirty {
			if bytes.Equal(b.Arena[m.Key.Off:m.Key.Off+m.Key.Len], key) {
				return true
			}
		} else if bytes.Equal(b.Bytes(Text(b, m.Key)), key) {
			return true
		}
	}
	return false
}
