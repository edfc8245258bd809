package journal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"

	"touchstream/pipeline/disk"
)

// Commit makes an entry durable. Without a Read before, it reads first. A full
// disk is an error marked by pipeline.Retryable; nothing of the entry is left
// then. After any other error of the disk it is not known what is durable: the
// process must end and read again.
func (f *Files) Commit(ctx context.Context, number int64, entry []byte) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failed != nil {
		return f.failed
	}
	if err := f.fenced(); err != nil {
		return err
	}
	if len(entry) > maxEntryBytes {
		return fmt.Errorf("%s: entry %d has %d bytes, at most %d are possible; make commit_interval shorter", f.dir, number, len(entry), maxEntryBytes)
	}
	if !f.isRead {
		damage, err := f.read(ctx, number, func(int64, []byte) error { return nil })
		if err != nil {
			return err
		}
		if damage != nil {
			return damage
		}
	}
	if number != f.next && (number < f.first || f.next > f.first) {
		return fmt.Errorf("%s: entry %d is to follow entry %d", f.dir, number, f.next-1)
	}
	if err := f.repair(); err != nil {
		return full(err)
	}
	if err := f.prepare(number, len(entry)); err != nil {
		return full(err)
	}
	err := f.append(number, entry)
	if err != nil && !disk.IsFull(err) {
		f.failed = err
	}
	return full(err)
}

// prepare opens the segment that the entry goes to.
func (f *Files) prepare(number int64, bytes int) error {
	last := len(f.segments) - 1
	if last < 0 || number != f.next || f.isFull || f.size > segmentHeader && f.size+entryHeader+int64(bytes) > segmentBytesMax {
		return f.startSegment(number)
	}
	if f.file != nil {
		return nil
	}
	return f.openLast()
}

// openLast opens the newest segment.
func (f *Files) openLast() error {
	path := f.segments[len(f.segments)-1].path
	file, err := f.fs.OpenFile(path, os.O_RDWR)
	if err != nil {
		return disk.Explain(path, err)
	}
	f.file = file
	return nil
}

// startSegment makes the next segment. Its name appears together with its header.
func (f *Files) startSegment(first int64) error {
	if err := f.release(); err != nil {
		return err
	}
	if n := len(f.segments); n > 0 && f.segments[n-1].first == first {
		// It is there and has no entry yet.
		f.size, f.isTorn, f.isFull = segmentHeader, true, false
		return f.openLast()
	}
	s := segment{filepath.Join(f.dir, segmentName(first)), first}
	if err := f.replace(filepath.Base(s.path), header(f.generation, first, f.next-1)); err != nil {
		return err
	}
	f.size, f.isTorn, f.isFull = segmentHeader, false, false
	f.segments, f.next = append(f.segments, s), first
	return f.openLast()
}

// append writes an entry behind what is durable.
func (f *Files) append(number int64, entry []byte) error {
	path := f.segments[len(f.segments)-1].path
	if f.isTorn {
		if err := f.cutBack(path); err != nil {
			return err
		}
	}
	f.buf = appendEntry(f.buf[:0], number, entry)
	f.isTorn = true
	_, err := f.file.WriteAt(f.buf, f.size)
	if err == nil {
		err = f.file.Sync()
	}
	if err != nil {
		return errors.Join(disk.Explain(path, err), f.cutBack(path))
	}
	f.isTorn = false
	f.size += int64(len(f.buf))
	f.next = number + 1
	f.noteEnd(number)
	return nil
}

// cutBack takes away what was written of an entry that did not become durable.
func (f *Files) cutBack(path string) error {
	err := f.file.Truncate(f.size)
	if err == nil {
		err = f.file.Sync()
	}
	f.isTorn = err != nil
	return disk.Explain(path, err)
}

// repair cuts off the damage that the last Read found and all behind it, and
// keeps that aside in files *.damaged. A crash in between leaves the damage
// where it was.
func (f *Files) repair() error {
	d := f.damage
	if d == nil {
		return nil
	}
	at := len(f.segments) - 1
	for ; f.segments[at].path != d.File; at-- {
		if err := f.setAside(f.segments[at].path); err != nil {
			return err
		}
		f.segments = f.segments[:at]
	}
	switch {
	case d.Offset < segmentHeader:
		if err := f.setAside(d.File); err != nil {
			return err
		}
		f.segments = f.segments[:at]
		// The segment before it may have room, but need not be known to the end.
		f.isFull = true
	default:
		if err := f.keepTail(d.File, d.Offset); err != nil {
			return err
		}
		if err := f.cutOff(d.File, d.Offset); err != nil {
			return err
		}
		f.size = d.Offset
	}
	if err := f.syncDir(); err != nil {
		return err
	}
	f.damage = nil
	return nil
}

// unused gives a name for what is kept of a damaged file.
func (f *Files) unused(path string) (string, error) {
	for i := 1; ; i++ {
		name := fmt.Sprintf("%s.%d.damaged", path, i)
		if _, err := f.fs.Stat(name); errors.Is(err, fs.ErrNotExist) {
			return name, nil
		} else if err != nil {
			return "", disk.Explain(name, err)
		}
	}
}

func (f *Files) setAside(path string) error {
	name, err := f.unused(path)
	if err != nil {
		return err
	}
	return disk.Explain(path, f.fs.Rename(path, name))
}

// keepTail copies a file's bytes from the offset on to a file of their own.
func (f *Files) keepTail(path string, offset int64) error {
	name, err := f.unused(path)
	if err != nil {
		return err
	}
	from, err := f.fs.OpenFile(path, os.O_RDONLY)
	if err != nil {
		return disk.Explain(path, err)
	}
	defer from.Close()
	to, err := f.fs.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
	if err != nil {
		return disk.Explain(name, err)
	}
	_, err = io.Copy(to, io.NewSectionReader(from, offset, math.MaxInt64-offset))
	if err == nil {
		err = to.Sync()
	}
	if err = errors.Join(err, to.Close()); err != nil {
		return errors.Join(disk.Explain(name, err), f.removeIfThere(name))
	}
	return nil
}

func (f *Files) cutOff(path string, offset int64) error {
	file, err := f.fs.OpenFile(path, os.O_RDWR)
	if err != nil {
		return disk.Explain(path, err)
	}
	err = file.Truncate(offset)
	if err == nil {
		err = file.Sync()
	}
	return disk.Explain(path, errors.Join(err, file.Close()))
}
