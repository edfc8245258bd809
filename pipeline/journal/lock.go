package journal

import (
	"context"
	"errors"
	"fmt"
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
func lock(ctx context.Context, d disk.FS, path string, standby func()) (disk.File, error) {
	for waiting := false; ; {
		f, err := tryLock(d, path)
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
func tryLock(d disk.FS, path string) (disk.File, error) {
	f, err := d.Lock(path)
	switch {
	case errors.Is(err, syscall.ENOLCK), errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.EOPNOTSUPP):
		return nil, fmt.Errorf("%w; choose a folder on a file system with locks", disk.Explain(path, err))
	case err != nil || f == nil:
		return nil, disk.Explain(path, err)
	}
	// Whoever held it may have been in a folder that was deleted since.
	if !d.IsAt(f, path) {
		return nil, f.Close()
	}
	return f, nil
}

// fenced tells that the lock's file was deleted or replaced, so that another
// process may have begun to write.
func (f *Files) fenced() error {
	if path := filepath.Join(f.dir, "lock"); !f.fs.IsAt(f.lock, path) {
		return fmt.Errorf("%s is not the file that this process has locked: %w", path, pipeline.ErrFenced)
	}
	return nil
}
