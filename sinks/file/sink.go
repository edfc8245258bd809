package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"

	"touchstream/pipeline"
	"touchstream/pipeline/codec"
	"touchstream/pipeline/disk"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/schema/text"
)

// behindMax is how many bytes of replayed commits gather before they are written.
const behindMax = 1 << 20

// cut is a commit whose lines are not all written.
type cut struct {
	number  int64
	lengths []int64 // of the files with it
	rows    int64
}

// Sink writes files.
type Sink struct {
	cfg     Config
	outputs []*output
	waiting atomic.Int64

	number   int64 // of the last Cut
	rows     int64 // of the commit under way
	replayed int64 // the last commit that was replayed; 0: not in a replay
	behind   int64 // bytes of replayed commits that are not written
	named    bool  // the files' names are durable

	delivering sync.Mutex
	mu         sync.Mutex
	cuts       []cut
	isNew      bool // nothing was released yet, and nothing replayed
}

// New makes a sink; nothing is touched before Open.
func New(cfg Config) *Sink { return &Sink{cfg: cfg} }

// Open makes the folder and the files, or opens those of the state. Lines
// that the state holds beyond a file's length are written at once.
func (s *Sink) Open(_ context.Context, o *pipeline.Opening) error {
	if err := s.closeFiles(); err != nil {
		return err
	}
	s.number, s.rows, s.replayed, s.behind, s.named = 0, 0, 0, 0, false
	s.cuts, s.isNew = nil, o.State == nil
	s.waiting.Store(0)
	if err := disk.MakeDir(s.cfg.Dir); err != nil {
		return hold(err)
	}
	var state map[string]held
	if o.State != nil {
		var err error
		if state, err = parseState(o.State); err != nil {
			return fmt.Errorf("%s: %w: %w", s.cfg.Dir, pipeline.ErrDamaged, err)
		}
		if err := s.missed(state, o.Tables); err != nil {
			return err
		}
	}
	for _, t := range o.Tables {
		out, err := s.output(t)
		if err != nil {
			return err
		}
		s.outputs = append(s.outputs, out)
		h, isKnown := state[t.Name]
		switch {
		case isKnown:
			err = out.resume(h)
		case o.State != nil && out.isThere():
			err = fmt.Errorf("%s is there, and the state does not know that this sink takes table %s; move the file away, or take the table out of the sink", out.path, t.Name)
		case o.Joins && out.isThere():
			err = fmt.Errorf("%s is there and was not written by this sink, which the state does not know; give the sink the name that it had, or another dir", out.path)
		case o.Dir != "":
			out.ready, out.isRagged = out.writer.Head(nil), true
			err = out.use(disk.Open(out.path))
		default:
			out.ready = out.writer.Head(nil)
			if err = out.use(disk.Create(out.path)); err == nil {
				err = out.write(int64(len(out.ready)))
			}
		}
		if err != nil {
			return hold(err)
		}
	}
	return nil
}

// missed tells of a table that the sink does not take any more, and of which
// lines wait.
func (s *Sink) missed(state map[string]held, tables []*schema.Table) error {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(state)) {
		isTaken := slices.ContainsFunc(tables, func(t *schema.Table) bool { return t.Name == name })
		if n := bytes.Count(state[name].ready, []byte{'\n'}); n > 0 && !isTaken {
			errs = append(errs, fmt.Errorf("%s: the sink does not take table %s any more, and %d lines of it wait: configure it again until they are written, or reset the state", s.cfg.Dir, name, n))
		}
	}
	return errors.Join(errs...)
}

func (s *Sink) output(t *schema.Table) (*output, error) {
	o := &output{table: t.Name, path: filepath.Join(s.cfg.Dir, t.Name+"."+s.cfg.Format)}
	switch s.cfg.Format {
	case JSONL:
		o.writer = text.NewJSON(t, false)
	case CSV:
		o.writer = text.NewCSV(t)
	default:
		return nil, fmt.Errorf("%s: format %s is not one of %s, %s", s.cfg.Dir, s.cfg.Format, JSONL, CSV)
	}
	return o, nil
}

// isThere reports whether the file has content.
func (o *output) isThere() bool {
	info, err := os.Stat(o.path)
	return err == nil && info.Mode().IsRegular() && info.Size() > 0
}

// resume opens the file of a state and writes the lines that the state holds.
func (o *output) resume(h held) error {
	size := int64(0)
	info, err := os.Stat(o.path)
	switch {
	case err == nil && !info.Mode().IsRegular():
		size = h.length
	case err == nil:
		size = info.Size()
	case !errors.Is(err, os.ErrNotExist):
		return disk.Explain(o.path, err)
	}
	if size < h.length {
		return fmt.Errorf("%s is %w: it has %d bytes and %d had been written; put the whole file back", o.path, pipeline.ErrDamaged, size, h.length)
	}
	if err := o.use(disk.Open(o.path)); err != nil {
		return err
	}
	o.at, o.ready, o.isRagged = h.length, slices.Clone(h.ready), true
	return o.write(h.length + int64(len(h.ready)))
}

// Write gathers the rows as lines. Lines of replayed commits, which are durable
// in the journal, are written meanwhile, so that a long replay needs little
// memory.
func (s *Sink) Write(_ context.Context, d *pipeline.Delivery) error {
	if s.behind > behindMax {
		if err := s.deliver(s.replayed); err != nil {
			return err
		}
		s.behind = 0
	}
	for i, r := range d.Rows {
		o := s.outputs[i]
		o.open = o.writer.Append(o.open, r)
		s.rows += int64(r.N)
		s.waiting.Add(int64(r.N))
	}
	return nil
}

// Cut decides the length of each file with the commit; all lines leave with it.
// In a replay they must be as long as they were.
func (s *Sink) Cut(_ context.Context, c *pipeline.Cut) ([]byte, error) {
	lengths := make([]int64, len(s.outputs))
	bytes := int64(0)
	for i, o := range s.outputs {
		bytes += int64(len(o.open))
		lengths[i] = o.cut()
	}
	s.mu.Lock()
	s.cuts = append(s.cuts, cut{c.Number, lengths, s.rows})
	s.isNew = s.isNew && !c.Replay
	s.mu.Unlock()
	s.number, s.rows = c.Number, 0
	if !c.Replay {
		s.replayed, s.behind = 0, 0
		return appendLengths(nil, lengths), nil
	}
	s.replayed, s.behind = c.Number, s.behind+bytes
	return c.Decision, s.compare(c, lengths)
}

func (s *Sink) compare(c *pipeline.Cut, lengths []int64) error {
	decided, err := parseLengths(c.Decision, len(lengths))
	if err != nil {
		return err
	}
	for i, o := range s.outputs {
		if lengths[i] != decided[i] {
			return fmt.Errorf("table %s: %s has %d bytes with commit %d in the replay and had %d before; the same events did not give the same rows",
				o.table, o.path, lengths[i], c.Number, decided[i])
		}
	}
	return nil
}

// State is the length of each file and the lines that come behind it. What is
// in the files is durable then.
func (s *Sink) State(context.Context) ([]byte, error) {
	state := codec.AppendUint([]byte{stateVersion}, len(s.outputs))
	for _, o := range s.outputs {
		length, ready := o.held()
		if err := o.sync(); err != nil {
			return nil, err
		}
		state = appendHeld(state, o.table, held{length, ready})
	}
	if !s.named {
		if err := disk.SyncDir(s.cfg.Dir); err != nil {
			return nil, hold(err)
		}
		s.named = true
	}
	return state, nil
}

// Release writes the lines of the commits up to number. The first one after a
// replay cuts off what a file has beyond them, and the first one of a new state
// what another one left there.
func (s *Sink) Release(_ context.Context, number int64) error {
	s.mu.Lock()
	isNew := s.isNew
	s.mu.Unlock()
	if isNew {
		if err := s.empty(); err != nil {
			return err
		}
	}
	if err := s.deliver(number); err != nil {
		return err
	}
	s.delivering.Lock()
	defer s.delivering.Unlock()
	for _, o := range s.outputs {
		if err := o.trim(); err != nil {
			return err
		}
	}
	return nil
}

// empty takes out of the files what was there before the state.
func (s *Sink) empty() error {
	s.delivering.Lock()
	defer s.delivering.Unlock()
	for _, o := range s.outputs {
		if err := o.truncate(o.at); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.isNew = false
	s.mu.Unlock()
	return nil
}

// deliver writes the lines of the commits up to number.
func (s *Sink) deliver(number int64) error {
	s.delivering.Lock()
	defer s.delivering.Unlock()
	s.mu.Lock()
	n, rows := 0, int64(0)
	var lengths []int64
	for ; n < len(s.cuts) && s.cuts[n].number <= number; n++ {
		rows += s.cuts[n].rows
		lengths = s.cuts[n].lengths
	}
	s.mu.Unlock()
	if n == 0 {
		return nil
	}
	for i, o := range s.outputs {
		if err := o.write(lengths[i]); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.cuts = slices.Delete(s.cuts, 0, n)
	s.mu.Unlock()
	s.waiting.Add(-rows)
	return nil
}

// Drain has nothing to wait for: Release writes.
func (s *Sink) Drain(context.Context) error { return nil }

// Waiting is the number of rows taken and not yet written.
func (s *Sink) Waiting() int64 { return s.waiting.Load() }

// Close closes the files. What was not released is given up.
func (s *Sink) Close(context.Context) error { return s.closeFiles() }

func (s *Sink) closeFiles() error {
	var errs []error
	for _, o := range s.outputs {
		if o.file == nil {
			continue
		}
		if err := o.file.Close(); err != nil {
			errs = append(errs, disk.Explain(o.path, err))
		}
	}
	s.outputs = nil
	return errors.Join(errs...)
}
