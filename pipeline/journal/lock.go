package journal

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
)

// lockPoll is how often a process that stands by looks whether the other is gone.
const lockPoll = 100 * time.Millisecond

// lock waits for the folder's lock. The system takes it back when the process
// that holds it ends, however that happens.
func lock(ctx context.Context, path string, standby func()) (*os.File, error) {
	for waiting := false; ; {
		f, err := tryLock(path)
		if f != nil || err != nil {
			return f, err
		}
		if !waiting && standby != nil {
			standby()
		}
		waiting = true
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%s: another process holds the lock: %w", path, context.Cause(ctx))
		case <-time.After(lockPoll):
		}
	}
}

// tryLock gives nothing when another one has the lock.
func tryLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o666)
	if err != nil {
		return nil, disk.Explain(path, err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return nil, f.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w; choose a folder on a file system with locks", path, err), f.Close())
	}
	// Whoever held it may have been in a folder that was deleted since.
	if !holds(f, path) {
		return nil, f.Close()
	}
	return f, nil
}

// holds reports whether the locked file is still the one that others would lock.
func holds(f *os.File, path string) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(mine, there)
}

// fenced tells that the lock's file was deleted or replaced, so that another
// process may have begun to write.
func (f *Files) fenced() error {
	if path := filepath.Join(f.dir, "lock"); !holds(f.lock, path) {
		return fmt.Errorf("%s is not the file that this process has locked: %w", path, pipeline.ErrFenced)
	}
	return nil
}
