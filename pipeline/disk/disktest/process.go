package disktest

import (
	"cmp"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"touchstream/pipeline/disk"
)

// Process is the disk as one process sees it.
type Process struct {
	disk   *Disk
	isDead bool
	// act is asked before each change that may become durable: it makes the
	// change, or the process dies before or behind it.
	act func(effect func()) error
}

// Process begins a process. act makes each change of what is durable, or not,
// and may end the process; nil makes all.
func (d *Disk) Process(act func(effect func()) error) *Process {
	if act == nil {
		act = func(effect func()) error { effect(); return nil }
	}
	return &Process{disk: d, act: act}
}

// do makes a change that is not durable by itself.
func (p *Process) do(f func() error) error {
	p.disk.mu.Lock()
	defer p.disk.mu.Unlock()
	if p.isDead {
		return errKilled
	}
	return f()
}

// doAct makes one that may be.
func (p *Process) doAct(f func() error) (err error) {
	if failed := p.act(func() { err = p.do(f) }); failed != nil {
		return failed
	}
	return err
}

// OpenFile opens a file.
func (p *Process) OpenFile(path string, flag int) (f disk.File, err error) {
	err = p.do(func() error {
		n, err := p.disk.open(path, flag)
		if err == nil {
			f = &file{process: p, inode: n, path: path}
		}
		return err
	})
	return f, err
}

// Create makes or empties a file and locks it.
func (p *Process) Create(path string) (f disk.File, err error) {
	err = p.do(func() error {
		n, err := p.disk.open(path, os.O_CREATE)
		switch {
		case err != nil:
			return err
		case n.owner != nil:
			return disk.Explain(path, disk.ErrInUse)
		}
		n.owner = p
		n.write(write{})
		f = &file{process: p, inode: n, path: path, isLocked: true}
		return nil
	})
	return f, err
}

// Lock opens or makes a file and locks it.
func (p *Process) Lock(path string) (f disk.File, err error) {
	err = p.do(func() error {
		n, err := p.disk.open(path, os.O_CREATE)
		if err != nil || n.owner != nil {
			return err
		}
		n.owner = p
		f = &file{process: p, inode: n, path: path, isLocked: true}
		return nil
	})
	return f, err
}

// IsAt reports whether the file has the name.
func (p *Process) IsAt(f disk.File, path string) bool {
	err := p.do(func() error {
		n, err := p.disk.find("stat", path)
		if err == nil && n != f.(*file).inode {
			err = fs.ErrNotExist
		}
		return err
	})
	return err == nil
}

// MakeDir has nothing to make: all folders are there.
func (p *Process) MakeDir(string) error { return nil }

// ReadDir lists the files of a folder by name.
func (p *Process) ReadDir(dir string) (list []fs.DirEntry, err error) {
	err = p.do(func() error {
		if p.disk.isHidden(dir) {
			return notThere("open", dir)
		}
		for path, n := range p.disk.names {
			if filepath.Dir(path) == filepath.Clean(dir) {
				list = append(list, info{filepath.Base(path), int64(len(n.live))})
			}
		}
		return nil
	})
	slices.SortFunc(list, func(a, b fs.DirEntry) int { return cmp.Compare(a.Name(), b.Name()) })
	return list, err
}

// Stat describes a file.
func (p *Process) Stat(path string) (i fs.FileInfo, err error) {
	err = p.do(func() error {
		n, err := p.disk.find("stat", path)
		if err == nil {
			i = info{filepath.Base(path), int64(len(n.live))}
		}
		return err
	})
	return i, err
}

// Rename gives a file another name at once.
func (p *Process) Rename(from, to string) error {
	return p.doAct(func() error {
		n, err := p.disk.find("rename", from)
		if err == nil {
			p.disk.move(move{path: filepath.Clean(to), to: n, from: filepath.Clean(from)})
		}
		return err
	})
}

// Remove takes a name away.
func (p *Process) Remove(path string) error {
	return p.doAct(func() error {
		_, err := p.disk.find("remove", path)
		if err == nil {
			p.disk.move(move{path: filepath.Clean(path)})
		}
		return err
	})
}

// SyncDir makes the names of a folder durable.
func (p *Process) SyncDir(dir string) error {
	return p.doAct(func() error {
		if p.disk.isHidden(dir) {
			return notThere("open", dir)
		}
		p.disk.moves = slices.DeleteFunc(p.disk.moves, func(m move) bool {
			isHere := filepath.Dir(m.path) == filepath.Clean(dir)
			if isHere {
				m.apply(p.disk.durable)
			}
			return isHere
		})
		return nil
	})
}

// file is an open file.
type file struct {
	process            *Process
	inode              *inode
	path               string
	at                 int64 // of Read and Write
	isLocked, isClosed bool
}

func (f *file) do(g func() error) error {
	return f.process.do(func() error {
		if f.isClosed {
			return errClosed
		}
		return g()
	})
}

func (f *file) ReadAt(b []byte, at int64) (n int, err error) {
	err = f.do(func() error {
		if at < int64(len(f.inode.live)) {
			n = copy(b, f.inode.live[at:])
		}
		if n < len(b) {
			return io.EOF
		}
		return nil
	})
	return n, err
}

func (f *file) Read(b []byte) (n int, err error) {
	n, err = f.ReadAt(b, f.at)
	f.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) WriteAt(b []byte, at int64) (int, error) {
	err := f.do(func() error {
		f.inode.write(write{at, append([]byte{}, b...)})
		return nil
	})
	if err != nil {
		return 0, err
	}
	return len(b), nil
}

func (f *file) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.at)
	f.at += int64(n)
	return n, err
}

func (f *file) Truncate(size int64) error {
	return f.do(func() error {
		f.inode.write(write{at: size})
		return nil
	})
}

func (f *file) Sync() error {
	return f.process.doAct(func() error {
		f.inode.sync()
		return nil
	})
}

func (f *file) Stat() (i fs.FileInfo, err error) {
	err = f.do(func() error { i = info{filepath.Base(f.path), int64(len(f.inode.live))}; return nil })
	return i, err
}

func (f *file) Close() error {
	return f.do(func() error {
		f.isClosed = true
		if f.isLocked && f.inode.owner == f.process {
			f.inode.owner = nil
		}
		return nil
	})
}
