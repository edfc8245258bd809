package arrow

import (
	"errors"
	"io"
	"os"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
)

// hiddenEnding ends the name of a file on its way, which begins with a dot.
const hiddenEnding = ".part"

// keysEnding comes behind it in the name of the second file of an Arrow file.
const keysEnding = ".keys"

// hidden is a file on its way. What is written to it waits in memory until
// drain, so that a full disk never cuts a writer off in the middle.
type hidden struct {
	path    string
	file    *os.File
	waiting []byte
	size    int64
	// isClosed: complete and durable, or given up.
	isClosed bool
}

func createHidden(path string) (*hidden, error) {
	f, err := disk.Create(path)
	if err != nil {
		return nil, err
	}
	return &hidden{path: path, file: f}, nil
}

// Write never fails.
func (h *hidden) Write(p []byte) (int, error) {
	h.waiting = append(h.waiting, p...)
	h.size += int64(len(p))
	return len(p), nil
}

// Seek tells the place and moves nowhere else.
func (h *hidden) Seek(offset int64, whence int) (int64, error) {
	if offset != 0 || whence != io.SeekCurrent {
		return 0, errors.New("only the place at hand can be asked for")
	}
	return h.size, nil
}

// drain writes what waits.
func (h *hidden) drain() error {
	if len(h.waiting) == 0 {
		return nil
	}
	n, err := h.file.Write(h.waiting)
	h.waiting = h.waiting[:copy(h.waiting, h.waiting[n:])]
	if err != nil {
		return hold(disk.Explain(h.path, err))
	}
	return nil
}

// restart empties the file.
func (h *hidden) restart() error {
	if h.size == 0 {
		return nil
	}
	err := h.file.Truncate(0)
	if err == nil {
		_, err = h.file.Seek(0, io.SeekStart)
	}
	if err != nil {
		return disk.Explain(h.path, err)
	}
	h.waiting, h.size = h.waiting[:0], 0
	return nil
}

// finish makes the file durable and gives it its own name. A full disk leaves
// it as it is, to be finished by another call.
func (h *hidden) finish(path string) error {
	if err := h.drain(); err != nil {
		return err
	}
	if !h.isClosed {
		if err := h.file.Sync(); err != nil {
			return hold(disk.Explain(h.path, err))
		}
		h.isClosed = true
		if err := h.file.Close(); err != nil {
			return disk.Explain(h.path, err)
		}
	}
	if err := os.Rename(h.path, path); err != nil {
		return hold(disk.Explain(path, err))
	}
	return nil
}

// discard closes and removes the file.
func (h *hidden) discard() error {
	var err error
	if !h.isClosed {
		h.isClosed = true
		err = disk.Explain(h.path, h.file.Close())
	}
	return errors.Join(err, disk.Explain(h.path, os.Remove(h.path)))
}

// hold marks the error of a full disk as one that passes.
func hold(err error) error {
	if disk.IsFull(err) {
		return pipeline.Retryable(err)
	}
	return err
}
