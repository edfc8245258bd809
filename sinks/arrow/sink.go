package arrow

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
	"touchstream/pipeline/schema"
)

// Formats that this sink writes; also the endings of the files' names.
const (
	Parquet = "parquet"
	IPC     = "arrow"
)

// The limits of a row group.
const (
	groupRowsMax  = 128 << 10
	groupBytesMax = 16 << 20
)

// Config says where the files go and in which format.
type Config struct {
	Dir    string
	Format string
}

// file is a table's file on its way.
type file interface {
	// add takes the gathered rows; a full disk is no concern of it.
	add(b *batch) error
	// drain writes to disk what add left.
	drain() error
	// finish adds the last rows and gives the file its name.
	finish(b *batch) error
	// discard gives the file up.
	discard() error
}

type output struct {
	file  file
	batch *batch
}

// Sink writes files.
type Sink struct {
	cfg       Config
	groupRows int
	outputs   []*output
}

// New makes a sink; nothing is touched before Open.
func New(cfg Config) *Sink { return &Sink{cfg: cfg, groupRows: groupRowsMax} }

// Open makes the folder and the hidden files.
func (s *Sink) Open(_ context.Context, tables []*schema.Table) error {
	if err := disk.MakeDir(s.cfg.Dir); err != nil {
		return hold(err)
	}
	for _, o := range s.outputs { // of a call that met a full disk
		if err := o.file.discard(); err != nil {
			return err
		}
	}
	s.outputs = nil
	for _, t := range tables {
		name := t.Name + "." + s.cfg.Format
		path, hiddenPath := filepath.Join(s.cfg.Dir, name), filepath.Join(s.cfg.Dir, "."+name+".part")
		var f file
		var err error
		switch s.cfg.Format {
		case Parquet:
			f, err = newParquet(path, hiddenPath, t)
		case IPC:
			f, err = newIPC(path, hiddenPath, t)
		default:
			err = fmt.Errorf("%s: format %s is not one of %s, %s", s.cfg.Dir, s.cfg.Format, Parquet, IPC)
		}
		if err != nil {
			return hold(err)
		}
		s.outputs = append(s.outputs, &output{f, newBatch(t)})
		if err := f.drain(); err != nil {
			return err
		}
	}
	return nil
}

// Write gathers the rows and writes the row groups that are full.
func (s *Sink) Write(ctx context.Context, d *pipeline.Delivery) error {
	if err := s.Flush(ctx); err != nil {
		return err
	}
	for i, r := range d.Rows {
		o := s.outputs[i]
		o.batch.add(r)
		if o.batch.rows < s.groupRows && o.batch.bytes < groupBytesMax {
			continue
		}
		if err := o.file.add(o.batch); err != nil {
			return err
		}
	}
	// The rows are taken now; a disk that is full shows at the next call.
	if err := s.Flush(ctx); err != nil && !pipeline.IsRetryable(err) {
		return err
	}
	return nil
}

// Flush writes the row groups that wait for a full disk. What is gathered
// stays: nobody can read the files before Close.
func (s *Sink) Flush(context.Context) error {
	for _, o := range s.outputs {
		if err := o.file.drain(); err != nil {
			return err
		}
	}
	return nil
}

// Waiting is 0: rows that are taken are delivered by Close.
func (s *Sink) Waiting() int64 { return 0 }

// Close completes the files and gives them their names.
func (s *Sink) Close(context.Context) error {
	var errs []error
	for _, o := range s.outputs {
		errs = append(errs, o.file.finish(o.batch))
		o.batch.builder.Release()
	}
	s.outputs = nil
	return errors.Join(errs...)
}
