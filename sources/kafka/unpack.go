package kafka

import (
	"errors"
	"fmt"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline/prefetch"
)

const (
	// answerBytesMax is the unpacked size after which the rest of an answer is
	// left for the next one.
	answerBytesMax = 64 << 20
	// blockBytes is the room of a block: the last value goes beyond the bound.
	blockBytes = prefetch.BlockBytesMax + 8<<10
	// unpackedRatio and recordBytes guess how much room an answer will take.
	unpackedRatio, recordBytes = 4, 256
	// keptBytesMax bounds memory for unpacking that is kept.
	keptBytesMax = 16 << 20
)

// errEnough stops the unpacking of an answer.
var errEnough = errors.New("enough for one answer")

// pools keep what unpacking takes and gives back at once. The client's
// decompressor takes its memory from here.
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
func (p *pools) PutDecompressBytes(b []byte) {
	if cap(b) <= keptBytesMax {
		p.bytes.Put(&b)
	}
}

// unpacker makes blocks of a partition's part of an answer.
type unpacker struct {
	s        *Source
	aborted  aborted
	blocks   []*prefetch.Block
	next     int64 // the offset behind what was unpacked
	end      int64 // of a bounded run, or prefetch.NoEnd
	unpacked int   // bytes
	left     int   // packed bytes of the answer that are still to be unpacked
}

// unpackPartition makes blocks of an answer and tells the offset behind them.
// What follows a fault comes again with the next answer.
func (s *Source) unpackPartition(p *partition, from int64, rp *kmsg.FetchResponseTopicPartition) ([]*prefetch.Block, int64, error) {
	u := unpacker{s: s, next: from, end: p.End()}
	if s.cfg.Committed {
		u.aborted = newAborted(rp.AbortedTransactions)
	}
	in := rp.RecordBatches
	if size, ok := batchSize(in); !ok && len(in) > magicAt && size <= magicAt {
		return nil, from, fmt.Errorf("the batch of offset %d has %d bytes by its header", from, size)
	}
	for size, ok := batchSize(in); ok; size, ok = batchSize(in) {
		if in[magicAt] < recordBatchMagic {
			if u.next > from {
				break
			}
			return s.unpackOld(p, from, rp)
		}
		u.left = len(in)
		if err := u.take(in[:size]); err != nil {
			if u.next > from || errors.Is(err, errEnough) {
				break
			}
			return nil, from, err
		}
		in = in[size:]
	}
	return u.blocks, u.next, nil
}

// take unpacks a batch.
func (u *unpacker) take(in []byte) error {
	b, err := readBatch(in)
	if err != nil || b.last < u.next {
		return err // a batch before the offset that was asked for is none of ours
	}
	if u.aborted.has(&b) && !b.isControl() {
		u.next = b.last + 1
		return nil
	}
	if u.unpacked >= answerBytesMax {
		return errEnough
	}
	raw, err := u.s.decompress(b.records, b.codec())
	switch {
	case errors.Is(err, kgo.ErrMaxDecompress):
		u.tooLarge(&b)
		return nil
	case err != nil:
		return fmt.Errorf("the batch at offset %d: %w", b.first, err)
	}
	u.unpacked += len(raw)
	if b.isControl() {
		err = u.control(&b, raw)
	} else {
		err = u.records(&b, raw)
	}
	if b.codec() != kgo.CodecNone {
		u.s.pools.PutDecompressBytes(raw)
	}
	if err == nil {
		u.next = max(u.next, b.last+1) // compaction may have removed the last records
	}
	return err
}

// decompressors takes over the client's settings.
func (s *Source) decompressors(client *kgo.Client) {
	s.unpack, _ = client.OptValue(kgo.WithDecompressor).(kgo.Decompressor)
	s.unpackedMax, _ = client.OptValue(kgo.MaxDecompressBatchBytes).(int)
}

// decompress unpacks the records of a batch; what it gives goes back to the
// pool unless they were not packed.
func (s *Source) decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	switch codec {
	case kgo.CodecNone:
		return src, nil
	case kgo.CodecLz4:
		out, ok, err := unpackLZ4(s.pools.GetDecompressBytes(src, codec), src, s.unpackedMax)
		if ok {
			return out, err
		}
		s.pools.PutDecompressBytes(out)
	}
	return s.unpack.Decompress(src, codec)
}

// records queues the records of a batch.
func (u *unpacker) records(b *batch, raw []byte) error {
	for done := 0; done < b.count; {
		to := u.block(len(raw), b.count-done)
		rest, n, ok := b.fill(to, raw, b.count-done, &u.next, u.end)
		if done += n; !ok {
			return fmt.Errorf("the batch at offset %d: record %d of %d is broken", b.first, done+1, b.count)
		}
		raw = rest
	}
	return nil
}

// block gives the block to go on with. A new one has room for so many bytes and
// records, and for what may come of the rest of the answer.
func (u *unpacker) block(bytes, records int) *prefetch.Block {
	if n := len(u.blocks); n > 0 && !u.blocks[n-1].Full() {
		return u.blocks[n-1]
	}
	bytes = max(bytes, unpackedRatio*u.left)
	records = max(records, bytes/recordBytes)
	b := u.s.buffer.NewBlock(min(bytes, blockBytes), min(records, prefetch.BlockRecordsMax))
	u.blocks = append(u.blocks, b)
	return b
}

// control takes note of a marker; the record itself is for nobody.
func (u *unpacker) control(b *batch, raw []byte) error {
	var r rawRecord
	if b.count == 0 {
		return nil
	}
	if readRecord(raw, 0, &r) < 0 {
		return fmt.Errorf("the marker at offset %d is broken", b.first)
	}
	u.aborted.end(b, r.key)
	return nil
}

// tooLarge lets a record without bytes stand for a batch that is too large.
func (u *unpacker) tooLarge(b *batch) {
	at := max(b.first, u.next)
	u.next = b.last + 1
	if u.end == prefetch.NoEnd || at < u.end {
		u.block(0, 1).Add(nil, unpackedBytesMax+1, at, b.time(b.topTime-b.firstTime))
	}
}
