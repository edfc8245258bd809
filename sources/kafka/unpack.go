package kafka

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline/event"
	"touchstream/pipeline/prefetch"
)

// answerBytesMax is the unpacked size after which the rest of an answer is left
// for the next one.
const answerBytesMax = 64 << 20

// errEnough stops the unpacking of an answer.
var errEnough = errors.New("enough for one answer")

// pools keep what unpacking takes and gives back at once.
type pools struct{ records, bytes sync.Pool }

// GetRecords gives a slice of records.
func (p *pools) GetRecords(n int) []kgo.Record {
	if list, ok := p.records.Get().(*[]kgo.Record); ok && cap(*list) >= n {
		return *list
	}
	return make([]kgo.Record, n)
}

// PutRecords takes it back.
func (p *pools) PutRecords(list []kgo.Record) { p.records.Put(&list) }

// GetDecompressBytes gives memory to unpack into.
func (p *pools) GetDecompressBytes([]byte, kgo.CompressionCodecType) []byte {
	if b, ok := p.bytes.Get().(*[]byte); ok {
		return *b
	}
	return nil
}

// PutDecompressBytes takes it back.
func (p *pools) PutDecompressBytes(b []byte) { p.bytes.Put(&b) }

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
func (s *Source) unpackPartition(p *partition, from int64, rp *kmsg.FetchResponseTopicPartition) (*prefetch.Block, int64, error) {
	opts := kgo.ProcessFetchPartitionOpts{Offset: from, Topic: p.Topic, Partition: p.Number, Pools: []kgo.Pool{&s.pools}}
	if s.cfg.Committed {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	fp, next := kgo.ProcessFetchPartition(opts, rp, &thrifty{s.unpack, answerBytesMax}, nil)
	var tooLarge *kgo.ErrDecompressTooLarge
	switch {
	case fp.Err == nil || len(fp.Records) > 0 || errors.Is(fp.Err, errEnough):
		// What follows a fault comes again with the next answer.
	case errors.As(fp.Err, &tooLarge):
		b := &prefetch.Block{}
		b.Add(nil, unpackedBytesMax+1, tooLarge.Offset, batchTime(rp.RecordBatches, tooLarge.Offset))
		return b, tooLarge.NextOffset, nil
	default:
		return nil, from, fp.Err
	}
	size := 0
	for _, r := range fp.Records {
		size += len(r.Value)
	}
	b := s.buffer.NewBlock(size, len(fp.Records))
	for _, r := range fp.Records {
		if p.End() == prefetch.NoEnd || r.Offset < p.End() {
			b.Add(r.Value, len(r.Value), r.Offset, timestamp(r))
		}
		r.Recycle()
	}
	return b, next, nil
}

func timestamp(r *kgo.Record) int64 {
	if ms := r.Timestamp.UnixMilli(); ms >= 0 {
		return ms
	}
	return event.Absent
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
