package clickhouse

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
	"touchstream/pipeline/schema"
)

// spoolMagic begins a spool file; a block and CRC-32C of all before it follow.
const spoolMagic = "touchstream block 2\n"

// The endings of spool files.
const (
	blockFile   = ".block"
	partialFile = ".partial"
	// deliveredFile marks, empty, a block that a state names and that was
	// delivered after it.
	deliveredFile = ".delivered"
)

// markersKept is the number of State calls for which markers of delivered
// blocks stay: as long as a snapshot that names them may be used.
const markersKept = 8

// syncers write spool files at the same time, since each waits for the disk.
const syncers = 8

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// spool keeps closed blocks in files of a folder.
type spool struct {
	dir   string // empty: there is none
	max   int64  // bytes; 0: no bound
	bytes atomic.Int64

	mu      sync.Mutex
	states  int            // State calls so far, the one that led here included
	markers map[uint64]int // by block, the State call that named it last
}

func newSpool(dir string, max int64) *spool {
	return &spool{dir: dir, max: max, states: 1, markers: map[uint64]int{}}
}

func (s *spool) path(number uint64, ending string) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016x%s", number, ending))
}

// write makes a block's file; sync makes it durable, apart from its name.
func (s *spool) write(o *block, sync bool) error {
	partial, path := s.path(o.number, partialFile), s.path(o.number, blockFile)
	f, err := disk.Create(partial)
	if err != nil {
		return spoolFault(err)
	}
	size, err := writeBlock(f, o)
	if err == nil && sync {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(partial, path)
	}
	if err != nil {
		_ = os.Remove(partial)
		return spoolFault(disk.Explain(path, err))
	}
	s.bytes.Add(size)
	return nil
}

func writeBlock(f *os.File, o *block) (size int64, err error) {
	sum := crc32.New(castagnoli)
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 1<<16)
	e := encoder{w: w}
	e.raw([]byte(spoolMagic))
	o.encode(&e)
	if err := errors.Join(e.err, w.Flush()); err != nil {
		return 0, err
	}
	if _, err := f.Write(binary.LittleEndian.AppendUint32(nil, sum.Sum32())); err != nil {
		return 0, err
	}
	return f.Seek(0, io.SeekCurrent)
}

// spoolFault marks what ends when room is made.
func spoolFault(err error) error {
	if disk.IsFull(err) {
		return pipeline.Retryable(fmt.Errorf("a block cannot be kept for ClickHouse: %w", err))
	}
	return err
}

// sync makes a file and its name durable that write wrote without it.
func (s *spool) sync(number uint64) error {
	f, err := os.Open(s.path(number, blockFile))
	if err != nil {
		return disk.Explain(s.path(number, blockFile), err)
	}
	return disk.Explain(f.Name(), errors.Join(f.Sync(), f.Close()))
}

// syncNames makes the names in the folder durable.
func (s *spool) syncNames() error {
	d, err := os.Open(s.dir)
	if err != nil {
		return disk.Explain(s.dir, err)
	}
	return disk.Explain(s.dir, errors.Join(d.Sync(), d.Close()))
}

// read gives a block back. An error that is marked by pipeline.ErrDamaged
// names the file.
func (s *spool) read(number uint64, tables []*schema.Table) (*block, error) {
	path := s.path(number, blockFile)
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", pipeline.ErrDamaged, disk.Explain(path, err))
	}
	if !bytes.HasPrefix(b, []byte(spoolMagic)) || len(b) < len(spoolMagic)+4 {
		return nil, fmt.Errorf("%w: %s is no spool file of this version", pipeline.ErrDamaged, path)
	}
	end := len(b) - 4
	if is, want := crc32.Checksum(b[:end], castagnoli), binary.LittleEndian.Uint32(b[end:]); is != want {
		return nil, fmt.Errorf("%w: %s has checksum %08x, must be %08x", pipeline.ErrDamaged, path, is, want)
	}
	o, err := decodeBlock(&decoder{b: b[len(spoolMagic):end]}, tables)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", pipeline.ErrDamaged, path, err)
	}
	if o.number != number {
		return nil, fmt.Errorf("%w: %s holds block %x", pipeline.ErrDamaged, path, o.number)
	}
	return o, nil
}

// remove takes a delivered block's file away. Where a state names it, a marker
// stays. What stays behind after an error is removed at the next start.
func (s *spool) remove(p *parcel) {
	path := s.path(p.number, blockFile)
	if info, err := os.Stat(path); err == nil {
		s.bytes.Add(-info.Size())
	}
	if p.named == 0 {
		_ = os.Remove(path)
		return
	}
	marker := s.path(p.number, deliveredFile)
	if os.Rename(path, marker) == nil {
		_ = os.Truncate(marker, 0)
		s.mu.Lock()
		s.markers[p.number] = p.named
		s.mu.Unlock()
	}
}

// nextState counts a State call and removes the markers that are too old.
func (s *spool) nextState() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.states++
	for number, named := range s.markers {
		if named+markersKept <= s.states {
			_ = os.Remove(s.path(number, deliveredFile))
			delete(s.markers, number)
		}
	}
	return s.states
}

// isDelivered reports whether a marker says so.
func (s *spool) isDelivered(number uint64) bool {
	_, err := os.Stat(s.path(number, deliveredFile))
	return err == nil
}

// tidy removes files. Of the blocks that a state names it leaves the markers,
// and the contents, whose bytes it counts, where they still wait.
func (s *spool) tidy(waits map[uint64]bool) error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return disk.Explain(s.dir, err)
	}
	s.bytes.Store(0)
	for _, entry := range entries {
		name := entry.Name()
		ending := filepath.Ext(name)
		number, err := strconv.ParseUint(strings.TrimSuffix(name, ending), 16, 64)
		wait, isNamed := waits[number]
		isOurs := err == nil && (ending == blockFile || ending == partialFile || ending == deliveredFile)
		switch {
		case !isOurs:
		case ending == deliveredFile && isNamed:
			s.markers[number] = s.states
		case ending == blockFile && wait:
			if info, err := entry.Info(); err == nil {
				s.bytes.Add(info.Size())
			}
		default:
			if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
				return disk.Explain(filepath.Join(s.dir, name), err)
			}
		}
	}
	return nil
}

// relieve moves contents from memory to the spool, the newest first, until no
// more bytes than max are left. An error, marked by Retryable if it may pass,
// says why more are left.
func (s *spool) relieve(q *queue, max int64) error {
	for {
		p := q.surplus(max)
		if p == nil {
			return nil
		}
		var err error
		if !p.filed {
			if s.max > 0 && s.bytes.Load()+p.bytes > s.max {
				err = pipeline.Retryable(fmt.Errorf("the spool %s is full (%d MiB of state.spool_max); it empties as ClickHouse takes the rows, or raise spool_max",
					s.dir, s.bytes.Load()>>20))
			} else {
				err = s.write(p.content, false)
			}
		}
		q.spooled(p, err == nil)
		if err != nil {
			return err
		}
	}
}

// surplus is the newest block in memory that nobody uses, if the contents are
// more than max bytes. It is busy until spooled is called.
func (q *queue) surplus(max int64) *parcel {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.memory <= max {
		return nil
	}
	for i := len(q.parcels) - 1; i >= 0; i-- {
		if p := q.parcels[i]; p.content != nil && !p.busy {
			p.busy = true
			return p
		}
	}
	return nil
}

// spooled ends what surplus began.
func (q *queue) spooled(p *parcel, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	p.busy = false
	if ok {
		p.filed = true
		q.forget(p)
	}
	q.changed.Broadcast()
}
