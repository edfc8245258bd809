package bench

import (
	"bytes"
	"testing"

	"touchstream/pipeline/event"
	"touchstream/sources/decode/segment"
)

// largeBytes is more than the caches of a processor hold.
const largeBytes = 256 << 20

// BenchmarkLimit measures what nothing above can beat: finding the ends of
// records with bytes.IndexByte and copying them, on a chunk that stays in the
// cache and on 256 MB that do not, and a fold that only reads the time and the
// key of decoded rows. Raw consumption from Kafka and raw inserts into
// ClickHouse are limits of their own, with servers.
func BenchmarkLimit(b *testing.B) {
	small := lines(newChunk(b, "web", nil))
	b.Run("indexbyte/chunk", func(b *testing.B) { perByte(b, small, func() { countLines(small) }) })
	b.Run("copy/chunk", func(b *testing.B) {
		dst := make([]byte, len(small))
		perByte(b, small, func() { copy(dst, small) })
	})
	large := bytes.Repeat(small, largeBytes/len(small))
	b.Run("indexbyte/256MB", func(b *testing.B) { perByte(b, large, func() { countLines(large) }) })
	b.Run("copy/256MB", func(b *testing.B) {
		dst := bytes.Clone(small)
		dst = append(dst, large[len(small):]...) // its pages are there
		perByte(b, large, func() { copy(dst, large) })
	})
	b.Run("fold", benchmarkEmptyFold)
}

func benchmarkEmptyFold(b *testing.B) {
	c := newChunk(b, "web", nil)
	batch := event.NewBatch(event.Want{Columns: event.SetOf(event.Event, event.EventTime, event.MessageID, event.AnonymousID)})
	batch.Arena = c.Data
	batch.Grow(len(c.Recs))
	segment.New(segment.Config{})().Decode(c, batch)
	finisher := event.Finisher{Hasher: event.NewHasher("bench", nil)}
	finisher.Finish(c, batch)
	rows := make([]uint32, batch.N)
	for i := range rows {
		rows[i] = uint32(i)
	}
	last, device := int64(0), event.Hash{}
	from := processCPU(b)
	for b.Loop() {
		for _, row := range rows {
			last = max(last, batch.Time(int(row)))
			device.Hi |= batch.Head[row].Device.Hi
			device.Lo |= batch.Head[row].Device.Lo
		}
	}
	cpu := processCPU(b) - from
	if last == 0 || device.IsZero() {
		b.Fatal("the rows have no times or keys")
	}
	n := float64(b.N) * float64(len(rows))
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(cpu.Nanoseconds())/n, "cpu-ns/row")
	b.ReportMetric(n/cpu.Seconds(), "rows/core-s")
}

// perByte runs what goes over the bytes once and reports GB a second of CPU time.
func perByte(b *testing.B, data []byte, once func()) {
	from := processCPU(b)
	for b.Loop() {
		once()
	}
	cpu := processCPU(b) - from
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(len(data))*float64(b.N)/1e9/cpu.Seconds(), "GB/core-s")
}

// countLines finds all ends of lines.
func countLines(data []byte) int {
	for n := 0; ; n++ {
		i := bytes.IndexByte(data, '\n')
		if i < 0 {
			return n
		}
		data = data[i+1:]
	}
}
