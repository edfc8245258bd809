package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// File is an open file of an FS.
type File interface {
	io.Reader
	io.ReaderAt
	io.Writer
	io.WriterAt
	io.Closer
	Truncate(size int64) error
	Sync() error
	Stat() (fs.FileInfo, error)
}

// FS is what journals and snapshots need of a file system. What is not synced
// may be lost when the machine loses its power: bytes until File.Sync, names
// until SyncDir. Errors are those of package os.
type FS interface {
	// OpenFile opens a file with flags of package os.
	OpenFile(path string, flag int) (File, error)
	// Create makes a file or empties it, as the function Create does.
	Create(path string) (File, error)
	// Lock makes a file, or opens it, and locks it until it is closed; nil when
	// somebody else has locked it.
	Lock(path string) (File, error)
	// IsAt reports whether the file still is the one of that name.
	IsAt(f File, path string) bool
	MakeDir(dir string) error
	ReadDir(dir string) ([]fs.DirEntry, error)
	Stat(path string) (fs.FileInfo, error)
	Rename(from, to string) error
	Remove(path string) error
	SyncDir(dir string) error
}

// OS is the machine's own file system.
var OS FS = system{}

type system struct{}

const filePerm = 0o666

func (system) OpenFile(path string, flag int) (File, error) {
	return noNil(os.OpenFile(path, flag, filePerm))
}

func (system) Create(path string) (File, error) { return noNil(Create(path)) }

// noNil keeps a nil file from becoming a File that is not nil.
func noNil(f *os.File, err error) (File, error) {
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (system) Lock(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, filePerm)
	if err != nil {
		return nil, err
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		return f, nil
	}
	closeErr := f.Close()
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, closeErr
	}
	return nil, errors.Join(&fs.PathError{Op: "lock", Path: path, Err: err}, closeErr)
}

func (system) IsAt(f File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

func (system) MakeDir(dir string) error                  { return MakeDir(dir) }
func (system) ReadDir(dir string) ([]fs.DirEntry, error) { return os.ReadDir(dir) }
func (system) Stat(path string) (fs.FileInfo, error)     { return os.Stat(path) }
func (system) Rename(from, to string) error              { return os.Rename(from, to) }
func (system) Remove(path string) error                  { return os.Remove(path) }
func (system) SyncDir(dir string) error                  { return SyncDir(dir) }
