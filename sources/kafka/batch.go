package kafka

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/twmb/franz-go/pkg/kgo"

	"touchstream/pipeline/event"
	"touchstream/pipeline/prefetch"
)

// Where the fields of a record batch lie, as
// https://kafka.apache.org/documentation/#recordbatch has it.
const (
	lengthAt         = 8
	magicAt          = 16
	crcAt            = 17
	attributesAt     = 21
	lastDeltaAt      = 23
	firstTimestampAt = 27
	maxTimestampAt   = 35
	producerAt       = 43
	countAt          = 57
	recordsAt        = 61
)

// The bits of a batch's attributes.
const (
	codecBits         = 0x07
	logAppendTimeBit  = 0x08
	transactionalBit  = 0x10
	controlBit        = 0x20
	recordBatchMagic  = 2
	markerOfAbortion  = 0
	varintBytesMax    = 5
	varlongBytesMax   = 10
	varintLastByteMax = 0x0f
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batch is a record batch of format 2.
type batch struct {
	first, last        int64 // offsets, of records that compaction has removed as well
	attributes         uint16
	firstTime, topTime int64
	producer           int64
	count              int
	records            []byte // packed as the codec says
}

// batchSize is the size of the batch, or message of format 0 or 1, that in
// begins with; ok is false if it is cut off, as the last one of an answer may be.
func batchSize(in []byte) (size int, ok bool) {
	if len(in) <= magicAt {
		return 0, false
	}
	size = magicAt - 4 + int(int32(binary.BigEndian.Uint32(in[lengthAt:])))
	return size, size > magicAt && size <= len(in)
}

// readBatch reads the header of a whole batch and checks its checksum.
func readBatch(in []byte) (batch, error) {
	first := int64(binary.BigEndian.Uint64(in))
	if in[magicAt] != recordBatchMagic {
		return batch{}, fmt.Errorf("the batch at offset %d has format %d, known are 0 to %d", first, in[magicAt], recordBatchMagic)
	}
	if len(in) < recordsAt {
		return batch{}, fmt.Errorf("the batch at offset %d has %d bytes, its header alone has %d", first, len(in), recordsAt)
	}
	want := binary.BigEndian.Uint32(in[crcAt:])
	if got := crc32.Checksum(in[attributesAt:], castagnoli); got != want {
		return batch{}, fmt.Errorf("the batch at offset %d has checksum %08x, its bytes have %08x", first, want, got)
	}
	b := batch{
		first:      first,
		last:       first + int64(int32(binary.BigEndian.Uint32(in[lastDeltaAt:]))),
		attributes: binary.BigEndian.Uint16(in[attributesAt:]),
		firstTime:  int64(binary.BigEndian.Uint64(in[firstTimestampAt:])),
		topTime:    int64(binary.BigEndian.Uint64(in[maxTimestampAt:])),
		producer:   int64(binary.BigEndian.Uint64(in[producerAt:])),
		count:      int(int32(binary.BigEndian.Uint32(in[countAt:]))),
		records:    in[recordsAt:],
	}
	if first < 0 || b.count < 0 {
		return batch{}, fmt.Errorf("the batch at offset %d says that it has %d records", first, b.count)
	}
	return b, nil
}

func (b *batch) codec() kgo.CompressionCodecType {
	return kgo.CompressionCodecType(b.attributes & codecBits)
}

func (b *batch) isControl() bool { return b.attributes&controlBit != 0 }

// rawRecord is one record of a batch, as far as it is used.
type rawRecord struct {
	timeDelta   int64
	offsetDelta int32
	key, value  []byte
}

// readRecord reads the record that raw has at a place and tells the place
// behind it, -1 if it is broken.
func readRecord(raw []byte, at int, r *rawRecord) int {
	size, at := varint(raw, at)
	if at < 0 || size < 0 || size > int64(len(raw)-at) {
		return -1
	}
	end := at + int(size)
	raw = raw[:end]
	// The first byte has attributes, of which there are none.
	if r.timeDelta, at = varlong(raw, at+1); at < 0 {
		return -1
	}
	var delta int64
	if delta, at = varint(raw, at); at < 0 {
		return -1
	}
	r.offsetDelta = int32(delta)
	if r.key, at = sized(raw, at); at < 0 {
		return -1
	}
	if r.value, at = sized(raw, at); at < 0 {
		return -1
	}
	if at < end && raw[at] == 0 || headersAreWhole(raw, at) {
		return end
	}
	return -1
}

// headersAreWhole reports whether the headers of a record end within it.
func headersAreWhole(raw []byte, at int) bool {
	n, at := varint(raw, at)
	if at < 0 || n > int64(len(raw)-at) {
		return false
	}
	for range 2 * max(0, n) { // a key and a value each
		if _, at = sized(raw, at); at < 0 {
			return false
		}
	}
	return true
}

// sized reads bytes behind their length; a negative length stands for null.
func sized(raw []byte, at int) ([]byte, int) {
	n, at := varint(raw, at)
	switch {
	case at < 0 || n > int64(len(raw)-at):
		return nil, -1
	case n <= 0:
		return nil, at
	}
	return raw[at : at+int(n)], at + int(n)
}

// varint reads a zigzag number of 32 bits and tells the place behind it, -1 if
// it is broken.
func varint(raw []byte, at int) (int64, int) {
	if uint(at) < uint(len(raw)) && raw[at] < 0x80 {
		u := uint64(raw[at])
		return int64(u>>1) ^ -int64(u&1), at + 1
	}
	u, at := uvarint(raw, at, varintBytesMax)
	if u > math.MaxUint32 {
		return 0, -1
	}
	return int64(u>>1) ^ -int64(u&1), at
}

// varlong is varint with 64 bits.
func varlong(raw []byte, at int) (int64, int) {
	u, at := uvarint(raw, at, varlongBytesMax)
	return int64(u>>1) ^ -int64(u&1), at
}

func uvarint(raw []byte, at, bytesMax int) (u uint64, next int) {
	if at < 0 || at >= len(raw) {
		return 0, -1
	}
	for i, c := range raw[at:min(at+bytesMax, len(raw))] {
		u |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			if i == varlongBytesMax-1 && c > 1 {
				break
			}
			return u, at + i + 1
		}
	}
	return 0, -1
}

// fill appends records from raw to a block until it is full: those at offsets
// from next up to end. It tells what is left of raw and how many records it
// has read; ok is false if the next one is broken.
func (b *batch) fill(to *prefetch.Block, raw []byte, most int, next *int64, end int64) (rest []byte, n int, ok bool) {
	var r rawRecord
	at := 0
	for n < most && !to.Full() {
		behind := readRecord(raw, at, &r)
		if behind < 0 {
			return raw[at:], n, false
		}
		at, n = behind, n+1
		offset := b.first + int64(r.offsetDelta)
		if offset < *next {
			continue
		}
		*next = offset + 1
		if end == prefetch.NoEnd || offset < end {
			to.Add(r.value, len(r.value), offset, b.time(r.timeDelta))
		}
	}
	return raw[at:], n, true
}

// time is the timestamp of a record.
func (b *batch) time(delta int64) int64 {
	t := b.firstTime + delta
	if b.attributes&logAppendTimeBit != 0 {
		t = b.topTime
	}
	if t < 0 {
		return event.Absent
	}
	return t
}
