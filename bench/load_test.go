package bench

import (
	"testing"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline/event"
	"touchstream/sources/generator"
)

func TestMain(m *testing.M) { devtest.Main(m) }

// chunkRecords is the engine's bound of a chunk.
const chunkRecords = 2048

// The generated omnichannel world behind the workload omni: long enough to
// never end under a benchmark.
const (
	omniCustomers = 10_000
	omniDays      = 3650
	seed          = 1
)

// newStream starts a workload by its name.
func newStream(tb testing.TB, name string) generator.Stream {
	tb.Helper()
	if name != "omni" {
		s, err := generator.Workload(name, seed)
		if err != nil {
			tb.Fatal(err)
		}
		return s
	}
	o := generator.Defaults()
	o.Customers, o.Days = omniCustomers, omniDays
	w, err := generator.New(o, nil)
	if err != nil {
		tb.Fatal(err)
	}
	return w
}

// newChunk makes a chunk of records of a workload, in the shape that the
// function gives them; nil leaves them as they are.
func newChunk(tb testing.TB, workload string, shape func(dst []byte, r *generator.Record) []byte) *event.Chunk {
	tb.Helper()
	c := &event.Chunk{}
	c.Reset()
	c.Origin = event.Origin{Source: "bench", Topic: workload}
	s := newStream(tb, workload)
	var rec generator.Record
	var buf []byte
	for range chunkRecords {
		if !s.Next(&rec) {
			tb.Fatal("the workload ended")
		}
		value := rec.Value
		if shape != nil {
			buf = shape(buf[:0], &rec)
			value = buf
		}
		c.Add(value, int64(len(c.Recs)+1), rec.ArrivalMS)
	}
	return c
}
