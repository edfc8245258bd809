package pipeline

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"

	"touchstream/pipeline/event"
)

// loadDigest tells one loading of a sorted source from another: a place in the
// order of time means nothing in another order.
type loadDigest struct {
	records int
	bytes   int64
	sum     uint32 // CRC32C of the records
	rows    int
	times   uint32 // CRC32C of the rows' times in their order
	// first and last are the times of the first and last row.
	first, last int64
	// started is the start of the process that loaded it first.
	started int64
}

// add takes records, before they are decoded. How they lie in chunks makes no
// difference.
func (d *loadDigest) add(c *event.Chunk) {
	for i := range c.Recs {
		var length [4]byte
		binary.LittleEndian.PutUint32(length[:], c.Recs[i].Len)
		d.sum = crc32.Update(crc32.Update(d.sum, castagnoli, length[:]), castagnoli, c.Value(i))
		d.bytes += int64(c.Recs[i].Len)
	}
	d.records += len(c.Recs)
}

// order takes the rows that were made of the records.
func (d *loadDigest) order(rows []sortedRow) {
	d.rows, d.first, d.last = len(rows), event.Absent, event.Absent
	if d.rows > 0 {
		d.first, d.last = rows[0].time, rows[d.rows-1].time
	}
	for _, r := range rows {
		var t [8]byte
		binary.LittleEndian.PutUint64(t[:], uint64(r.time))
		d.times = crc32.Update(d.times, castagnoli, t[:])
	}
}

// compare says whether another loading gave the same.
func (d *loadDigest) compare(source string, now *loadDigest) error {
	switch {
	case d.records != now.records || d.bytes != now.bytes || d.sum != now.sum:
		return fmt.Errorf("sources.%s: the source was sorted when it held %s, and now it holds %s: put its files back as they were, or reset the state to start over with what is there",
			source, d.recordText(), now.recordText())
	case d.rows != now.rows || d.times != now.times:
		return fmt.Errorf("sources.%s: of the same %d records %s were sorted, and now it is %s: decode the source as before, or reset the state to start over",
			source, d.records, d.rowText(), now.rowText())
	}
	return nil
}

func (d *loadDigest) recordText() string {
	return fmt.Sprintf("%d records of %d bytes with checksum %08x", d.records, d.bytes, d.sum)
}

func (d *loadDigest) rowText() string {
	if d.rows == 0 {
		return "0 events"
	}
	return fmt.Sprintf("%d events from %s to %s with checksum %08x of their times", d.rows, formatTime(d.first), formatTime(d.last), d.times)
}

func (d *loadDigest) append(w *encoder) {
	w.uint(uint64(d.records))
	w.int(d.bytes)
	w.uint(uint64(d.sum))
	w.uint(uint64(d.rows))
	w.uint(uint64(d.times))
	w.time(d.first)
	w.time(d.last)
	w.int(d.started)
}

func decodeLoad(r *decoder) loadDigest {
	return loadDigest{records: int(r.uint()), bytes: r.int(), sum: uint32(r.uint()), rows: int(r.uint()),
		times: uint32(r.uint()), first: r.time(), last: r.time(), started: r.int()}
}
