package pipeline

import (
	"context"
	"errors"
	"fmt"

	"touchstream/pipeline/event"
)

// inputState is how the reading side stands between two steps: where each
// partition goes on and what its watermark is made of.
type inputState struct {
	step    int64
	clocks  [2]domainClock
	origins []event.Origin
	sources []sourceState
}

// sourceState is how one source stands.
type sourceState struct {
	name    string
	sighted bool
	// mark tells the log that was read from another; see Marker.
	mark  []byte
	parts []partitionState
}

type partitionState struct {
	at      Position
	highest int64
	idle    bool
	// sorted says that a sorted source was loaded, as load tells, and that next
	// of its rows are gone.
	sorted bool
	load   loadDigest
	next   int
}

// positionsOf tells where n partitions of a source begin.
func positionsOf(s Source, n int) []Position {
	out := make([]Position, n)
	if r, ok := s.(Resumer); ok {
		copy(out, r.Positions())
	}
	return out
}

// took notes the records of a chunk in the step's record.
func (s *step) took(p *partition, c *event.Chunk) {
	first, last := c.Recs[0].Offset, c.Recs[len(c.Recs)-1].Offset
	p.at = Position{Topic: c.Origin.Topic, Partition: c.Origin.Partition, Offset: last + 1}
	s.note(rangeRecord{partitionID: p.id(), kind: readRange, first: first, last: last, n: len(c.Recs), at: c.At})
}

// note adds a range to the record of a step that is made for the first time.
func (s *step) note(r rangeRecord) {
	if !s.replay {
		s.record.ranges = append(s.record.ranges, r)
	}
}

func (p *partition) id() partitionID { return partitionID{p.source, p.index} }

// note completes the step's record and takes down how the reading side stands.
func (in *input) note(s *step) {
	if !in.cfg.Durable() {
		return
	}
	r := &s.record
	r.number, r.clocks, r.oldest = s.number, in.clocks, s.oldest
	r.origins = in.origins[in.told:]
	in.told = len(in.origins)
	for _, p := range in.parts {
		if !p.known {
			p.known = true
			r.found = append(r.found, foundPartition{p.id(), p.began})
		}
		if p.idle {
			r.idle = append(r.idle, p.id())
		}
	}
	s.state = in.state()
}

// state is how the reading side stands.
func (in *input) state() *inputState {
	st := &inputState{step: in.steps, clocks: in.clocks, origins: in.origins}
	for i := range in.cfg.Sources {
		src := sourceState{name: in.cfg.Sources[i].Name, sighted: in.sighted[i]}
		for _, p := range in.bySrc[i] {
			if !p.known {
				break // found in a replay: a step to come names it, and those behind it
			}
			x := partitionState{at: p.at, highest: p.highest, idle: p.idle, sorted: p.sorted, load: p.load}
			switch sorted := in.sorted[i]; {
			case sorted == nil && p.sorted:
				x.next = sortedDone
			case sorted != nil && sorted.loaded:
				x.next = sorted.next
			default:
				x.next = p.skip
			}
			src.parts = append(src.parts, x)
		}
		if m, ok := in.cfg.Sources[i].Source.(Marker); ok && !in.cfg.Sources[i].Sort {
			src.mark = m.Mark()
		}
		st.sources = append(st.sources, src)
	}
	return st
}

// sortedDone is the next row of a sorted source that has none left.
const sortedDone = int(^uint(0) >> 1)

// resume makes the reading side go on from a state, nil for a new one, with
// entries to replay first.
func (in *input) resume(st *inputState, entries []*entry) error {
	in.entries = entries
	if st == nil && len(entries) == 0 {
		return nil
	}
	in.resumed = &inputState{clocks: in.clocks}
	if st != nil {
		in.resumed = st
	}
	in.steps, in.clocks = in.resumed.step, in.resumed.clocks
	for _, o := range in.resumed.origins {
		in.originIndex(o)
	}
	in.told = len(in.origins)
	bySource := make([][]partitionState, len(in.cfg.Sources))
	for i := range in.goesOn {
		in.goesOn[i] = st == nil
	}
	for _, src := range in.resumed.sources {
		i := in.sourceNamed(src.name)
		if i < 0 {
			return fmt.Errorf("the state has read from source %s, which is not configured any more; configure it again or reset the state", src.name)
		}
		bySource[i], in.sighted[i], in.goesOn[i] = src.parts, src.sighted, true
	}
	for _, e := range entries {
		for _, s := range e.steps {
			for _, f := range s.found {
				if f.source >= len(bySource) || f.index != len(bySource[f.source]) {
					return fmt.Errorf("journal entry %d: step %d names partition %d of source %d, which has %d", e.number, s.number, f.index, f.source, len(bySource[min(f.source, len(bySource)-1)]))
				}
				bySource[f.source] = append(bySource[f.source], partitionState{at: f.at, highest: event.Absent})
			}
		}
	}
	for i, parts := range bySource {
		for k, x := range parts {
			p := &partition{source: i, index: k, lag: in.cfg.Sources[i].OutOfOrderness, highest: x.highest, began: x.at, at: x.at, idle: x.idle, left: x.idle, known: true, sorted: x.sorted, load: x.load, skip: x.next}
			in.bySrc[i] = append(in.bySrc[i], p)
			in.parts = append(in.parts, p)
		}
	}
	return nil
}

func (in *input) sourceNamed(name string) int {
	for i := range in.cfg.Sources {
		if in.cfg.Sources[i].Name == name {
			return i
		}
	}
	return -1
}

// resumeSource tells a source where it goes on. One that had no partitions so
// far is told too: it does not start anew.
func (in *input) resumeSource(i int) error {
	if !in.goesOn[i] || in.cfg.Sources[i].Sort {
		return nil
	}
	r, ok := in.cfg.Sources[i].Source.(Resumer)
	if !ok && len(in.bySrc[i]) == 0 {
		return nil
	}
	if !ok {
		return errors.New("it cannot go on where it was; reset the state to read it from start")
	}
	positions := make([]Position, len(in.bySrc[i]))
	for k, p := range in.bySrc[i] {
		positions[k] = p.at
	}
	r.Resume(positions)
	if m, ok := r.(Marker); ok {
		m.Expect(in.resumed.markOf(in.cfg.Sources[i].Name))
	}
	return nil
}

// markOf is the mark of a source, nil if there is none.
func (st *inputState) markOf(source string) []byte {
	for i := range st.sources {
		if st.sources[i].name == source {
			return st.sources[i].mark
		}
	}
	return nil
}

// replay makes the steps of the entries again and gets ready for new ones; false
// when it could not.
func (in *input) replay(ctx context.Context, out chan<- *step) bool {
	for _, e := range in.entries {
		for i := range e.steps {
			s := in.again(ctx, e, &e.steps[i])
			if s == nil {
				return false
			}
			if i == len(e.steps)-1 {
				s.commit = e
			}
			select {
			case out <- s:
			case <-ctx.Done():
				return false
			}
			if s.last {
				return false
			}
		}
		if len(e.steps) == 0 {
			select {
			case out <- &step{replay: true, quiet: true, commit: e}:
			case <-ctx.Done():
				return false
			}
		}
	}
	in.entries, in.started = nil, in.cfg.Started
	// The time between two runs is not idle: what came meanwhile has not been
	// read yet. A file can be read to its end within the first step.
	for d := range in.clocks {
		in.clocks[d].wasQuiet = false
	}
	return true
}

// again makes the step of a record; nil when the context is done. With err set
// the input is not what it was.
func (in *input) again(ctx context.Context, e *entry, r *stepRecord) (s *step) {
	s = &step{replay: true, record: *r, number: r.number, clock: e.clock, oldest: r.oldest}
	defer func() {
		if x := recover(); x != nil {
			s = &step{replay: true, last: true, watermarks: [2]int64{beginOfTime, beginOfTime}, err: internalFault(x, in.cfg.Log)}
		}
	}()
	if r.number != in.steps+1 {
		s.last, s.err = true, fmt.Errorf("journal entry %d: step %d follows step %d", e.number, r.number, in.steps)
		return s
	}
	in.discover()
	for _, o := range r.origins {
		in.originIndex(o)
	}
	in.started = e.started
	for _, x := range r.ranges {
		if err := in.readAgain(ctx, s, x); err != nil {
			s.last, s.err = true, err
			return s
		}
		if ctx.Err() != nil {
			return nil
		}
	}
	in.steps, in.told = r.number, len(in.origins)
	in.decode(s)
	in.clocks = r.clocks
	for _, p := range in.parts {
		p.idle, p.left = false, false
	}
	for _, id := range r.idle {
		if p := in.partition(id); p != nil {
			p.idle, p.left = true, true
		}
	}
	s.watermarks, s.origins, s.sources = in.watermarks(), in.origins, in.sourceStatus()
	s.state = in.state()
	return s
}

func (in *input) partition(id partitionID) *partition {
	if id.source >= len(in.bySrc) || id.index >= len(in.bySrc[id.source]) {
		return nil
	}
	return in.bySrc[id.source][id.index]
}

// readAgain reads the records of one range.
func (in *input) readAgain(ctx context.Context, s *step, r rangeRecord) error {
	p := in.partition(r.partitionID)
	if p == nil {
		return fmt.Errorf("journal: step %d has read partition %d of source %d, which is not there", s.number, r.index, r.source)
	}
	src := &in.cfg.Sources[p.source]
	switch r.kind {
	case loadRange:
		if in.loadSorted(ctx, s, p, in.sorted[p.source]) {
			return r.load.compare(src.Name, &p.load)
		}
		return nil
	case cutRange:
		in.gatherSorted(ctx, s, p, in.sorted[p.source], r.n)
		return in.broken
	}
	x := in.takePiece(p)
	if err := in.readExactly(ctx, src, p.index, r.n, x.chunk); err != nil || ctx.Err() != nil {
		return err
	}
	if err := r.check(src.Name, x.chunk); err != nil {
		return err
	}
	x.chunk.At = r.at
	p.state = HasMore
	in.register(x.chunk, src.Name)
	p.at = Position{Topic: x.chunk.Origin.Topic, Partition: x.chunk.Origin.Partition, Offset: r.last + 1}
	s.pieces = append(s.pieces, x)
	s.records += r.n
	s.bytes += int64(len(x.chunk.Data))
	return nil
}

// readExactly reads so many records, or up to the end of the partition.
func (in *input) readExactly(ctx context.Context, src *SourceConfig, partition, records int, c *event.Chunk) error {
	hold, part := in.status.holder("sources."+src.Name), &event.Chunk{}
	for n := 0; n < records && ctx.Err() == nil; n = len(c.Recs) {
		into := c
		if n > 0 {
			into = part
		}
		state, err := src.Source.Read(ctx, partition, records-n, true, into)
		switch {
		case err == nil:
			hold.release()
		case errors.Is(err, context.Canceled):
		case IsRetryable(err):
			hold.because(err)
			sleep(ctx, retryWaitMax)
			continue
		default:
			return fmt.Errorf("sources.%s: %w", src.Name, err)
		}
		if n > 0 {
			c.Append(part)
		}
		if len(c.Recs) == n && state == Ended {
			return nil
		}
	}
	return nil
}

// check says whether the records are those that the journal speaks of.
func (r *rangeRecord) check(source string, c *event.Chunk) error {
	first, last := int64(-1), int64(-1)
	if n := len(c.Recs); n > 0 {
		first, last = c.Recs[0].Offset, c.Recs[n-1].Offset
	}
	if len(c.Recs) == r.n && first == r.first && last == r.last {
		return nil
	}
	return fmt.Errorf("sources.%s: %s partition %d: the journal has %d records at offsets %d to %d, the source now gives %d at %d to %d: records were removed or changed since; reset the state to start over without them",
		source, c.Origin.Topic, c.Origin.Partition, r.n, r.first, r.last, len(c.Recs), first, last)
}
