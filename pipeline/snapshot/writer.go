package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"runtime"

	"touchstream/pipeline/disk"
)

// Writer writes one snapshot, first under a temporary name. It is used by one
// goroutine. After an error nothing is left of the file, and all calls give
// that error.
type Writer struct {
	fs     disk.FS
	path   string
	file   file
	offset int64
	synced int64 // offset up to which Sync was called
	places []place
	names  map[string]bool
	frame  []byte // of the section that is open, its header first
	done   bool   // Finish was called
	err    error
}

// syncBytes is how much is left to the system to write at a time: what is more
// would hold up others that sync, as the journal, on the same disk.
const syncBytes = 32 << 20

// file is what a Writer needs of its file.
type file interface {
	io.WriteCloser
	Sync() error
}

var (
	errFinished = errors.New("the snapshot is finished")
	errEnded    = errors.New("the snapshot is published or given up")
)

// Create begins the snapshot of a commit. The folder must be there.
func (s Store) Create(dir string, generation uint32, number int64) (*Writer, error) {
	w := &Writer{fs: s.fs, path: filepath.Join(dir, name(generation, number)), names: map[string]bool{}}
	f, err := s.fs.Create(w.path + ".tmp")
	if err != nil {
		return nil, err
	}
	w.file, w.frame = f, make([]byte, frameHeader)
	if err := w.write(header(generation, number)); err != nil {
		return nil, err
	}
	return w, nil
}

// Path is where the snapshot will be once it is published.
func (w *Writer) Path() string { return w.path }

// Bytes is the size of the file so far.
func (w *Writer) Bytes() int64 { return w.offset }

// Section ends the section before it and begins one with another name. What the
// writer is given may be lent for the call.
func (w *Writer) Section(name string) io.Writer {
	w.endFrame()
	switch {
	case w.err != nil:
	case w.done:
		w.fail(errFinished)
	case name == "" || len(name) > math.MaxUint16 || w.names[name]:
		w.fail(fmt.Errorf("%s: section %q has no name, a very long one, or that of another", w.path, name))
	default:
		w.names[name] = true
		w.places = append(w.places, place{name: name, start: w.offset, end: w.offset})
	}
	return &sectionWriter{w, len(w.places)}
}

// sectionWriter writes a section as long as no other one has begun.
type sectionWriter struct {
	w  *Writer
	id int
}

func (s *sectionWriter) Write(p []byte) (int, error) {
	w := s.w
	if w.err == nil && (w.done || s.id != len(w.places)) {
		w.fail(fmt.Errorf("%s: section %q is written after its end", w.path, w.places[s.id-1].name))
	}
	written := 0
	for w.err == nil && written < len(p) {
		n := min(len(p)-written, frameHeader+frameBytesMax-len(w.frame))
		w.frame = append(w.frame, p[written:written+n]...)
		if written += n; len(w.frame) == frameHeader+frameBytesMax {
			w.endFrame()
		}
	}
	return written, w.err
}

// endFrame writes the frame that is open, if it holds anything.
func (w *Writer) endFrame() {
	length := len(w.frame) - frameHeader
	if length == 0 || w.err != nil {
		return
	}
	p := &w.places[len(w.places)-1]
	binary.LittleEndian.PutUint32(w.frame, uint32(len(w.places)))
	binary.LittleEndian.PutUint32(w.frame[4:], uint32(length))
	binary.LittleEndian.PutUint32(w.frame[8:], frameSum(w.offset, w.frame[:8], w.frame[frameHeader:]))
	if w.write(w.frame) == nil {
		p.end, p.bytes = w.offset, p.bytes+int64(length)
	}
	w.frame = w.frame[:frameHeader]
	// Those who fold go first: a goroutine that wants to run would otherwise wait
	// until this one has used up its 10 ms.
	runtime.Gosched()
}

func (w *Writer) write(b []byte) error {
	n, err := w.file.Write(b)
	if w.offset += int64(n); err == nil && w.offset-w.synced >= syncBytes {
		w.synced = w.offset
		err = w.file.Sync()
	}
	if err != nil {
		w.fail(disk.Explain(w.path, err))
	}
	return w.err
}

// fail keeps the first error and removes the file.
func (w *Writer) fail(err error) {
	if w.err == nil {
		w.err = errors.Join(err, w.file.Close(), disk.Explain(w.path, w.fs.Remove(w.path+".tmp")))
	}
}

// Finish makes what was written durable, still under the temporary name.
func (w *Writer) Finish() error {
	if w.endFrame(); w.err != nil || w.done {
		return w.err
	}
	w.done = true
	if w.write(tail(w.offset, w.places)) != nil {
		return w.err
	}
	if err := w.file.Sync(); err != nil {
		w.fail(disk.Explain(w.path, err))
	}
	return w.err
}

// Publish gives a finished snapshot its name, for good when it returns. It
// takes the place of one of the same name.
func (w *Writer) Publish() error {
	if w.err != nil {
		return w.err
	}
	if !w.done {
		return fmt.Errorf("%s: the snapshot is not finished", w.path)
	}
	if err := w.fs.Rename(w.path+".tmp", w.path); err != nil {
		w.fail(disk.Explain(w.path, err))
		return w.err
	}
	w.err = errEnded
	return errors.Join(disk.Explain(w.path, w.file.Close()), w.fs.SyncDir(filepath.Dir(w.path)))
}

func (w *Writer) isOpen() bool { return w.err == nil }

// Abort gives the snapshot up. It does nothing after Publish or an error.
func (w *Writer) Abort() error {
	if !w.isOpen() {
		return nil
	}
	w.err = errEnded
	return errors.Join(disk.Explain(w.path, w.file.Close()), disk.Explain(w.path, w.fs.Remove(w.path+".tmp")))
}
