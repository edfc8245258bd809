package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"

	"touchstream/pipeline/event"
)

// encoder writes journal entries and the head of snapshots.
type encoder struct{ b []byte }

func (w *encoder) int(v int64)   { w.b = binary.AppendVarint(w.b, v) }
func (w *encoder) uint(v uint64) { w.b = binary.AppendUvarint(w.b, v) }
func (w *encoder) text(s string) { w.uint(uint64(len(s))); w.b = append(w.b, s...) }
func (w *encoder) bytes(s []byte) {
	w.uint(uint64(len(s)))
	w.b = append(w.b, s...)
}

func (w *encoder) flag(v bool) {
	if v {
		w.b = append(w.b, 1)
	} else {
		w.b = append(w.b, 0)
	}
}

// time writes a time that may be absent.
func (w *encoder) time(ms int64) {
	w.flag(ms != event.Absent)
	if ms != event.Absent {
		w.int(ms)
	}
}

func (w *encoder) partition(p partitionID) {
	w.uint(uint64(p.source))
	w.uint(uint64(p.index))
}

func (w *encoder) origins(list []event.Origin) {
	w.uint(uint64(len(list)))
	for _, o := range list {
		w.text(o.Source)
		w.text(o.Topic)
		w.int(int64(o.Partition))
	}
}

func (w *encoder) settings(list []Setting) {
	w.uint(uint64(len(list)))
	for _, s := range list {
		w.text(s.Key)
		w.text(s.Value)
	}
}

func (w *encoder) position(p Position) {
	w.text(p.Topic)
	w.int(int64(p.Partition))
	w.int(p.Offset)
}

// decoder reads what an encoder wrote. After the first fault everything is
// zero, and end tells it.
type decoder struct {
	b   []byte
	bad bool
}

func (r *decoder) fail() { r.b, r.bad = nil, true }

func (r *decoder) int() int64 {
	v, n := binary.Varint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *decoder) uint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.b = r.b[n:]
	return v
}

// count is the length of a list, of which each element takes a byte at least.
func (r *decoder) count() int {
	n := r.uint()
	if n > uint64(len(r.b)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *decoder) bytes() []byte {
	n := r.count()
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

func (r *decoder) text() string { return string(r.bytes()) }

func (r *decoder) flag() bool { return r.uint() != 0 }

func (r *decoder) time() int64 {
	if !r.flag() {
		return event.Absent
	}
	return r.int()
}

func (r *decoder) fixed() uint64 {
	const size = 8
	if len(r.b) < size {
		r.fail()
		return 0
	}
	v := binary.LittleEndian.Uint64(r.b)
	r.b = r.b[size:]
	return v
}

func (r *decoder) partition() partitionID {
	return partitionID{int(uint32(r.uint())), int(uint32(r.uint()))}
}

func (r *decoder) origins() (list []event.Origin) {
	for range r.count() {
		list = append(list, event.Origin{Source: r.text(), Topic: r.text(), Partition: int32(r.int())})
	}
	return list
}

func (r *decoder) settings() (list []Setting) {
	for range r.count() {
		list = append(list, Setting{Key: r.text(), Value: r.text()})
	}
	return list
}

func (r *decoder) position() Position {
	return Position{Topic: r.text(), Partition: int32(r.int()), Offset: r.int()}
}

// end says whether all was read and made sense.
func (r *decoder) end(what string) error {
	switch {
	case r.bad:
		return errors.New(what + ": it ends in the middle")
	case len(r.b) > 0:
		return fmt.Errorf("%s: %d bytes follow its end", what, len(r.b))
	}
	return nil
}
