package kafka

import (
	"encoding/binary"
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline/event"
)

const (
	// recordBytesMax is the length from which on a record is cut.
	recordBytesMax = 64 << 20
	// answerBytesMax is the unpacked size after which the rest of an answer is
	// left for the next one.
	answerBytesMax = 64 << 20
)

// errEnough stops the unpacking of an answer.
var errEnough = errors.New("enough for one answer")

// thrifty is a decompressor that stops when it has unpacked enough, so that an
// answer of a few megabytes cannot become gigabytes.
type thrifty struct {
	kgo.Decompressor
	left int
}

// Decompress unpacks a batch.
func (d *thrifty) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if d.left <= 0 {
		return nil, errEnough
	}
	out, err := d.Decompressor.Decompress(src, codec)
	d.left -= len(out)
	return out, err
}

// unpackPartition makes a block of an answer and tells the offset behind it.
func (s *Source) unpackPartition(name topicPartition, from, end int64, rp *kmsg.FetchResponseTopicPartition) (*block, int64, error) {
	opts := kgo.ProcessFetchPartitionOpts{Offset: from, Topic: name.topic, Partition: name.number}
	if s.cfg.Committed {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	fp, next := kgo.ProcessFetchPartition(opts, rp, &thrifty{s.unpack, answerBytesMax}, nil)
	b := &block{}
	var tooLarge *kgo.ErrDecompressTooLarge
	switch {
	case fp.Err == nil || len(fp.Records) > 0 || errors.Is(fp.Err, errEnough):
		// What follows a fault comes again with the next answer.
	case errors.As(fp.Err, &tooLarge):
		b.recs = []event.Rec{{Offset: tooLarge.Offset, Timestamp: batchTime(rp.RecordBatches, tooLarge.Offset), Size: unpackedBytesMax + 1}}
		return b, tooLarge.NextOffset, nil
	default:
		return nil, from, fp.Err
	}
	b.fill(fp.Records, end)
	if end >= 0 {
		next = min(next, end)
	}
	return b, next, nil
}

// fill copies records up to the end of a bounded run.
func (b *block) fill(records []*kgo.Record, end int64) {
	size := 0
	for _, r := range records {
		size += min(len(r.Value), recordBytesMax)
	}
	b.data = make([]byte, 0, size)
	b.recs = make([]event.Rec, 0, len(records))
	for _, r := range records {
		if end >= 0 && r.Offset >= end {
			return
		}
		rec := event.Rec{Off: uint32(len(b.data)), Offset: r.Offset, Timestamp: r.Timestamp.UnixMilli()}
		if rec.Timestamp < 0 {
			rec.Timestamp = event.Absent
		}
		value := r.Value
		if len(value) > recordBytesMax {
			rec.Size = int64(len(value))
			value = value[:recordBytesMax]
		}
		rec.Len = uint32(len(value))
		b.data = append(b.data, value...)
		b.recs = append(b.recs, rec)
	}
}

// batchTime is the newest timestamp of the batch that begins at an offset.
func batchTime(batches []byte, offset int64) int64 {
	const lengthAt, maxTimestampAt, header = 8, 35, 61
	for len(batches) >= header {
		if int64(binary.BigEndian.Uint64(batches)) == offset {
			return int64(binary.BigEndian.Uint64(batches[maxTimestampAt:]))
		}
		size := 12 + int(binary.BigEndian.Uint32(batches[lengthAt:]))
		if size > len(batches) {
			break
		}
		batches = batches[size:]
	}
	return event.Absent
}
