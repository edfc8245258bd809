package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// simJournal is the journal of the world.
type simJournal struct{ w *process }

func (j *simJournal) Open(context.Context, func()) error {
	j.w.mu.Lock()
	defer j.w.mu.Unlock()
	if j.w.owner != nil {
		close(j.w.owner.lost)
	}
	j.w.owner = j.w
	return nil
}

func (j *simJournal) Close() error                { return nil }
func (j *simJournal) Generation() (uint32, error) { return 0, nil }
func (j *simJournal) Lost() <-chan struct{}       { return j.w.lost }

func (j *simJournal) Confirm(context.Context) error {
	j.w.mu.Lock()
	defer j.w.mu.Unlock()
	return j.fenced()
}

// fenced says that another process has taken over. The lock is held.
func (j *simJournal) fenced() error {
	if j.w.owner != j.w {
		return ErrFenced
	}
	return nil
}

func (j *simJournal) Trim(_ context.Context, n int64) (err error) {
	failed := j.w.act("trim", func() {
		if err = j.fenced(); err == nil {
			j.w.trimmed = max(j.w.trimmed, n)
		}
	})
	return errors.Join(err, failed)
}

func (j *simJournal) Read(_ context.Context, first int64, f func(int64, []byte) error) (damage, err error) {
	j.w.mu.Lock()
	entries := slices.Clone(j.w.journal)
	j.w.first = first
	j.w.mu.Unlock()
	for _, e := range entries {
		switch {
		case e.number < max(first, j.w.trimmed):
		case e.damaged:
			return fmt.Errorf("entry %d: %w", e.number, ErrDamaged), nil
		default:
			if err := f(e.number, e.bytes); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

func (j *simJournal) Commit(_ context.Context, number int64, entry []byte) (err error) {
	failed := j.w.act("commit", func() {
		if err = j.fenced(); err != nil {
			return
		}
		if i := slices.IndexFunc(j.w.journal, func(e simEntry) bool { return e.damaged }); i >= 0 {
			j.w.journal = j.w.journal[:i]
		}
		last := int64(0)
		if n := len(j.w.journal); n > 0 {
			last = j.w.journal[n-1].number
		}
		if number != last+1 && (last >= j.w.first || number < j.w.first) {
			j.w.t.Errorf("seed %d: commit %d follows %d", j.w.seed, number, last)
		}
		j.w.journal = append(j.w.journal, simEntry{number: number, bytes: slices.Clone(entry)})
	})
	return errors.Join(err, failed)
}

// simSink keeps rows in blocks, which it hands to the world.
type simSink struct {
	w          *process
	tables     []*schema.Table
	generation uint32

	mu        sync.Mutex
	run       uint32
	open      string
	number    uint64
	closed    []simBlock
	delivered uint64
}

// simBlockID names a block for good.
type simBlockID struct {
	generation, run uint32
	number          uint64
}

type simBlock struct {
	number uint64
	run    uint32
	commit int64
	rows   string
}

func (s *simSink) Open(_ context.Context, o *Opening) error {
	s.tables, s.generation, s.run = o.Tables, o.Generation, o.Run
	if o.State == nil {
		return nil
	}
	r := decoder{b: o.State}
	s.open, s.number, s.delivered = r.text(), r.uint(), r.uint()
	for range r.count() {
		s.closed = append(s.closed, simBlock{number: r.uint(), run: uint32(r.uint()), rows: r.text()})
	}
	return r.end("state")
}

func (s *simSink) Renumber(run uint32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.run = run
}

func (s *simSink) Write(_ context.Context, d *Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, r := range d.Rows {
		for i := range r.N {
			fmt.Fprintf(&b, "%s", r.Table.Name)
			for c, col := range r.Table.Columns {
				if col.Type == schema.Text || col.Type == schema.LowText {
					fmt.Fprintf(&b, " %s", r.Bytes(r.Cols[c].Str[i]))
				} else {
					fmt.Fprintf(&b, " %d", r.Cols[c].I64[i])
				}
			}
			b.WriteByte('\n')
		}
	}
	s.open += b.String()
	return nil
}

// Cut closes the block or not, at random, and says so.
func (s *simSink) Cut(_ context.Context, c *Cut) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	decision := c.Decision
	if !c.Replay {
		closes := c.All || s.w.chance(2, "cut", c.Number) == 0
		w := encoder{}
		w.uint(s.delivered)
		w.uint(uint64(s.run))
		w.flag(closes)
		decision = w.b
	}
	r := decoder{b: decision}
	delivered, run := r.uint(), uint32(r.uint())
	if r.flag() && s.open != "" {
		s.number++
		s.closed = append(s.closed, simBlock{s.number, run, c.Number, s.open})
		s.open = ""
	}
	s.closed = slices.DeleteFunc(s.closed, func(b simBlock) bool { return b.number <= delivered })
	return decision, nil
}

func (s *simSink) State(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := encoder{}
	w.text(s.open)
	w.uint(s.number)
	w.uint(s.delivered)
	w.uint(uint64(len(s.closed)))
	for _, b := range s.closed {
		w.uint(b.number)
		w.uint(uint64(b.run))
		w.text(b.rows)
	}
	return w.b, nil
}

func (s *simSink) Release(_ context.Context, number int64) error {
	for {
		b, ok := s.due(number)
		if !ok {
			return nil
		}
		err := s.w.act("release", func() {
			id := simBlockID{s.generation, b.run, b.number}
			if was, ok := s.w.blocks[id]; ok && was != b.rows {
				s.w.t.Errorf("seed %d: block %v came as\n%sand comes again as\n%s", s.w.seed, id, was, b.rows)
			}
			s.w.blocks[id] = b.rows
		})
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.delivered = b.number
		s.closed = slices.DeleteFunc(s.closed, func(c simBlock) bool { return c.number <= b.number })
		s.mu.Unlock()
	}
}

// due is the first block that may leave.
func (s *simSink) due(number int64) (simBlock, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.closed) == 0 || s.closed[0].commit > number {
		return simBlock{}, false
	}
	return s.closed[0], true
}

func (s *simSink) Drain(context.Context) error { return nil }
func (s *simSink) Close(context.Context) error { return nil }
func (s *simSink) Waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.closed) + strings.Count(s.open, "\n"))
}

// simSource serves the world's input in portions of random sizes.
type simSource struct {
	w       *process
	bounded bool
	next    []int64
	ready   chan struct{}
	resume  []Position
	hidden  int // partitions at the end that are not its own
}

func (s *simSource) Open(_ context.Context, bounded bool) error {
	s.bounded, s.next = bounded, make([]int64, len(s.w.parts))
	for i, p := range s.resume {
		s.next[i] = p.Offset
	}
	return nil
}
func (s *simSource) Resume(positions []Position) { s.resume = positions }
func (s *simSource) Positions() []Position {
	out := make([]Position, len(s.next))
	for i := range out {
		out[i] = Position{"t", int32(i), s.next[i]}
	}
	return out
}

func (s *simSource) Partitions() int {
	s.w.read(-1, 0)
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.bounded {
		s.w.visible = len(s.w.parts)
	}
	return min(s.w.visible, len(s.w.parts)-s.hidden)
}
func (s *simSource) Ready() <-chan struct{} { return s.ready }
func (s *simSource) Lag() int64             { return -1 }
func (s *simSource) Close() error           { return nil }

func (s *simSource) Read(ctx context.Context, p, limit int, wait bool, c *event.Chunk) (ReadState, error) {
	c.Reset()
	c.Origin.Topic, c.Origin.Partition, c.At = "t", int32(p), s.w.changed
	n := s.w.read(int64(p), s.next[p])
	for i := 0; i < min(n, limit) && int(s.next[p]) < len(s.w.parts[p]); i++ {
		c.Add([]byte(s.w.parts[p][s.next[p]]), s.next[p], event.Absent)
		s.next[p]++
	}
	switch {
	case int(s.next[p]) < len(s.w.parts[p]):
		return HasMore, nil
	case s.bounded:
		return Ended, nil
	}
	return CaughtUp, nil
}

// read notes a read of a partition at an offset, or a look at the partitions,
// and gives how many records come with it.
func (w *process) read(part, offset int64) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reads++
	if w.reads == w.stopAt {
		w.kill()
	}
	if w.chance(20, "grow", int64(w.reads)) == 0 {
		w.visible = min(w.visible+1, len(w.parts))
	}
	return 1 + w.chance(5, "portion", part, offset)
}
