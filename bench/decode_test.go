package bench

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"testing"
	"time"

	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/sources/decode/ga4"
	"touchstream/sources/decode/mapping"
	"touchstream/sources/decode/segment"
)

// BenchmarkDecode turns a chunk of 2,048 records into columns, all that the
// five operators use, beside what bounds it on the same bytes: finding the ends
// of the records with bytes.IndexByte, copying them, and reading them with the
// standard library.
func BenchmarkDecode(b *testing.B) {
	want := wanted(b, "all")
	web := newChunk(b, "web", nil)
	b.Run("segment", func(b *testing.B) {
		newDecoder := segment.New(segment.Config{})
		decode(b, newDecoder(), web, want, false)
		b.Run("and-finish", func(b *testing.B) { runDecode(b, newDecoder(), web, want, true) })
		limits(b, web)
		b.Run("encoding-json", func(b *testing.B) { unmarshal[segmentCall](b, web) })
	})
	b.Run("segment-omni", func(b *testing.B) {
		omni := newChunk(b, "omni", nil)
		decode(b, segment.New(segment.Config{})(), omni, want, false)
		limits(b, omni)
	})
	b.Run("mapping-jsonl", func(b *testing.B) { decode(b, newMapping(b, jsonMapping), web, want, false) })
	b.Run("mapping-csv", func(b *testing.B) {
		c := newChunk(b, "web", asCSV)
		c.Header = append(c.Header, csvHeader...)
		decode(b, newMapping(b, csvMapping), c, want, false)
		limits(b, c)
		b.Run("encoding-csv", func(b *testing.B) { readCSV(b, c) })
	})
	b.Run("ga4", func(b *testing.B) {
		c := newChunk(b, "web", asGA4)
		decode(b, newGA4(b), c, want, false)
		limits(b, c)
		b.Run("encoding-json", func(b *testing.B) { unmarshal[ga4Row](b, c) })
	})
}

// decode runs the sub-benchmark of a decoder.
func decode(b *testing.B, d event.Decoder, c *event.Chunk, want event.Want, finish bool) {
	b.Run("decode", func(b *testing.B) { runDecode(b, d, c, want, finish) })
}

func runDecode(b *testing.B, d event.Decoder, c *event.Chunk, want event.Want, finish bool) {
	batch := event.NewBatch(want)
	finisher := event.Finisher{Hasher: event.NewHasher("bench", nil), Bots: event.NewBotTest(event.KnownBots)}
	var part event.Chunk
	once := func() {
		batch.Reset()
		batch.Arena = append(batch.Arena[:0], c.Data...)
		for i := 0; i < len(c.Recs); {
			first := batch.N
			i = c.Part(&part, i, event.PartRecords)
			batch.Grow(len(part.Recs))
			d.Decode(&part, batch)
			if finish {
				finisher.FinishFrom(&part, batch, first)
			}
		}
	}
	once()
	if batch.N < chunkRecords-len(batch.Faults) || len(batch.Faults) > chunkRecords/100 {
		b.Fatalf("%d records gave %d rows and %d faults", chunkRecords, batch.N, len(batch.Faults))
	}
	perRecord(b, len(c.Data), once)
}

// perRecord runs what works off all records of a chunk, so many bytes, and
// reports what one record takes. It counts CPU time, which a busy machine
// changes less than the time on the clock, and the shortest time for a chunk,
// which it changes least.
func perRecord(b *testing.B, size int, chunk func()) {
	b.ReportAllocs()
	from, best := processCPU(b), time.Hour
	for b.Loop() {
		start := time.Now()
		chunk()
		best = min(best, time.Since(start))
	}
	cpu := processCPU(b) - from
	b.ReportMetric(float64(best.Nanoseconds())/chunkRecords, "best-ns/event")
	b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N)/chunkRecords, "cpu-ns/event")
	b.ReportMetric(float64(size)*float64(b.N)/1e6/cpu.Seconds(), "MB/core-s")
	b.ReportMetric(0, "ns/op")
}

// limits runs what no decoder can beat on the same bytes.
func limits(b *testing.B, c *event.Chunk) {
	lines := lines(c)
	b.Run("indexbyte", func(b *testing.B) {
		perRecord(b, len(lines), func() {
			if n := countLines(lines); n != chunkRecords {
				b.Fatalf("%d lines", n)
			}
		})
	})
	b.Run("copy", func(b *testing.B) {
		dst := make([]byte, len(lines))
		perRecord(b, len(lines), func() { copy(dst, lines) })
	})
}

// lines are the records of a chunk, each with a newline behind it.
func lines(c *event.Chunk) []byte {
	var out []byte
	for i := range c.Recs {
		out = append(append(out, c.Value(i)...), '\n')
	}
	return out
}

// unmarshal reads every record into a struct with encoding/json.
func unmarshal[T any](b *testing.B, c *event.Chunk) {
	perRecord(b, len(c.Data), func() {
		for i := range c.Recs {
			var v T
			if err := json.Unmarshal(c.Value(i), &v); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// readCSV reads every record into its fields with encoding/csv.
func readCSV(b *testing.B, c *event.Chunk) {
	text := lines(c)
	perRecord(b, len(text), func() {
		r := csv.NewReader(bytes.NewReader(text))
		r.ReuseRecord = true
		for {
			if _, err := r.Read(); err == io.EOF {
				break
			} else if err != nil {
				b.Fatal(err)
			}
		}
	})
}

func newMapping(tb testing.TB, text string) event.Decoder {
	tb.Helper()
	var c mapping.Config
	readConfig(tb, text, &c)
	newDecoder, err := mapping.New(c)
	if err != nil {
		tb.Fatal(err)
	}
	return newDecoder()
}

func newGA4(tb testing.TB) event.Decoder {
	tb.Helper()
	var c ga4.Config
	readConfig(tb, "{}", &c)
	return ga4.New(c)()
}

func readConfig(tb testing.TB, text string, d config.Declarer) {
	tb.Helper()
	f, err := config.Parse("bench.yaml", []byte(text), nil)
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.Read(d); err != nil {
		tb.Fatal(err)
	}
}
