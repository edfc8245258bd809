package kafka

import (
	"errors"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline/event"
	"touchstream/pipeline/prefetch"
)

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

// unpackOld is unpackPartition for an answer that begins with messages of
// formats 0 and 1, which logs hold that were written before Kafka 0.11.
func (s *Source) unpackOld(p *partition, from int64, rp *kmsg.FetchResponseTopicPartition) ([]*prefetch.Block, int64, error) {
	opts := kgo.ProcessFetchPartitionOpts{Offset: from, Topic: p.Topic, Partition: p.Number, Pools: []kgo.Pool{&s.pools}}
	if s.cfg.Committed {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	fp, next := kgo.ProcessFetchPartition(opts, rp, &thrifty{s.unpack, answerBytesMax}, nil)
	var tooLarge *kgo.ErrDecompressTooLarge
	switch {
	case fp.Err == nil:
	case len(fp.Records) > 0:
		next = fp.Records[len(fp.Records)-1].Offset + 1
	case errors.As(fp.Err, &tooLarge):
		b := &prefetch.Block{}
		b.Add(nil, unpackedBytesMax+1, tooLarge.Offset, event.Absent)
		return []*prefetch.Block{b}, tooLarge.NextOffset, nil
	default:
		return nil, from, fp.Err
	}
	u := unpacker{s: s}
	for _, r := range fp.Records {
		if p.End() == prefetch.NoEnd || r.Offset < p.End() {
			u.block(len(r.Value), len(fp.Records)).Add(r.Value, len(r.Value), r.Offset, timestamp(r))
		}
		r.Recycle()
	}
	return u.blocks, next, nil
}

func timestamp(r *kgo.Record) int64 {
	if ms := r.Timestamp.UnixMilli(); ms >= 0 {
		return ms
	}
	return event.Absent
}
