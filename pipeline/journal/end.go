package journal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"path/filepath"
)

// The lock's file holds the number of the newest entry. It is written behind
// each entry and never synced: what it says was durable then, and a journal that
// ends before it has lost its end.
const (
	endMagic = "tsjrnend"
	endBytes = 24 // magic, generation, number, checksum
)

// noteEnd notes an entry as the newest. Without the note a lost end may not be
// seen, and that is all: an error is of no account.
func (f *Files) noteEnd(number int64) {
	b := append(make([]byte, 0, endBytes), endMagic...)
	b = binary.LittleEndian.AppendUint32(b, f.generation)
	b = binary.LittleEndian.AppendUint64(b, uint64(number))
	_, _ = f.lock.WriteAt(binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli)), 0)
}

// notedEnd is the newest entry that was noted in this generation, 0 if none was.
func (f *Files) notedEnd() int64 {
	var b [endBytes]byte
	if _, err := f.lock.ReadAt(b[:], 0); err != nil || string(b[:8]) != endMagic ||
		crc32.Checksum(b[:20], castagnoli) != binary.LittleEndian.Uint32(b[20:]) || binary.LittleEndian.Uint32(b[8:]) != f.generation {
		return 0
	}
	return int64(binary.LittleEndian.Uint64(b[12:]))
}

// missing says that entries behind the journal's end had been there.
func (f *Files) missing() *Damage {
	place, offset, end := f.end()
	noted := f.notedEnd()
	if noted <= end {
		return nil
	}
	return &Damage{place, offset, end + 1, fmt.Sprintf("the journal ends here, and entry %d had been written: its end was cut off", noted)}
}

// end is where the journal ends: a file, an offset in it and the newest entry.
// Without files it is the folder.
func (f *Files) end() (place string, offset, number int64) {
	if n := len(f.segments); n > 0 {
		return f.segments[n-1].path, f.size, f.next - 1
	}
	return f.dir, 0, 0
}

// End says where the journal ended when it was read, and behind which entry.
func (f *Files) End() (place string, number int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	path, offset, number := f.end()
	return fmt.Sprintf("%s at offset %d", filepath.Clean(path), offset), number
}
