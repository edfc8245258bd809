package segment

import (
	"fmt"
	"testing"
	"time"

	"touchstream/pipeline/cpu"
	"touchstream/pipeline/event"
	"touchstream/sources/decode/decodetest"
)

// web is a chunk of calls of about 400 bytes.
func web(n int) *event.Chunk {
	records := make([]string, n)
	for i := range records {
		kind := `"type":"track","event":"Product Viewed"`
		properties := fmt.Sprintf(`{"product_id":"p-%d","sku":"s%d","name":"Running shoe %d","category":"Shoes","price":%d.99,"currency":"PLN","quantity":1}`, i%500, i%500, i%500, i%90+9)
		switch i % 12 {
		case 3, 7:
			kind, properties = `"type":"page"`, fmt.Sprintf(`{"path":"/c/%d","url":"https://shop.example/c/%d?utm=x","title":"Category","referrer":""}`, i%40, i%40)
		case 11:
			kind = `"type":"track","event":"Order Completed"`
			properties = fmt.Sprintf(`{"order_id":"o%d","total":59.98,"currency":"PLN","products":[{"product_id":"p-%d","price":29.99,"quantity":2,"category":"Shoes"}]}`, i, i%500)
		}
		records[i] = fmt.Sprintf(`{%s,"messageId":"3f1c5a10-%08d","timestamp":"2026-03-02T10:%02d:%02d.%03dZ","anonymousId":"anon-%06d","properties":%s,"context":{"userAgent":"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36","locale":"pl-PL","page":{"path":"/p/%d","url":"https://shop.example/p/%d"}}}`,
			kind, i, i/60%60, i%60, i%1000, i%20000, properties, i%500, i%500)
	}
	return decodetest.Chunk("", records...)
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	decodetest.MustNotAllocate(t, New(Config{})(), web(500), decodetest.SessionWant())
	decodetest.MustNotAllocate(t, New(Config{})(), web(500), decodetest.All())
}

func BenchmarkDecode(b *testing.B) { decodetest.Bench(b, New(Config{}), web(2048), true) }

// BenchmarkWays shows what shapes and AVX2 bring: the shortest time for a chunk,
// which other work on the machine changes least.
func BenchmarkWays(b *testing.B) {
	c := web(2048)
	for _, way := range []struct {
		name       string
		newDecoder func() event.Decoder
		hasAVX2    bool
	}{
		{"shapes-avx2", New(Config{}), cpu.HasAVX2},
		{"shapes-portable", New(Config{}), false},
		{"walked", withoutShapes, cpu.HasAVX2},
	} {
		b.Run(way.name, func(b *testing.B) {
			defer func(has bool) { cpu.HasAVX2 = has }(cpu.HasAVX2)
			cpu.HasAVX2 = way.hasAVX2
			d, batch, best := way.newDecoder(), event.NewBatch(decodetest.SessionWant()), time.Hour
			for b.Loop() {
				from := time.Now()
				decodetest.Decode(d, c, batch)
				best = min(best, time.Since(from))
			}
			b.ReportMetric(float64(best.Nanoseconds())/float64(len(c.Recs)), "best-ns/event")
			b.ReportMetric(0, "ns/op")
		})
	}
}
