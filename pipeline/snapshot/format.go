package snapshot

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

const (
	headerMagic   = "tssnapsh"
	trailerMagic  = "tssnpend"
	formatVersion = 2
	headerBytes   = 28 // magic, version, generation, number, checksum
	trailerBytes  = 28 // offset, length and checksum of the index, magic, checksum
	frameHeader   = 12 // section, length, checksum
	frameBytesMax = 256 << 10
	// indexEntryBytes is a section in the index without its name.
	indexEntryBytes = 2 + 8 + 8 + 8
)

// ErrDamaged marks the error of a snapshot that is not as it was written.
var ErrDamaged = errors.New("damaged")

// Damage says what of a snapshot is not as it was written.
type Damage struct {
	File    string
	Section string // empty: what holds the sections together
	Offset  int64  // in the file
	Cause   error
}

func (d *Damage) Error() string {
	where := ""
	if d.Section != "" {
		where = "section " + d.Section + ", "
	}
	return fmt.Sprintf("%s: %soffset %d: %v", d.File, where, d.Offset, d.Cause)
}

// Unwrap marks the error as ErrDamaged and keeps its cause.
func (d *Damage) Unwrap() []error { return []error{ErrDamaged, d.Cause} }

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// place is a section in the file: its frames lie from start to end and hold
// bytes bytes.
type place struct {
	name              string
	start, end, bytes int64
}

func header(generation uint32, number int64) []byte {
	h := append(make([]byte, 0, headerBytes), headerMagic...)
	h = binary.LittleEndian.AppendUint32(h, formatVersion)
	h = binary.LittleEndian.AppendUint32(h, generation)
	h = binary.LittleEndian.AppendUint64(h, uint64(number))
	return binary.LittleEndian.AppendUint32(h, crc32.Checksum(h, castagnoli))
}

func parseHeader(h []byte) (generation uint32, number int64, err error) {
	if string(h[:8]) != headerMagic {
		return 0, 0, errors.New("the file does not begin as a snapshot does")
	}
	if crc32.Checksum(h[:24], castagnoli) != binary.LittleEndian.Uint32(h[24:]) {
		return 0, 0, errors.New("the header's checksum is wrong")
	}
	if v := binary.LittleEndian.Uint32(h[8:]); v != formatVersion {
		return 0, 0, fmt.Errorf("the format is version %d, this program knows %d", v, formatVersion)
	}
	return binary.LittleEndian.Uint32(h[12:]), int64(binary.LittleEndian.Uint64(h[16:])), nil
}

// frameSum is the checksum of a frame at the offset; head is its section and length.
func frameSum(offset int64, head, data []byte) uint32 {
	var at [8]byte
	binary.LittleEndian.PutUint64(at[:], uint64(offset))
	sum := crc32.Update(crc32.Checksum(at[:], castagnoli), castagnoli, head)
	return crc32.Update(sum, castagnoli, data)
}

// tail is the index and the trailer of a file whose frames end at the offset.
func tail(offset int64, places []place) []byte {
	t := binary.LittleEndian.AppendUint32(nil, uint32(len(places)))
	for _, p := range places {
		t = binary.LittleEndian.AppendUint16(t, uint16(len(p.name)))
		t = append(t, p.name...)
		for _, n := range []int64{p.start, p.end, p.bytes} {
			t = binary.LittleEndian.AppendUint64(t, uint64(n))
		}
	}
	return appendTrailer(t, offset)
}

// appendTrailer appends the trailer to an index that lies at the offset.
func appendTrailer(index []byte, offset int64) []byte {
	n := len(index)
	t := binary.LittleEndian.AppendUint64(index, uint64(offset))
	t = binary.LittleEndian.AppendUint32(t, uint32(n))
	t = binary.LittleEndian.AppendUint32(t, crc32.Checksum(index, castagnoli))
	t = append(t, trailerMagic...)
	return binary.LittleEndian.AppendUint32(t, crc32.Checksum(t[n:], castagnoli))
}

// parseTrailer finds the index of a file of the given size.
func parseTrailer(t []byte, size int64) (offset int64, length int, sum uint32, err error) {
	if string(t[16:24]) != trailerMagic {
		return 0, 0, 0, errors.New("the file does not end as a snapshot does; it was cut short")
	}
	if crc32.Checksum(t[:24], castagnoli) != binary.LittleEndian.Uint32(t[24:]) {
		return 0, 0, 0, errors.New("the trailer's checksum is wrong")
	}
	at, n := binary.LittleEndian.Uint64(t), binary.LittleEndian.Uint32(t[8:])
	if at < headerBytes || at > math.MaxInt64 || int64(at)+int64(n)+trailerBytes != size {
		return 0, 0, 0, fmt.Errorf("the index is said to be at offset %d with %d bytes, which does not fit a file of %d bytes", at, n, size)
	}
	return int64(at), int(n), binary.LittleEndian.Uint32(t[12:]), nil
}

var errIndex = errors.New("the index does not fit the file")

// parseIndex reads the index of a file whose frames end at the offset: sections
// must lie one behind another without a gap.
func parseIndex(b []byte, offset int64) ([]place, error) {
	if len(b) < 4 {
		return nil, errIndex
	}
	count, b := int(binary.LittleEndian.Uint32(b)), b[4:]
	if count > len(b)/indexEntryBytes {
		return nil, errIndex
	}
	places, at := make([]place, 0, count), int64(headerBytes)
	for range count {
		if len(b) < indexEntryBytes {
			return nil, errIndex
		}
		n := int(binary.LittleEndian.Uint16(b))
		if len(b) < indexEntryBytes+n {
			return nil, errIndex
		}
		p := place{name: string(b[2 : 2+n])}
		b = b[2+n:]
		for i, to := range []*int64{&p.start, &p.end, &p.bytes} {
			*to = int64(binary.LittleEndian.Uint64(b[8*i:]))
		}
		b = b[24:]
		if p.start != at || p.end < at || p.end > offset || p.bytes < 0 || p.bytes > p.end-p.start {
			return nil, errIndex
		}
		places, at = append(places, p), p.end
	}
	if at != offset || len(b) > 0 {
		return nil, errIndex
	}
	return places, nil
}
