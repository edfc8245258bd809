package decode

import "touchstream/pipeline/event"

// Slots are cells whose offsets are of the batch's arena.
type Slots struct {
	Batch *event.Batch
	Cells []Value
}

// Clean gives a cell's text and keeps it, if it had to be written out. Of
// objects and arrays it is the JSON text.
func (s *Slots) Clean(slot int32) event.Str {
	v := &s.Cells[slot]
	t := Text(s.Batch, *v)
	if v.Dirty {
		v.Off, v.Len, v.Dirty = t.Off, t.Len, false
	}
	return t
}

// First gives the first slot with a value that is there; -1 if none has.
func (s *Slots) First(slots []int32) int32 {
	for _, slot := range slots {
		if s.IsThere(slot) {
			return slot
		}
	}
	return -1
}

// IsThere reports whether the slot has a value other than null and blanks.
func (s *Slots) IsThere(slot int32) bool {
	if s.Cells[slot].Dirty {
		s.Clean(slot)
	}
	return !IsAbsent(s.Batch, s.Cells[slot])
}

// Scalar is the text of the first slot with a value that is there; nothing if
// that is an object or an array.
func (s *Slots) Scalar(slots ...int32) event.Str {
	if slot := s.First(slots); slot >= 0 && s.Cells[slot].Kind < Object {
		return s.Clean(slot)
	}
	return event.Str{}
}

// Raw is the JSON text of a value, of a string what stands between the quotes.
func (s *Slots) Raw(v Value) []byte { return s.Batch.Arena[v.Off : v.Off+v.Len] }
