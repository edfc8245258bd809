package journal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
)

const (
	// segmentBytesMax is where a segment ends.
	segmentBytesMax = 64 << 20
	// trimBytesMin is what a segment must hold for a Trim to end it, so that the
	// next Trim can delete it.
	trimBytesMin = 1 << 20
	readBytes    = 1 << 20
)

// Files is a pipeline.Journal in the files of a folder. Trim may be called from
// another goroutine than the rest.
type Files struct {
	fs   disk.FS
	dir  string
	lock disk.File

	mu         sync.Mutex
	generation uint32
	isRead     bool // what follows is known
	next       int64
	// first is what the last Read began with: if nothing was there from it on,
	// the next entry may have any number from it on.
	first    int64
	damage   *Damage // is cut off by the next Commit
	segments []segment
	file     appender // of the last segment
	size     int64    // of what is durable in it
	isTorn   bool     // more than that may be in the file
	isFull   bool     // the next entry begins a segment
	failed   error    // what is durable is not known any more
	buf      []byte
}

// appender is the file that entries go to.
type appender interface {
	io.WriterAt
	Truncate(size int64) error
	Sync() error
	Close() error
}

// Open makes the folder if it is not there. The journal waits for its lock in
// its own Open.
func Open(dir string) (*Files, error) { return OpenOn(disk.OS, dir) }

// OpenOn does it on another file system.
func OpenOn(fs disk.FS, dir string) (*Files, error) {
	if err := fs.MakeDir(dir); err != nil {
		return nil, err
	}
	return &Files{fs: fs, dir: dir}, nil
}

// Open waits for the folder's lock and deletes what a crash left half done.
func (f *Files) Open(ctx context.Context, standby func()) error {
	held, err := lock(ctx, f.fs, filepath.Join(f.dir, "lock"), standby)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.lock = held
	names, err := f.fs.ReadDir(f.dir)
	if err != nil {
		return errors.Join(disk.Explain(f.dir, err), f.close())
	}
	for _, n := range names {
		name, isTemporary := strings.CutSuffix(n.Name(), ".tmp")
		if isTemporary && (name == "generation" || strings.HasPrefix(name, "journal-")) {
			if err := f.removeIfThere(filepath.Join(f.dir, n.Name())); err != nil {
				return errors.Join(err, f.close())
			}
		}
	}
	return nil
}

// Read gives the entries from number first on. It verifies all of the segments
// that hold them, from the one with the first on. An error of give that is
// marked by pipeline.ErrDamaged is taken as damage of that entry. Entries that
// are known to have been behind the last one are damage too.
func (f *Files) Read(ctx context.Context, first int64, give func(number int64, entry []byte) error) (damage, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d, err := f.read(ctx, first, give)
	if err == nil && d == nil {
		d = f.missing() // nothing is there that a Commit had to cut off
	}
	// A nil Damage must not become an error that is not nil.
	if err != nil || d == nil {
		return nil, err
	}
	return d, nil
}

func (f *Files) read(ctx context.Context, first int64, give func(int64, []byte) error) (*Damage, error) {
	if err := f.release(); err != nil {
		return nil, err
	}
	f.isRead, f.damage, f.first = false, nil, max(first, 1)
	var err error
	if f.generation, err = f.Generation(); err != nil {
		return nil, err
	}
	if err := f.list(); err != nil {
		return nil, err
	}
	from := 0
	for from+1 < len(f.segments) && f.segments[from+1].first <= first {
		from++
	}
	if err := f.syncDir(); err != nil {
		return nil, err
	}
	f.next = f.first
	next := int64(0)
	for _, s := range f.segments[from:] {
		// A gap that is no loss stands before the first entry to give.
		if next > f.first && s.first != next {
			f.damage = &Damage{s.path, 0, next, fmt.Sprintf("it is missing; the segment begins with entry %d", s.first)}
			break
		}
		if f.damage, err = f.readSegment(ctx, s, next, give); err != nil {
			return nil, err
		}
		if next = f.next; f.damage != nil {
			break
		}
	}
	f.isRead = true
	return f.damage, nil
}

// list finds the segments and deletes those of earlier generations.
func (f *Files) list() error {
	all, err := segments(f.fs, f.dir)
	if err != nil {
		return err
	}
	f.segments = f.segments[:0]
	for _, s := range all {
		generation, isGood, err := readGeneration(f.fs, s)
		if err != nil {
			return err
		}
		if !isGood || generation >= f.generation {
			f.segments = append(f.segments, s)
			continue
		}
		if err := f.removeIfThere(s.path); err != nil {
			return err
		}
	}
	return nil
}

func (f *Files) readSegment(ctx context.Context, s segment, next int64, give func(int64, []byte) error) (*Damage, error) {
	file, err := f.fs.OpenFile(s.path, os.O_RDWR)
	if err != nil {
		return nil, disk.Explain(s.path, err)
	}
	defer file.Close()
	// A process that was killed may have left what is not durable: the power may
	// take it away yet, and what was built on it would stand there alone.
	if err := file.Sync(); err != nil {
		return nil, disk.Explain(s.path, err)
	}
	info, err := file.Stat()
	if err != nil {
		return nil, disk.Explain(s.path, err)
	}
	sc := &scanner{generation: f.generation, segment: s, size: info.Size(), in: bufio.NewReaderSize(file, int(min(info.Size(), readBytes)))}
	damage, err := sc.begin(next)
	for damage == nil && err == nil {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		var entry []byte
		if entry, damage, err = sc.entry(); entry == nil {
			break
		}
		if number := sc.next - 1; number >= f.first {
			if err = give(number, entry); errors.Is(err, pipeline.ErrDamaged) {
				sc.back(entry)
				damage, err = sc.damaged(err.Error()), nil
			}
		}
	}
	f.next, f.size = sc.next, sc.offset
	return damage, err
}

// Trim deletes the segments that hold only entries below the number.
func (f *Files) Trim(_ context.Context, below int64) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.isRead || f.damage != nil {
		return nil
	}
	if err := f.fenced(); err != nil {
		return err
	}
	n := 0
	for n+1 < len(f.segments) && f.segments[n+1].first <= below {
		if err := f.removeIfThere(f.segments[n].path); err != nil {
			return err
		}
		n++
	}
	f.segments = append(f.segments[:0], f.segments[n:]...)
	f.isFull = f.isFull || f.size > trimBytesMin
	if n == 0 {
		return nil
	}
	return f.syncDir()
}

// Forget deletes all entries: the next may have any number.
func (f *Files) Forget() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.fenced(); err != nil {
		return err
	}
	return f.forget()
}

// forget deletes the newest segments first: what a crash leaves has no gap.
func (f *Files) forget() error {
	f.isRead = false
	if err := f.release(); err != nil {
		return err
	}
	all, err := segments(f.fs, f.dir)
	if err != nil {
		return err
	}
	for i := len(all) - 1; i >= 0; i-- {
		if err := f.removeIfThere(all[i].path); err != nil {
			return err
		}
	}
	f.segments = nil
	f.noteEnd(0)
	return f.syncDir()
}

// release closes the segment that entries go to.
func (f *Files) release() error {
	if f.file == nil {
		return nil
	}
	err := f.file.Close()
	f.file = nil
	return disk.Explain(f.dir, err)
}

// Close gives up the lock.
func (f *Files) Close() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.close()
}

func (f *Files) close() error {
	err := f.release()
	f.isRead = false
	if f.lock != nil {
		err = errors.Join(err, f.lock.Close())
		f.lock = nil
	}
	return err
}
