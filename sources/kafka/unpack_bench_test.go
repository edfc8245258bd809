package kafka

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"touchstream/pipeline/event"
)

// benchAnswer is an answer of batches with so many records of some 400 bytes.
func benchAnswer(tb testing.TB, codec uint16, batches, records int) *kmsg.FetchResponseTopicPartition {
	rnd := rand.New(rand.NewPCG(1, 2))
	rp := kmsg.NewFetchResponseTopicPartition()
	for i := range batches {
		b := rawBatch{first: int64(i * records), attributes: codec, time: 1_700_000_000_000}
		for range records {
			b.values = append(b.values, fmt.Appendf(nil, `{"type":"track","event":"Product Viewed","messageId":"%016x%016x","anonymousId":"%016x","timestamp":"2025-11-24T10:%02d:%02d.%03dZ","properties":{"channel":"web","product_id":"P-%d","category":"home","price":%d.99,"quantity":1,"currency":"PLN"},"context":{"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/134.0.0.0","locale":"pl-PL","page":{"path":"/p/%d"}}}`,
				rnd.Uint64(), rnd.Uint64(), rnd.Uint64(), rnd.IntN(60), rnd.IntN(60), rnd.IntN(1000), rnd.IntN(5000), rnd.IntN(900), rnd.IntN(5000)))
		}
		rp.RecordBatches = b.appendTo(tb, rp.RecordBatches)
	}
	return &rp
}

// cpuTime is the CPU time that this process has used so far.
func cpuTime(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkUnpack unpacks an answer into chunks, and with the client into its
// records, without pools and with them.
func BenchmarkUnpack(b *testing.B) {
	for _, codec := range []kgo.CompressionCodecType{kgo.CodecNone, kgo.CodecGzip, kgo.CodecSnappy, kgo.CodecLz4, kgo.CodecZstd} {
		const batches, records = 40, 250
		rp := benchAnswer(b, uint16(codec), batches, records)
		report := func(b *testing.B, from time.Duration) {
			b.ReportMetric(float64(cpuTime(b)-from)/float64(b.N)/batches/records, "cpu-ns/record")
			b.ReportMetric(0, "ns/op")
		}
		name := [...]string{"none", "gzip", "snappy", "lz4", "zstd"}[codec]
		b.Run(name+"/ours", func(b *testing.B) {
			s := unpackSource(b, true, unpackedBytesMax)
			p := s.buffer.Add("web", 0, 0, -1)
			b.ReportAllocs()
			var c event.Chunk
			from := cpuTime(b)
			for n := int64(0); b.Loop(); n++ {
				p.Move(0)
				blocks, next, err := s.unpackPartition(&partition{Partition: p}, 0, rp)
				if err != nil {
					b.Fatal(err)
				}
				p.Put(next, next, blocks...)
				for left := batches * records; left > 0; left -= len(c.Recs) {
					if _, err := s.buffer.Read(b.Context(), 0, 2048, false, &c); err != nil || len(c.Recs) == 0 {
						b.Fatal(left, err)
					}
				}
			}
			report(b, from)
		})
		for _, pooled := range []bool{false, true} {
			name, pool := name+"/client", []kgo.Pool(nil)
			if pooled {
				name, pool = name+"-pools", []kgo.Pool{&pools{}}
			}
			b.Run(name, func(b *testing.B) {
				b.ReportAllocs()
				from := cpuTime(b)
				unpack := kgo.DefaultDecompressor(pool...)
				for b.Loop() {
					fp, _ := kgo.ProcessFetchPartition(kgo.ProcessFetchPartitionOpts{IsolationLevel: kgo.ReadCommitted(), Pools: pool}, rp, unpack, nil)
					if fp.Err != nil || len(fp.Records) != batches*records {
						b.Fatal(fp.Err, len(fp.Records))
					}
					for _, r := range fp.Records {
						r.Recycle()
					}
				}
				report(b, from)
			})
		}
	}
}
