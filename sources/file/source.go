package file

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// Format is how files are cut into records.
type Format struct {
	CSV       bool
	Delimiter byte
	Header    bool // the first record of each csv file names its columns
}

// Options say what to read.
type Options struct {
	// Dir is the folder from which relative patterns start.
	Dir      string
	Patterns []string
	Format   Format
	// MaxRecord is the size in bytes from which on a record is cut.
	MaxRecord int64
}

// chunkBytes bounds the bytes of a chunk, but for its last record.
const chunkBytes = 4 << 20

// Source is a pipeline.Source of one partition.
type Source struct {
	opts  Options
	names []string // as the patterns name them
	next  int
	from  pipeline.Position // where it goes on; empty: at the start
	cur   *reader
	ready chan struct{}
	// expected is the mark at from, mark that of what was given.
	expected, mark mark
}

// reader is an open file.
type reader struct {
	name   string
	closer []io.Closer
	frame  frame
	header []byte
	at     int64
	from   int64 // records on lines before this one are left out
	// expected is the mark of those, until it was compared.
	expected mark
}

// New makes a source. Nothing is opened yet.
func New(opts Options) *Source {
	s := &Source{opts: opts, ready: make(chan struct{}, 1)}
	s.ready <- struct{}{}
	return s
}

// Files lists the files that the patterns match, in name order. A pattern that
// matches nothing, or a folder, is an error.
func Files(dir string, patterns []string) ([]string, error) {
	var names []string
	var errs []error
	for _, p := range patterns {
		matches, err := match(dir, p)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: bad pattern: %w", p, err))
		case len(matches) == 0:
			errs = append(errs, fmt.Errorf("%s: no such file (looked for %s)", p, absolute(under(dir, p))))
		}
		for _, m := range matches {
			if info, err := os.Stat(m); err != nil {
				errs = append(errs, err)
				continue
			} else if info.IsDir() {
				errs = append(errs, fmt.Errorf("%s: is a folder, not a file; write %s to read what is in it", m, filepath.Join(p, "*")))
				continue
			}
			if !filepath.IsAbs(p) {
				if rel, err := filepath.Rel(dir, m); err == nil {
					m = rel
				}
			}
			names = append(names, m)
		}
	}
	slices.Sort(names)
	return slices.Compact(names), errors.Join(errs...)
}

// match lists what a pattern matches. A file whose name is the pattern as it
// is written goes before that, and the folder is no pattern.
func match(dir, p string) ([]string, error) {
	if _, err := os.Lstat(under(dir, p)); err == nil {
		return []string{under(dir, p)}, nil
	}
	return filepath.Glob(under(escaper.Replace(dir), p))
}

var escaper = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`)

// absolute is the path from the root, for messages.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func under(dir, p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(dir, p)
}

// Open finds the files.
func (s *Source) Open(context.Context, bool) error {
	var err error
	if s.names, err = Files(s.opts.Dir, s.opts.Patterns); err != nil {
		return err
	}
	s.next, err = s.begin()
	return err
}

// Partitions is always 1.
func (s *Source) Partitions() int { return 1 }

// Origins are the files in the order in which they are read.
func (s *Source) Origins() []event.Origin {
	out := make([]event.Origin, len(s.names))
	for i, name := range s.names {
		out[i].Topic = name
	}
	return out
}

// Ready signals once: everything is there from the start.
func (s *Source) Ready() <-chan struct{} { return s.ready }

// Lag is not known.
func (s *Source) Lag() int64 { return -1 }

// Read gives the next records, all of one file.
func (s *Source) Read(_ context.Context, _, limit int, _ bool, c *event.Chunk) (pipeline.ReadState, error) {
	c.Reset()
	for len(c.Recs) == 0 {
		if s.cur == nil {
			if s.next == len(s.names) {
				return pipeline.Ended, nil
			}
			if err := s.open(s.names[s.next]); err != nil {
				return pipeline.HasMore, err
			}
			s.next++
		}
		done, err := s.fill(c, limit)
		if len(c.Recs) > 0 {
			s.mark = s.cur.frame.mark(s.cur.frame.buf)
		}
		if err != nil {
			return pipeline.HasMore, err
		}
		if done {
			s.closeCurrent()
		}
	}
	if s.cur == nil && s.next == len(s.names) {
		return pipeline.Ended, nil
	}
	return pipeline.HasMore, nil
}

// fill reads records of the current file; done says that it has ended.
func (s *Source) fill(c *event.Chunk, limit int) (done bool, err error) {
	r := s.cur
	c.Origin.Topic, c.At = r.name, r.at
	c.Header = append(c.Header[:0], r.header...)
	for len(c.Recs) < limit && len(c.Data) < chunkBytes {
		record, line, size, err := r.frame.next()
		if errors.Is(err, io.EOF) {
			return true, r.checkStart()
		}
		if err != nil {
			return false, fmt.Errorf("%s: cannot be read on at line %d: %w", r.name, line, err)
		}
		if line < r.from {
			if err := r.skip(line); err != nil {
				return false, err
			}
			continue
		}
		if r.expected.bytes > 0 {
			return false, r.checkStart()
		}
		c.Add(record, line, event.Absent)
		if size > int64(len(record)) {
			c.Recs[len(c.Recs)-1].Size = size
		}
	}
	return false, nil
}

// open opens a file and reads its header.
func (s *Source) open(name string) error {
	f, err := os.Open(under(s.opts.Dir, name))
	if err != nil {
		var pe *fs.PathError
		if errors.As(err, &pe) {
			err = pe.Err
		}
		return fmt.Errorf("%s: %w", name, err)
	}
	r := &reader{name: name, closer: []io.Closer{f}}
	if name == s.from.Topic {
		r.from, r.expected = s.from.Offset, s.expected
	}
	s.cur = r
	if info, err := f.Stat(); err == nil {
		r.at = info.ModTime().UnixMilli()
	}
	in, err := r.unpack(f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r.frame = frame{in: in, csv: s.opts.Format.CSV, delim: s.opts.Format.Delimiter, limit: int(s.opts.MaxRecord)}
	if s.opts.Format.CSV && s.opts.Format.Header {
		header, line, _, err := r.frame.next()
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("%s: cannot be read at line %d: %w", name, line, err)
		}
		if bytes.IndexByte(header, '\r') >= 0 && bytes.IndexByte(header, '"') < 0 {
			return fmt.Errorf("%s: line %d, the header, holds carriage returns that end no line: make the line ends LF or CRLF", name, line)
		}
		r.header = slices.Clone(header)
	}
	return nil
}

func (r *reader) unpack(f *os.File) (io.Reader, error) {
	switch {
	case strings.HasSuffix(r.name, ".gz"):
		z, err := gzip.NewReader(f)
		if errors.Is(err, io.EOF) {
			return nil, errors.New("is empty, not a gzip file")
		}
		if err != nil {
			return nil, fmt.Errorf("is no gzip file: %w", err)
		}
		r.closer = append(r.closer, z)
		return z, nil
	case strings.HasSuffix(r.name, ".zst"):
		z, err := zstd.NewReader(f, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		r.closer = append(r.closer, z.IOReadCloser())
		return z, nil
	}
	return f, nil
}

func (s *Source) closeCurrent() {
	if s.cur == nil {
		return
	}
	for _, c := range slices.Backward(s.cur.closer) {
		_ = c.Close() // only read from; what was read is complete
	}
	s.cur = nil
}

// Close closes the file that is open.
func (s *Source) Close() error {
	s.closeCurrent()
	return nil
}
