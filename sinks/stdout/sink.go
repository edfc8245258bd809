package stdout

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"syscall"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/schema"
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

// Sink prints rows.
type Sink struct {
	out     io.Writer
	writers []*text.JSON
	bytes   []byte
	waiting atomic.Int64
}

// New makes a sink.
func New(Config) *Sink { return &Sink{out: os.Stdout} }

// Open prepares the lines' keys.
func (s *Sink) Open(_ context.Context, tables []*schema.Table) error {
	s.writers = nil
	for _, t := range tables {
		s.writers = append(s.writers, text.NewJSON(t, len(tables) > 1))
	}
	return nil
}

// Write prints the rows. What a full disk behind a redirection did not take is
// printed at the next call.
func (s *Sink) Write(ctx context.Context, d *pipeline.Delivery) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	for i, r := range d.Rows {
		s.bytes = s.writers[i].Append(s.bytes, r)
		s.waiting.Add(int64(r.N))
	}
	if err := s.Flush(ctx); err != nil && !pipeline.IsRetryable(err) {
		return err
	}
	return nil
}

// Flush prints what is left.
func (s *Sink) Flush(context.Context) error {
	if len(s.bytes) == 0 {
		return nil
	}
	n, err := s.out.Write(s.bytes)
	s.bytes = s.bytes[:copy(s.bytes, s.bytes[n:])]
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return pipeline.Retryable(fmt.Errorf("standard output: %w; make room on the disk that it goes to", err))
	case errors.Is(err, syscall.EPIPE):
		return fmt.Errorf("standard output: %w; its reader has gone", err)
	case err != nil:
		return fmt.Errorf("standard output: %w", err)
	}
	s.waiting.Store(0)
	return nil
}

// Waiting is the number of rows not yet printed.
func (s *Sink) Waiting() int64 { return s.waiting.Load() }

// Close prints what is left.
func (s *Sink) Close(ctx context.Context) error { return s.Flush(ctx) }
