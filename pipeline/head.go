package pipeline

import "slices"

// headFormat is the version of a snapshot's head, and with it of the snapshot.
const headFormat = 4

// head is what a snapshot says about itself and about all that is not the
// fold's: the reading side, the counters, the sinks.
type head struct {
	format          uint64
	version         string
	plan            []Setting
	generation, run uint32
	number          int64 // of the commit
	clock           int64
	// clean: the process stopped behind it; no commit follows.
	clean    bool
	input    inputState
	counters []namedCount
	sinks    []decision // what each answered to State
}

type namedCount struct {
	name string
	n    int64
}

func (h *head) append(dst []byte) []byte {
	w := encoder{dst}
	w.uint(headFormat)
	w.text(h.version)
	w.settings(h.plan)
	w.uint(uint64(h.generation))
	w.uint(uint64(h.run))
	w.int(h.number)
	w.int(h.clock)
	w.flag(h.clean)
	h.input.append(&w)
	w.uint(uint64(len(h.counters)))
	for _, c := range h.counters {
		w.text(c.name)
		w.int(c.n)
	}
	w.uint(uint64(len(h.sinks)))
	for _, s := range h.sinks {
		w.text(s.sink)
		w.bytes(s.bytes)
	}
	return w.b
}

func (st *inputState) append(w *encoder) {
	w.int(st.step)
	for i := range st.clocks {
		st.clocks[i].append(w)
	}
	w.origins(st.origins)
	w.uint(uint64(len(st.sources)))
	for _, s := range st.sources {
		w.text(s.name)
		w.flag(s.sighted)
		w.bytes(s.mark)
		w.uint(uint64(len(s.parts)))
		for _, p := range s.parts {
			w.position(p.at)
			w.int(p.highest)
			w.flag(p.idle)
			w.flag(p.sorted)
			if p.sorted {
				p.load.append(w)
			}
			w.int(int64(p.next))
		}
	}
}

// decodeHead reads what append wrote. One of another format is answered with
// its format and version alone.
func decodeHead(b []byte) (*head, error) {
	r := decoder{b: b}
	h := &head{format: r.uint(), version: r.text()}
	if h.format != headFormat && !r.bad {
		return h, nil
	}
	h.plan = r.settings()
	h.generation, h.run = uint32(r.uint()), uint32(r.uint())
	h.number, h.clock, h.clean = r.int(), r.int(), r.flag()
	h.input = decodeInputState(&r)
	for range r.count() {
		h.counters = append(h.counters, namedCount{r.text(), r.int()})
	}
	for range r.count() {
		h.sinks = append(h.sinks, decision{r.text(), slices.Clone(r.bytes())})
	}
	return h, r.end("head of the snapshot")
}

func decodeInputState(r *decoder) (st inputState) {
	st.step = r.int()
	for i := range st.clocks {
		st.clocks[i] = decodeClock(r)
	}
	st.origins = r.origins()
	for range r.count() {
		s := sourceState{name: r.text(), sighted: r.flag(), mark: slices.Clone(r.bytes())}
		for range r.count() {
			p := partitionState{at: r.position(), highest: r.int(), idle: r.flag(), sorted: r.flag()}
			if p.sorted {
				p.load = decodeLoad(r)
			}
			p.next = int(r.int())
			s.parts = append(s.parts, p)
		}
		st.sources = append(st.sources, s)
	}
	return st
}

// sinkState is what a sink answered, nil if it was not there.
func (h *head) sinkState(name string) []byte {
	for _, s := range h.sinks {
		if s.sink == name {
			return s.bytes
		}
	}
	return nil
}
