package file

import (
	"os"
	"slices"
	"sync"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
	"touchstream/pipeline/schema"
)

// writer turns rows into lines.
type writer interface {
	Head(dst []byte) []byte
	Append(dst []byte, r *schema.Rows) []byte
}

// output is the file of one table.
type output struct {
	table, path string
	file        *os.File
	isRegular   bool // not a device or pipe, which have no lengths
	writer      writer
	open        []byte // lines of the commit under way
	// isRagged: the file may go on behind what was released.
	isRagged bool

	mu    sync.Mutex
	at    int64  // what is in the file
	ready []byte // lines of commits, which come behind that
}

// use takes a file that disk.Create or disk.Open gave.
func (o *output) use(f *os.File, err error) error {
	if err != nil {
		return err
	}
	o.file = f
	info, err := f.Stat()
	if err != nil {
		return disk.Explain(o.path, err)
	}
	o.isRegular = info.Mode().IsRegular()
	return nil
}

// cut ends a commit and gives the file's length with it.
func (o *output) cut() int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.ready) == 0 {
		o.ready, o.open = o.open, o.ready[:0]
	} else {
		o.ready, o.open = append(o.ready, o.open...), o.open[:0]
	}
	return o.at + int64(len(o.ready))
}

// held gives the length of the file by now and a copy of what comes behind.
func (o *output) held() (at int64, ready []byte) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.at, slices.Clone(o.ready)
}

// write brings the file to a length. What a full disk took is not written
// again by the next call.
func (o *output) write(end int64) error {
	o.mu.Lock()
	at := o.at
	lines := o.ready[:max(0, end-at)]
	o.mu.Unlock()
	if len(lines) == 0 {
		return nil
	}
	var n int
	var err error
	if o.isRegular {
		n, err = o.file.WriteAt(lines, at)
	} else {
		n, err = o.file.Write(lines)
	}
	o.mu.Lock()
	o.at += int64(n)
	// Emptied, the memory is used again from its start.
	if n == len(o.ready) {
		o.ready = o.ready[:0]
	} else {
		o.ready = o.ready[n:]
	}
	o.mu.Unlock()
	return hold(disk.Explain(o.path, err))
}

// trim cuts off what stands behind the lines that were released.
func (o *output) trim() error {
	if !o.isRagged {
		return nil
	}
	if err := o.truncate(o.at); err != nil {
		return err
	}
	o.isRagged = false
	return nil
}

// truncate makes the file no longer than a length.
func (o *output) truncate(length int64) error {
	if !o.isRegular {
		return nil
	}
	info, err := o.file.Stat()
	if err == nil && info.Size() > length {
		err = o.file.Truncate(length)
	}
	return disk.Explain(o.path, err)
}

// sync makes what was written durable.
func (o *output) sync() error {
	if !o.isRegular {
		return nil
	}
	return hold(disk.Explain(o.path, o.file.Sync()))
}

// hold marks the error of a full disk as one that passes.
func hold(err error) error {
	if disk.IsFull(err) {
		return pipeline.Retryable(err)
	}
	return err
}
