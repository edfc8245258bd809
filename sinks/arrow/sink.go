package arrow

import (
	"context"
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
	Roll   Limits
}

// Limits end the files of a state that is kept, at the end of a commit.
type Limits struct {
	RowsMax int
	AgeMs   int64 // since the commit of the first row
}

// file is a table's file on its way.
type file interface {
	// add takes the gathered rows; a full disk is no concern of it.
	add(b *batch) error
	// drain writes to disk what add left.
	drain() error
	// finish adds the last rows and gives the file its name. After an error
	// marked by Retryable it is called again.
	finish(b *batch) error
	// discard gives the file up.
	discard() error
}

// create begins a file of a table, which is hidden until it is finished.
func create(cfg *Config, name string, t *schema.Table) (file, error) {
	name += "." + cfg.Format
	path, hiddenPath := filepath.Join(cfg.Dir, name), filepath.Join(cfg.Dir, "."+name+hiddenEnding)
	var f file
	var err error
	switch cfg.Format {
	case Parquet:
		f, err = newParquet(path, hiddenPath, t)
	case IPC:
		f, err = newIPC(path, hiddenPath, t)
	default:
		err = fmt.Errorf("%s: format %s is not one of %s, %s", cfg.Dir, cfg.Format, Parquet, IPC)
	}
	if err != nil {
		return nil, hold(err)
	}
	return f, nil
}

// Sink writes files.
type Sink struct {
	cfg       Config
	groupRows int
	layout
}

// layout is how tables become files: each one, or one after another.
type layout interface {
	Write(ctx context.Context, d *pipeline.Delivery) error
	Cut(ctx context.Context, c *pipeline.Cut) ([]byte, error)
	State(ctx context.Context) ([]byte, error)
	Release(ctx context.Context, number int64) error
	Drain(ctx context.Context) error
	Waiting() int64
	Renumber(run uint32)
	Close(ctx context.Context) error
}

// New makes a sink; nothing is touched before Open.
func New(cfg Config) *Sink {
	return &Sink{cfg: cfg, groupRows: groupRowsMax, layout: &whole{}}
}

// Open makes the folder. Without a state that is kept each table has one
// file, which is hidden until the end; otherwise it has closed ones.
func (s *Sink) Open(ctx context.Context, o *pipeline.Opening) error {
	if err := s.Close(ctx); err != nil { // of a call that met a full disk
		return err
	}
	s.layout = &whole{}
	if err := disk.MakeDir(s.cfg.Dir); err != nil {
		return hold(err)
	}
	if o.Dir == "" {
		w := &whole{groupRows: s.groupRows}
		s.layout = w
		return w.create(&s.cfg, o.Tables)
	}
	r, err := newRolling(&s.cfg, o)
	if err != nil {
		return err
	}
	s.layout = r
	return nil
}
