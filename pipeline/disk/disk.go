package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// MakeDir makes a folder and those above it.
func MakeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Explain(dir, err)
	}
	return nil
}

// ErrInUse is what Create says of a file that somebody writes already.
var ErrInUse = errors.New("another sink or another run writes this file; give each a folder of its own")

// Create makes a file, or empties the one that is there. Until it is closed
// nobody else can create it, in this process or another.
func Create(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, Explain(path, err)
	}
	if err := claim(f); err != nil {
		return nil, errors.Join(Explain(path, err), f.Close())
	}
	return f, nil
}

// claim locks and empties a file; devices and pipes are left as they are.
func claim(f *os.File) error {
	if regular, err := lock(f); err != nil || !regular {
		return err
	}
	return f.Truncate(0)
}

// lock locks a regular file until it is closed.
func lock(f *os.File) (regular bool, err error) {
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		return false, err
	}
	// A file system without locks gives another error, and no protection.
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		return false, ErrInUse
	}
	return true, nil
}

// IsFull reports whether the error goes away when room is made.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// Explain makes a sentence of an error with a file or folder. It keeps the
// error, so that IsFull still works on it.
func Explain(path string, err error) error {
	if err == nil {
		return nil
	}
	cause, at := err, path
	var pe *fs.PathError
	if errors.As(err, &pe) {
		cause, at = pe.Err, pe.Path
	}
	advice := ""
	switch {
	case errors.Is(cause, syscall.ENOSPC):
		advice = "make room on the disk"
	case errors.Is(cause, syscall.EDQUOT):
		advice = "make room within the user's quota"
	case errors.Is(cause, fs.ErrPermission):
		advice = fmt.Sprintf("give this user the right to write in %s, or choose another folder", filepath.Dir(at))
	case errors.Is(cause, syscall.EROFS):
		advice = "choose a folder on a disk that can be written"
	case errors.Is(cause, syscall.ENOTDIR), errors.Is(cause, fs.ErrExist):
		advice = "a file stands where a folder is needed; choose another folder"
	case errors.Is(cause, syscall.EISDIR):
		advice = "a folder stands where a file is needed; move it away"
	case errors.Is(cause, syscall.EMFILE), errors.Is(cause, syscall.ENFILE):
		advice = "raise the limit of open files"
	default:
		return fmt.Errorf("%s: %w", at, cause)
	}
	return fmt.Errorf("%s: %w; %s", at, cause, advice)
}
