package kafka

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline/event"
	"touchstream/pipeline/prefetch"
)

// rawBatch is a batch to be written: values nil are records that compaction has
// removed.
type rawBatch struct {
	first      int64
	values     [][]byte
	attributes uint16
	producer   int64
	time       int64
	headers    int
}

var codecs = []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()}

// pack packs records as the codec of the attributes says.
func pack(t testing.TB, attributes uint16, src []byte) []byte {
	t.Helper()
	c, err := kgo.DefaultCompressor(codecs[attributes&codecBits])
	if err != nil {
		t.Fatal(err)
	}
	if c == nil {
		return src
	}
	out, _ := c.Compress(&bytes.Buffer{}, src)
	return slices.Clone(out)
}

// appendBatch writes a batch, with the records packed by pack unless packed is
// given.
func (b *rawBatch) appendTo(t testing.TB, dst []byte) []byte {
	t.Helper()
	var records []byte
	count := 0
	for i, v := range b.values {
		if v == nil {
			continue
		}
		count++
		body := []byte{0}
		body = binary.AppendVarint(body, int64(7*i))
		body = binary.AppendVarint(body, int64(i))
		key := fmt.Appendf(nil, "key %d", i)
		if b.attributes&controlBit != 0 {
			key = []byte{0, 0, 0, v[0]}
		}
		body = append(binary.AppendVarint(body, int64(len(key))), key...)
		body = append(binary.AppendVarint(body, int64(len(v))), v...)
		body = binary.AppendVarint(body, int64(b.headers))
		for range b.headers {
			body = append(binary.AppendVarint(body, 4), "name"...)
			body = binary.AppendVarint(body, -1)
		}
		records = append(binary.AppendVarint(records, int64(len(body))), body...)
	}
	return b.appendPacked(dst, count, pack(t, b.attributes, records))
}

func (b *rawBatch) appendPacked(dst []byte, count int, records []byte) []byte {
	rb := kmsg.RecordBatch{
		FirstOffset: b.first, Length: int32(recordsAt - magicAt + 4 + len(records)), Magic: recordBatchMagic, Attributes: int16(b.attributes),
		LastOffsetDelta: int32(len(b.values) - 1), FirstTimestamp: b.time, MaxTimestamp: b.time + 1_000_000,
		ProducerID: b.producer, NumRecords: int32(count), Records: records,
	}
	at := len(dst)
	dst = rb.AppendTo(dst)
	seal(dst[at:])
	return dst
}

// seal gives the batches of an answer the checksums of their bytes.
func seal(in []byte) {
	for size, ok := batchSize(in); ok; size, ok = batchSize(in) {
		if in[magicAt] == recordBatchMagic && size >= recordsAt {
			binary.BigEndian.PutUint32(in[crcAt:], crc32.Checksum(in[attributesAt:size], castagnoli))
		}
		in = in[size:]
	}
}

// unpackSource is a source that unpacks and is connected to nothing.
func unpackSource(t testing.TB, committed bool, bytesMax int) *Source {
	t.Helper()
	cfg := input([]string{"127.0.0.1:1"}, "web")
	cfg.Committed = committed
	s := &Source{cfg: cfg, buffer: prefetch.New()}
	client, err := kgo.NewClient(kgo.SeedBrokers("127.0.0.1:1"), kgo.WithPools(&s.pools), kgo.MaxDecompressBatchBytes(bytesMax))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s.decompressors(client)
	return s
}

// unpackAll unpacks an answer until nothing more comes of it.
func unpackAll(s *Source, rp *kmsg.FetchResponseTopicPartition, from int64) (recs []event.Rec, values []string, next int64, err error) {
	p := &partition{Partition: s.buffer.Add("web", 0, from, prefetch.NoEnd)}
	for {
		blocks, behind, err := s.unpackPartition(p, from, rp)
		for _, b := range blocks {
			for _, r := range b.Recs {
				values = append(values, string(b.Data[r.Off:r.Off+r.Len]))
				r.Off = 0
				recs = append(recs, r)
			}
		}
		if err != nil || behind == from {
			return recs, values, behind, err
		}
		from = behind
	}
}

// compare holds what is unpacked against what the client makes of the same
// answer; of an answer with a fault it may be less.
func compare(t *testing.T, s *Source, rp *kmsg.FetchResponseTopicPartition, from int64) (records int, fault error) {
	t.Helper()
	opts := kgo.ProcessFetchPartitionOpts{Offset: from, Topic: "web"}
	if s.cfg.Committed {
		opts.IsolationLevel = kgo.ReadCommitted()
	}
	want, wantNext := kgo.ProcessFetchPartition(opts, rp, s.unpack, nil)
	recs, values, next, err := unpackAll(s, rp, from)
	if len(recs) > len(want.Records) || err == nil && len(recs) < len(want.Records) {
		t.Fatalf("%d records and %v, the client has %d and %v", len(recs), err, len(want.Records), want.Err)
	}
	for i, r := range recs {
		w := want.Records[i]
		if ms := w.Timestamp.UnixNano() / 1e6; r.Offset != w.Offset || values[i] != string(w.Value) || r.Timestamp != timestamp(w) && ms != w.Timestamp.UnixMilli() {
			t.Fatalf("record %d is %+v %.60q, the client has offset %d, time %v, %.60q", i, r, values[i], w.Offset, w.Timestamp, w.Value)
		}
	}
	if err == nil && want.Err == nil && next < wantNext {
		t.Fatalf("offset %d is next, for the client it is %d", next, wantNext)
	}
	return len(recs), err
}

// randomAnswer writes batches of all kinds, some of them of transactions. Plain
// ones may be damaged and unpack as with the client all the same: it looks at
// checksums of LZ4 frames, and into aborted batches.
func randomAnswer(t testing.TB, rnd *rand.Rand, isPlain bool) *kmsg.FetchResponseTopicPartition {
	t.Helper()
	rp := kmsg.NewFetchResponseTopicPartition()
	at := int64(1000)
	open := map[int64]int64{} // first offsets of transactions
	for range 1 + rnd.IntN(12) {
		b := rawBatch{first: at, time: int64(rnd.IntN(2_000_000_000)) - 5, producer: int64(rnd.IntN(3)), headers: max(0, rnd.IntN(6)-3)}
		b.attributes = uint16(rnd.IntN(len(codecs))) | uint16(rnd.IntN(2)*logAppendTimeBit)
		if isPlain && b.attributes&codecBits == uint16(kgo.CodecLz4) {
			b.attributes ^= uint16(kgo.CodecLz4)
		}
		if !isPlain && rnd.IntN(3) > 0 {
			b.attributes |= transactionalBit
			if _, ok := open[b.producer]; !ok {
				open[b.producer] = at
			}
		}
		if first, ok := open[b.producer]; ok && rnd.IntN(3) == 0 {
			b.attributes, b.values = transactionalBit|controlBit, [][]byte{{byte(rnd.IntN(2))}}
			if b.values[0][0] == markerOfAbortion {
				rp.AbortedTransactions = append(rp.AbortedTransactions, kmsg.FetchResponseTopicPartitionAbortedTransaction{ProducerID: b.producer, FirstOffset: first})
			}
			delete(open, b.producer)
		} else {
			for range 1 + rnd.IntN(60) {
				value := []byte(strings.Repeat(fmt.Sprintf(`{"id":%d}`, rnd.Uint32()), rnd.IntN(30)))
				if rnd.IntN(20) == 0 {
					value = nil
				}
				b.values = append(b.values, value)
			}
		}
		at += int64(len(b.values))
		rp.RecordBatches = b.appendTo(t, rp.RecordBatches)
		at += int64(rnd.IntN(2) * rnd.IntN(5))
	}
	rnd.Shuffle(len(rp.AbortedTransactions), func(i, k int) {
		a := rp.AbortedTransactions
		a[i], a[k] = a[k], a[i]
	})
	return &rp
}

// TestUnpackAsTheClient unpacks random answers, whole, cut off, from any offset
// and damaged, and compares with the client's own unpacking.
func TestUnpackAsTheClient(t *testing.T) {
	records, faults := 0, 0
	for _, committed := range []bool{true, false} {
		s := unpackSource(t, committed, 1<<20)
		for seed := range uint64(300) {
			rnd := rand.New(rand.NewPCG(seed, 7))
			isPlain := seed%2 == 0
			rp := randomAnswer(t, rnd, isPlain)
			n, err := compare(t, s, rp, 0)
			if err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
			records += n
			whole := rp.RecordBatches
			for range 10 {
				from := 1000 + rnd.Int64N(300)
				rp.RecordBatches = whole[:rnd.IntN(len(whole))]
				if _, err := compare(t, s, rp, from); err != nil {
					t.Fatalf("seed %d from %d: %v", seed, from, err)
				}
				if !isPlain {
					continue
				}
				rp.RecordBatches = slices.Clone(whole)
				for range 1 + rnd.IntN(3) {
					rp.RecordBatches[rnd.IntN(len(whole))] ^= 1 << rnd.IntN(8)
				}
				if rnd.IntN(4) > 0 {
					seal(rp.RecordBatches)
				}
				if _, err := compare(t, s, rp, from); err != nil {
					faults++
				}
			}
		}
	}
	if records < 10_000 || faults < 500 {
		t.Errorf("%d records and %d faults are too few to show anything", records, faults)
	}
}

func FuzzUnpack(f *testing.F) {
	for seed := range uint64(20) {
		f.Add(randomAnswer(f, rand.New(rand.NewPCG(seed, 9)), true).RecordBatches, int64(1000+seed))
	}
	s := unpackSource(f, false, 1<<20)
	f.Fuzz(func(t *testing.T, batches []byte, from int64) {
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.RecordBatches = batches
		seal(batches)
		if from >= 0 && (len(batches) <= magicAt || batches[magicAt] == recordBatchMagic) {
			compare(t, s, &rp, from)
		}
	})
}

// TestLZ4Frames unpacks frames with every option that producers set.
func TestLZ4Frames(t *testing.T) {
	src := []byte(strings.Repeat("one two three ", 40_000))
	noise := make([]byte, 300_000)
	for i := range noise {
		noise[i] = byte(rand.Uint32())
	}
	for name, opts := range map[string][]lz4.Option{
		"64 KiB": {lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)},
		"4 MiB":  {lz4.BlockSizeOption(lz4.Block4Mb)},
		"checks": {lz4.BlockSizeOption(lz4.Block256Kb), lz4.BlockChecksumOption(true), lz4.ChecksumOption(true)},
		"size":   {lz4.SizeOption(uint64(len(src) + len(noise)))},
	} {
		var frame bytes.Buffer
		w := lz4.NewWriter(&frame)
		if err := w.Apply(opts...); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(append(slices.Clone(src), noise...)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		out, ok, err := unpackLZ4(nil, frame.Bytes(), 1<<30)
		if !ok || err != nil || !bytes.Equal(out, append(slices.Clone(src), noise...)) {
			t.Errorf("%s: %d bytes, %v, %v", name, len(out), ok, err)
		}
		if _, ok, err = unpackLZ4(nil, frame.Bytes(), len(src)); !ok || err == nil {
			t.Errorf("%s: a bound of %d bytes does not hold: %v, %v", name, len(src), ok, err)
		}
		for _, cut := range []int{3, 6, 10, frame.Len() - 5} {
			if _, ok, _ := unpackLZ4(nil, frame.Bytes()[:cut], 1<<30); ok {
				t.Errorf("%s: its first %d bytes pass for a frame", name, cut)
			}
		}
		if _, ok, _ := unpackLZ4(nil, append(frame.Bytes(), 0), 1<<30); ok {
			t.Errorf("%s: bytes behind the frame are passed over", name)
		}
	}
}

// TestLZ4LinkedBlocks: a block may refer to what the blocks before it had.
func TestLZ4LinkedBlocks(t *testing.T) {
	frame := []byte{0x04, 0x22, 0x4d, 0x18, lz4Version, 4 << 4, 0}
	frame = append(append(frame, 16, 0, 0, 0x80), "0123456789abcdef"...)
	// A match of 12 bytes at a distance of 16, then five literals.
	block := []byte{0x08, 16, 0, 0x50, 'v', 'w', 'x', 'y', 'z'}
	frame = append(append(frame, byte(len(block)), 0, 0, 0), block...)
	frame = append(frame, 0, 0, 0, 0)
	out, ok, err := unpackLZ4(nil, frame, 1<<20)
	if want := "0123456789abcdef0123456789abvwxyz"; !ok || err != nil || string(out) != want {
		t.Errorf("%q, %v, %v; want %q", out, ok, err, want)
	}
}

// TestUnknownBatchIsNotSkipped: what follows a batch that nobody understands is
// not read, so that nothing is lost in silence.
func TestUnknownBatchIsNotSkipped(t *testing.T) {
	s := unpackSource(t, true, 1<<20)
	first, second, third := rawBatch{first: 5, values: [][]byte{[]byte("a")}}, rawBatch{first: 6, values: [][]byte{[]byte("b")}}, rawBatch{first: 7, values: [][]byte{[]byte("c")}}
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.RecordBatches = first.appendTo(t, nil)
	rp.RecordBatches = second.appendTo(t, rp.RecordBatches)
	rp.RecordBatches[len(rp.RecordBatches)/2+magicAt] = 3
	rp.RecordBatches = third.appendTo(t, rp.RecordBatches)
	_, values, next, err := unpackAll(s, &rp, 5)
	if !slices.Equal(values, []string{"a"}) || next != 6 || err == nil || !strings.Contains(err.Error(), "the batch at offset 6 has format 3") {
		t.Errorf("%q, next %d, %v", values, next, err)
	}
}

// TestOldMessages: messages of formats 0 and 1 before and behind batches.
func TestOldMessages(t *testing.T) {
	s := unpackSource(t, true, 1<<20)
	old := func(dst []byte, offset int64) []byte {
		m := kmsg.MessageV1{Offset: offset, Magic: 1, Timestamp: 1234, Value: fmt.Appendf(nil, "v%d", offset)}
		m.MessageSize = int32(len(m.AppendTo(nil)) - 12)
		m.CRC = int32(crc32.ChecksumIEEE(m.AppendTo(nil)[16:]))
		return m.AppendTo(dst)
	}
	b := rawBatch{first: 2, values: [][]byte{[]byte("v2"), []byte("v3")}}
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.RecordBatches = b.appendTo(t, old(old(nil, 0), 1))
	rp.RecordBatches = old(rp.RecordBatches, 4)
	recs, got, next, err := unpackAll(s, &rp, 0)
	if !slices.Equal(got, values(5)) || next != 5 || err != nil || recs[4].Timestamp != 1234 {
		t.Errorf("%q, next %d, %v", got, next, err)
	}
}

// TestBlocksAreBounded: a batch of many records comes in blocks of the size of
// what is read at a time.
func TestBlocksAreBounded(t *testing.T) {
	s := unpackSource(t, true, 64<<20)
	b := rawBatch{first: 0, attributes: 3}
	for i := range 10_000 {
		b.values = append(b.values, fmt.Appendf(nil, "v%d", i))
	}
	rp := kmsg.NewFetchResponseTopicPartition()
	rp.RecordBatches = b.appendTo(t, nil)
	p := &partition{Partition: s.buffer.Add("web", 0, 0, prefetch.NoEnd)}
	blocks, next, err := s.unpackPartition(p, 0, &rp)
	if err != nil || next != 10_000 || len(blocks) != 5 {
		t.Fatalf("%d blocks, next %d, %v", len(blocks), next, err)
	}
	for _, b := range blocks {
		if len(b.Recs) > prefetch.BlockRecordsMax {
			t.Errorf("a block of %d records", len(b.Recs))
		}
	}
}

// TestBatchOfNoLength: a batch whose length cannot be is an error, not an answer
// that brings nothing and is asked for again for ever. One that is cut off may
// come: the broker sends it whole next time.
func TestBatchOfNoLength(t *testing.T) {
	s := unpackSource(t, false, unpackedBytesMax)
	raw := (&rawBatch{first: 7, values: [][]byte{[]byte("x")}}).appendTo(t, nil)
	for n, isFault := range map[int32]bool{-5: true, 3: true, 1 << 20: false} {
		binary.BigEndian.PutUint32(raw[lengthAt:], uint32(n))
		rp := kmsg.NewFetchResponseTopicPartition()
		rp.RecordBatches, rp.HighWatermark = raw, 8
		p := &partition{Partition: prefetch.New().Add("t", 0, 7, prefetch.NoEnd)}
		if _, next, err := s.unpackPartition(p, 7, &rp); (err != nil) != isFault || next != 7 {
			t.Errorf("length %d: %v, next %d", n, err, next)
		}
	}
}
