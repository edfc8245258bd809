package stdout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/schema/text"
)

// Config is the section stdout of a sink. Its tables may stand here as well as
// beside the section.
type Config struct {
	Tables []string
}

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	s.Strings("tables", &c.Tables, nil, "Tables to print; empty: those beside the section, else all.").NonEmptyElements()
}

// commit is what a commit prints.
type commit struct {
	number int64
	rows   int64
	lines  []byte
	begun  int // bytes of the lines that are printed
}

// Sink prints rows.
type Sink struct {
	out     io.Writer
	writers []*text.JSON
	waiting atomic.Int64

	number int64 // of the last Cut
	rows   int64 // of the commit under way
	lines  []byte

	printing sync.Mutex
	mu       sync.Mutex
	commits  []commit // not wholly printed
	printed  int64    // the last one that is
}

// New makes a sink.
func New(Config) *Sink { return &Sink{out: os.Stdout} }

// Open prepares the lines' keys and takes the lines of the state.
func (s *Sink) Open(_ context.Context, o *pipeline.Opening) error {
	s.writers = nil
	for _, t := range o.Tables {
		s.writers = append(s.writers, text.NewJSON(t, len(o.Tables) > 1))
	}
	s.number, s.rows, s.lines, s.commits, s.printed = 0, 0, nil, nil, 0
	s.waiting.Store(0)
	if o.State == nil {
		return nil
	}
	var err error
	if s.printed, s.commits, err = parseState(o.State); err != nil {
		return fmt.Errorf("%w: %w", pipeline.ErrDamaged, err)
	}
	for _, c := range s.commits {
		s.waiting.Add(c.rows)
	}
	return nil
}

// Write gathers the rows as lines.
func (s *Sink) Write(_ context.Context, d *pipeline.Delivery) error {
	for i, r := range d.Rows {
		s.lines = s.writers[i].Append(s.lines, r)
		s.rows += int64(r.N)
		s.waiting.Add(int64(r.N))
	}
	return nil
}

// Cut decides that all lines leave, and says which commits are printed. In a
// replay those that had been printed are left out.
func (s *Sink) Cut(_ context.Context, c *pipeline.Cut) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.commits = append(s.commits, commit{number: c.Number, rows: s.rows, lines: s.lines})
	s.number, s.rows, s.lines = c.Number, 0, nil
	if !c.Replay {
		return appendDecision(nil, s.printed), nil
	}
	printed, err := parseDecision(c.Decision)
	if err != nil {
		return nil, err
	}
	s.forget(printed)
	return c.Decision, nil
}

// forget leaves out the commits up to number, which had been printed.
func (s *Sink) forget(number int64) {
	n := 0
	for ; n < len(s.commits) && s.commits[n].number <= number; n++ {
		s.waiting.Add(-s.commits[n].rows)
	}
	s.commits = slices.Delete(s.commits, 0, n)
	s.printed = max(s.printed, number)
}

// State is the lines of the commits that are not printed.
func (s *Sink) State(context.Context) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return appendState(nil, s.printed, s.commits), nil
}

// Release prints the commits up to number. What a full disk behind a
// redirection did not take is printed by the next call.
func (s *Sink) Release(_ context.Context, number int64) error {
	s.printing.Lock()
	defer s.printing.Unlock()
	for {
		s.mu.Lock()
		if len(s.commits) == 0 || s.commits[0].number > number {
			s.mu.Unlock()
			return nil
		}
		lines := s.commits[0].lines[s.commits[0].begun:]
		s.mu.Unlock()
		n, err := 0, error(nil)
		if len(lines) > 0 {
			n, err = s.out.Write(lines)
		}
		s.mu.Lock()
		s.commits[0].begun += n
		if err == nil {
			s.forget(s.commits[0].number)
		}
		s.mu.Unlock()
		if err != nil {
			return explain(err)
		}
	}
}

func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return pipeline.Retryable(fmt.Errorf("standard output: %w; make room on the disk that it goes to", err))
	case errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("standard output: %w; its reader has gone", err)
	}
	return fmt.Errorf("standard output: %w", err)
}

// Drain has nothing to wait for: Release prints.
func (s *Sink) Drain(context.Context) error { return nil }

// Waiting is the number of rows not yet printed.
func (s *Sink) Waiting() int64 { return s.waiting.Load() }

// Close has nothing to close. What was not released is given up.
func (s *Sink) Close(context.Context) error { return nil }
