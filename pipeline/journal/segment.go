package journal

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"touchstream/pipeline"
	"touchstream/pipeline/disk"
)

const (
	segmentMagic   = "tsjournl"
	segmentVersion = 1
	segmentHeader  = 36 // magic, version, generation, first number, number before it, checksum
	entryHeader    = 16 // length, number, checksum
	// maxEntryBytes bounds an entry; a longer length is damage.
	maxEntryBytes = 1 << 30
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// segment is a file of entries.
type segment struct {
	path  string
	first int64
}

func segmentName(first int64) string { return fmt.Sprintf("journal-%020d.log", first) }

// parseName gives the first number of a segment's name.
func parseName(name string) (int64, bool) {
	digits, ok := strings.CutPrefix(name, "journal-")
	if !ok {
		return 0, false
	}
	digits, ok = strings.CutSuffix(digits, ".log")
	if !ok || len(digits) != 20 {
		return 0, false
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	return n, err == nil && n > 0
}

// segments lists the folder's segments in the order of their numbers.
func segments(d disk.FS, dir string) ([]segment, error) {
	// ReadDir sorts by name, which is by number.
	names, err := d.ReadDir(dir)
	if err != nil {
		return nil, disk.Explain(dir, err)
	}
	var out []segment
	for _, n := range names {
		if first, ok := parseName(n.Name()); ok && n.Type().IsRegular() {
			out = append(out, segment{filepath.Join(dir, n.Name()), first})
		}
	}
	return out, nil
}

// Damage is what ended a Read: an entry that is not as it was written.
type Damage struct {
	File   string
	Offset int64 // of the entry in the file
	Number int64 // that the entry should have
	Reason string
}

func (d *Damage) Error() string {
	return fmt.Sprintf("%s: entry %d at offset %d: %s", d.File, d.Number, d.Offset, d.Reason)
}

// Unwrap marks the error as pipeline.ErrDamaged.
func (d *Damage) Unwrap() error { return pipeline.ErrDamaged }

// header begins a segment. before is the number of the entry that stood before
// its first one: smaller by one, or by more if those between were not needed.
func header(generation uint32, first, before int64) []byte {
	h := append(make([]byte, 0, segmentHeader), segmentMagic...)
	h = binary.LittleEndian.AppendUint32(h, segmentVersion)
	h = binary.LittleEndian.AppendUint32(h, generation)
	h = binary.LittleEndian.AppendUint64(h, uint64(first))
	h = binary.LittleEndian.AppendUint64(h, uint64(before))
	return binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

// parseHeader checks a segment's header; the reason is empty when it is good.
func parseHeader(h []byte, first int64) (generation uint32, before int64, reason string) {
	if string(h[:8]) != segmentMagic {
		return 0, 0, "the file does not begin as a journal does"
	}
	if crc32.Checksum(h[:32], castagnoli) != binary.LittleEndian.Uint32(h[32:]) {
		return 0, 0, "the header's checksum is wrong"
	}
	if v := binary.LittleEndian.Uint32(h[8:]); v != segmentVersion {
		return 0, 0, fmt.Sprintf("the format is version %d, this program knows %d", v, segmentVersion)
	}
	if n := binary.LittleEndian.Uint64(h[16:]); n != uint64(first) {
		return 0, 0, fmt.Sprintf("the file's name says that it begins with entry %d, its header says %d", first, n)
	}
	return binary.LittleEndian.Uint32(h[12:]), int64(binary.LittleEndian.Uint64(h[24:])), ""
}

// readGeneration gives the generation in a segment's header; ok is false where
// the header is damaged.
func readGeneration(d disk.FS, s segment) (generation uint32, ok bool, err error) {
	f, err := d.OpenFile(s.path, os.O_RDONLY)
	if err != nil {
		return 0, false, disk.Explain(s.path, err)
	}
	defer f.Close()
	var h [segmentHeader]byte
	if _, err := io.ReadFull(f, h[:]); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return 0, false, nil
		}
		return 0, false, disk.Explain(s.path, err)
	}
	generation, _, reason := parseHeader(h[:], s.first)
	return generation, reason == "", nil
}

func appendEntry(dst []byte, number int64, entry []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(entry)))
	dst = binary.LittleEndian.AppendUint64(dst, uint64(number))
	sum := crc32.Update(crc32.Checksum(dst[len(dst)-12:], castagnoli), castagnoli, entry)
	return append(binary.LittleEndian.AppendUint32(dst, sum), entry...)
}

// scanner reads the entries of one segment.
type scanner struct {
	generation uint32
	segment    segment
	size       int64 // of the file
	in         *bufio.Reader
	offset     int64 // behind the last good entry
	next       int64 // number of the entry there
	buf        []byte
}

// readFull fills p. The bytes are known to be there by the file's size, so that
// an end before them is an error like any other.
func (s *scanner) readFull(p []byte) error {
	_, err := io.ReadFull(s.in, p)
	return disk.Explain(s.segment.path, err)
}

func (s *scanner) damaged(reason string) *Damage {
	return &Damage{File: s.segment.path, Offset: s.offset, Number: s.next, Reason: reason}
}

// begin reads the header. next is the number that is to follow, 0 for any.
func (s *scanner) begin(next int64) (*Damage, error) {
	s.offset, s.next = 0, next
	if next == 0 {
		s.next = s.segment.first
	}
	if s.size < segmentHeader {
		return s.damaged(fmt.Sprintf("the file ends within its header, after %d bytes", s.size)), nil
	}
	var h [segmentHeader]byte
	if err := s.readFull(h[:]); err != nil {
		return nil, err
	}
	generation, before, reason := parseHeader(h[:], s.segment.first)
	if reason == "" && generation != s.generation {
		reason = fmt.Sprintf("the segment belongs to generation %d of the state, not to %d", generation, s.generation)
	}
	if reason == "" && next != 0 && before != next-1 {
		reason = fmt.Sprintf("it is missing; the segment begins with entry %d, behind entry %d", s.segment.first, before)
	}
	if reason != "" {
		return s.damaged(reason), nil
	}
	s.offset, s.next = segmentHeader, s.segment.first
	return nil, nil
}

// entry reads the next entry, lent until the next call; nil at the end of the file.
func (s *scanner) entry() ([]byte, *Damage, error) {
	left := s.size - s.offset
	if left == 0 {
		return nil, nil, nil
	}
	if left < entryHeader {
		return nil, s.damaged(fmt.Sprintf("the file ends within the entry, after %d bytes of it", left)), nil
	}
	var h [entryHeader]byte
	if err := s.readFull(h[:]); err != nil {
		return nil, nil, err
	}
	length, number := int64(binary.LittleEndian.Uint32(h[:])), binary.LittleEndian.Uint64(h[4:])
	if length > maxEntryBytes || length > left-entryHeader {
		return nil, s.damaged(fmt.Sprintf("the file ends within the entry, or its length of %d bytes is damaged", length)), nil
	}
	// Never nil, also for an entry without bytes.
	if s.buf == nil || int64(cap(s.buf)) < length {
		s.buf = make([]byte, length)
	}
	s.buf = s.buf[:length]
	if err := s.readFull(s.buf); err != nil {
		return nil, nil, err
	}
	if crc32.Update(crc32.Checksum(h[:12], castagnoli), castagnoli, s.buf) != binary.LittleEndian.Uint32(h[12:]) {
		return nil, s.damaged("the checksum is wrong"), nil
	}
	if number > math.MaxInt64 || int64(number) != s.next {
		return nil, s.damaged(fmt.Sprintf("the entry has the number %d", number)), nil
	}
	s.offset += entryHeader + length
	s.next++
	return s.buf, nil, nil
}

// back goes back to before the entry that was read last.
func (s *scanner) back(entry []byte) {
	s.offset -= entryHeader + int64(len(entry))
	s.next--
}
