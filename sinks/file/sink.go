package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/schema/text"
)

// chunkBytes is how much a table gathers before it is written.
const chunkBytes = 256 << 10

// writer turns rows into lines.
type writer interface {
	Head(dst []byte) []byte
	Append(dst []byte, r *schema.Rows) []byte
}

// output is the file of one table.
type output struct {
	path   string
	file   *os.File
	writer writer
	bytes  []byte // lines not yet written
	rows   int64  // rows that have lines among them
}

// Sink writes files.
type Sink struct {
	cfg     Config
	outputs []*output
	waiting atomic.Int64
}

// New makes a sink; nothing is touched before Open.
func New(cfg Config) *Sink { return &Sink{cfg: cfg} }

// Open makes the folder and the files.
func (s *Sink) Open(_ context.Context, tables []*schema.Table) error {
	if err := disk.MakeDir(s.cfg.Dir); err != nil {
		return hold(err)
	}
	if err := s.closeFiles(); err != nil {
		return err
	}
	for _, t := range tables {
		o := &output{path: filepath.Join(s.cfg.Dir, t.Name+"."+s.cfg.Format)}
		switch s.cfg.Format {
		case JSONL:
			o.writer = text.NewJSON(t, false)
		case CSV:
			o.writer = text.NewCSV(t)
		default:
			return fmt.Errorf("%s: format %s is not one of %s, %s", s.cfg.Dir, s.cfg.Format, JSONL, CSV)
		}
		var err error
		if o.file, err = disk.Create(o.path); err != nil {
			return hold(err)
		}
		s.outputs = append(s.outputs, o)
		o.bytes = o.writer.Head(o.bytes)
		if err := o.drain(); err != nil {
			return err
		}
	}
	return nil
}

// hold marks the error of a full disk as one that passes.
func hold(err error) error {
	if disk.IsFull(err) {
		return pipeline.Retryable(err)
	}
	return err
}

// Write gathers the rows as lines and writes what has become large.
func (s *Sink) Write(_ context.Context, d *pipeline.Delivery) error {
	if err := s.drain(chunkBytes); err != nil {
		return err
	}
	for i, r := range d.Rows {
		o := s.outputs[i]
		o.bytes = o.writer.Append(o.bytes, r)
		o.rows += int64(r.N)
		s.waiting.Add(int64(r.N))
	}
	// The rows are taken now; a disk that is full shows at the next call.
	if err := s.drain(chunkBytes); err != nil && !pipeline.IsRetryable(err) {
		return err
	}
	return nil
}

// Flush writes all lines.
func (s *Sink) Flush(context.Context) error { return s.drain(0) }

// drain writes the lines of tables that have more than limit bytes of them.
func (s *Sink) drain(limit int) error {
	for _, o := range s.outputs {
		if len(o.bytes) <= limit {
			continue
		}
		if err := o.drain(); err != nil {
			return err
		}
		s.waiting.Add(-o.rows)
		o.rows = 0
	}
	return nil
}

// drain writes all lines. What a full disk took of them is not written again.
func (o *output) drain() error {
	if len(o.bytes) == 0 {
		return nil
	}
	n, err := o.file.Write(o.bytes)
	o.bytes = o.bytes[:copy(o.bytes, o.bytes[n:])]
	if err != nil {
		return hold(disk.Explain(o.path, err))
	}
	return nil
}

// Waiting is the number of rows gathered and not yet written.
func (s *Sink) Waiting() int64 { return s.waiting.Load() }

// Close writes what is left and closes the files.
func (s *Sink) Close(ctx context.Context) error {
	return errors.Join(s.Flush(ctx), s.closeFiles())
}

func (s *Sink) closeFiles() error {
	var errs []error
	for _, o := range s.outputs {
		if err := o.file.Close(); err != nil {
			errs = append(errs, disk.Explain(o.path, err))
		}
	}
	s.outputs = nil
	return errors.Join(errs...)
}
