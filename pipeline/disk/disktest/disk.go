package disktest

import (
	"bytes"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"touchstream/pipeline/disk"
)

// Disk is a file system in memory. Each Process sees it as a disk.FS.
type Disk struct {
	mu sync.Mutex
	// names are those that all see, durable those that outlive the power's loss;
	// moves lead from these to those.
	names, durable map[string]*inode
	moves          []move
	hidden         string // a folder that is not there for now
}

// move is a change of names at once.
type move struct {
	path string
	to   *inode // nil: it is removed
	// from is the former name of a renamed file.
	from string
}

// inode is the content of a file.
type inode struct {
	live, synced []byte
	writes       []write // lead from synced to live
	owner        *Process
}

// write is a change of a content.
type write struct {
	at   int64
	data []byte // nil: the file is cut or drawn out to at
}

func (w *write) on(b []byte) []byte {
	end := w.at + int64(len(w.data))
	if w.data == nil && int64(len(b)) > end {
		return b[:end]
	}
	if grow := end - int64(len(b)); grow > 0 {
		b = append(b, make([]byte, grow)...)
	}
	copy(b[w.at:], w.data)
	return b
}

// New makes an empty disk.
func New() *Disk { return &Disk{names: map[string]*inode{}, durable: map[string]*inode{}} }

func notThere(op, path string) error { return &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist} }

// find gives the file of a name. The lock is held, as by all that follow.
func (d *Disk) find(op, path string) (*inode, error) {
	n := d.names[filepath.Clean(path)]
	if n == nil || d.isHidden(path) {
		return nil, notThere(op, path)
	}
	return n, nil
}

func (d *Disk) isHidden(path string) bool {
	return d.hidden != "" && (path == d.hidden || strings.HasPrefix(path, d.hidden+"/"))
}

func (d *Disk) move(m move) {
	m.apply(d.names)
	d.moves = append(d.moves, m)
}

func (m *move) apply(names map[string]*inode) {
	if m.from != "" {
		delete(names, m.from)
	}
	if m.to == nil {
		delete(names, m.path)
	} else {
		names[m.path] = m.to
	}
}

func (d *Disk) open(path string, flag int) (*inode, error) {
	path = filepath.Clean(path)
	n, err := d.find("open", path)
	switch {
	case err != nil && (flag&os.O_CREATE == 0 || d.isHidden(path)):
		return nil, err
	case err != nil:
		n = &inode{}
		d.move(move{path: path, to: n})
	case flag&os.O_EXCL != 0:
		return nil, &fs.PathError{Op: "open", Path: path, Err: fs.ErrExist}
	}
	if flag&os.O_TRUNC != 0 {
		n.write(write{})
	}
	return n, nil
}

func (n *inode) write(w write) {
	n.live = w.on(n.live)
	n.writes = append(n.writes, w)
}

func (n *inode) sync() {
	for i := range n.writes {
		n.synced = n.writes[i].on(n.synced)
	}
	n.writes = n.writes[:0]
}

// Kill ends a process: its locks are free. What it wrote is there.
func (d *Disk) Kill(p *Process) {
	d.mu.Lock()
	defer d.mu.Unlock()
	p.isDead = true
	for _, n := range d.names {
		if n.owner == p {
			n.owner = nil
		}
	}
}

// LosePower ends all processes that have not ended. Of what was not synced an
// earlier part is there, of names and in each file, and the last write may be
// torn, or zeros.
func (d *Disk) LosePower(r *rand.Rand) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, m := range d.moves[:r.IntN(len(d.moves)+1)] {
		m.apply(d.durable)
	}
	paths := make([]string, 0, len(d.durable))
	for path := range d.durable {
		paths = append(paths, path)
	}
	slices.Sort(paths)
	d.names, d.moves = map[string]*inode{}, nil
	for _, path := range paths {
		n := &inode{synced: d.durable[path].left(r)}
		n.live = bytes.Clone(n.synced)
		d.names[path], d.durable[path] = n, n
	}
}

// left is what a file holds behind the power's loss.
func (n *inode) left(r *rand.Rand) []byte {
	b := bytes.Clone(n.synced)
	kept := r.IntN(len(n.writes) + 1)
	for i := range kept {
		b = n.writes[i].on(b)
	}
	if kept == len(n.writes) || len(n.writes[kept].data) == 0 {
		return b
	}
	torn := n.writes[kept]
	torn.data = bytes.Clone(torn.data)
	switch at := r.IntN(len(torn.data)); r.IntN(3) {
	case 0:
		return b
	case 1:
		torn.data = torn.data[:at]
	default:
		clear(torn.data[at:])
	}
	return torn.on(b)
}

// Hide makes a folder go away, or come back with an empty name.
func (d *Disk) Hide(dir string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hidden = dir
}

// ReadFile gives the content of a file.
func (d *Disk) ReadFile(path string) ([]byte, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("open", path)
	if err != nil {
		return nil, err
	}
	return bytes.Clone(n.live), nil
}

// WriteFile changes the content of a file for good.
func (d *Disk) WriteFile(path string, data []byte) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	n, err := d.find("open", path)
	if err == nil {
		n.live, n.synced, n.writes = bytes.Clone(data), bytes.Clone(data), nil
	}
	return err
}

// info describes a file, also as an entry of its folder.
type info struct {
	name string
	size int64
}

func (i info) Name() string               { return i.name }
func (i info) Size() int64                { return i.size }
func (i info) Mode() fs.FileMode          { return 0o666 }
func (i info) Type() fs.FileMode          { return 0 }
func (i info) ModTime() time.Time         { return time.Time{} }
func (i info) IsDir() bool                { return false }
func (i info) Sys() any                   { return nil }
func (i info) Info() (fs.FileInfo, error) { return i, nil }

var errClosed = &fs.PathError{Op: "write", Path: "a file", Err: fs.ErrClosed}

var _ disk.FS = (*Process)(nil)

var errKilled = syscall.EIO
