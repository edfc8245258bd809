package bench

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"touchstream/operators/window"
	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/sources/decode/segment"
)

// windowRuns are windows over the events of web: 8 names, 20,000 visitors.
var windowRuns = []struct{ name, keys string }{
	{"tumbling-8-keys", "{tumbling: 1m, key: [event], aggregate: {events: count()}}"},
	{"tumbling-8-keys-sum", "{tumbling: 1m, key: [event], aggregate: {events: count(), revenue: sum(amount)}}"},
	{"tumbling-8-keys-items", "{tumbling: 1m, key: [event], aggregate: {events: count(), prices: sum(price)}}"},
	{"sliding-60-1-8-keys", "{sliding: {size: 60m, slide: 1m}, key: [event], aggregate: {events: count()}}"},
	{"session-by-visitor", "{session: 30m, key: [anonymous_id], aggregate: {events: count()}}"},
}

// windowChunks are the chunks of 2,048 records of an operation: 65,536 rows,
// 65 s of event time.
const windowChunks = stepRecords / chunkRecords

// windowWarm are the operations before the measurement: 2 h of event time, so
// that windows are forgotten as fast as they open.
const windowWarm = 112

// BenchmarkWindow measures a window on decoded columns: the rows' keys are
// found, the rows folded by one shard and closed windows written. The same rows
// come again and again, each time later and of other visitors. An operation is 65,536 rows.
func BenchmarkWindow(b *testing.B) {
	for _, run := range windowRuns {
		b.Run(run.name, func(b *testing.B) {
			w := newWindowLoad(b, run.keys)
			for range windowWarm {
				w.fold()
				w.later()
			}
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			var cpu time.Duration
			rows := 0
			b.ReportAllocs()
			for b.Loop() {
				from := threadCPU()
				rows += w.fold()
				cpu += threadCPU() - from
				w.later()
			}
			if w.written == 0 {
				b.Fatal("no window was written")
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(rows), "cpu-ns/row")
			b.ReportMetric(float64(rows)/cpu.Seconds(), "rows/core-s")
		})
	}
}

// windowLoad is a window's route and shard, and decoded rows.
type windowLoad struct {
	batches []*event.Batch
	rows    []uint32
	route   pipeline.Route
	shard   pipeline.UnitShard
	turn    *pipeline.Turn
	units   pipeline.Units
	written int
	lap     int
}

func newWindowLoad(tb testing.TB, keys string) *windowLoad {
	tb.Helper()
	var w window.Config
	readConfig(tb, "w: "+keys, windowKeys{&w})
	hasher := event.NewHasher("bench", nil)
	op, err := window.New(w, window.Env{Hasher: hasher, Shards: 1, AllowedLateness: 3_600_000})
	if err != nil {
		tb.Fatal(err)
	}
	spec := op.Spec()
	l := &windowLoad{route: op.NewRoute(), shard: op.NewShard(0).(pipeline.UnitShard), turn: pipeline.NewTurn(hasher, spec.Tables)}
	l.turn.Origins = []event.Origin{{Source: "bench"}}
	decoder, source := segment.New(segment.Config{})(), newMemory(newStream(tb, "web"), 0)
	finisher := event.Finisher{Hasher: hasher}
	for range windowChunks {
		c, batch := &event.Chunk{}, event.NewBatch(wanted(tb, "windows").Or(spec.Needs))
		c.Reset()
		source.make(c, chunkRecords)
		batch.Arena = c.Data
		batch.Grow(chunkRecords)
		decoder.Decode(c, batch)
		finisher.Finish(c, batch)
		for i := range batch.N {
			batch.Own[i], batch.Mark[i], batch.Limit[i] = event.Absent, event.Absent, event.Absent
		}
		batch.NoteEmpty()
		l.batches = append(l.batches, batch)
	}
	for i := range chunkRecords {
		l.rows = append(l.rows, uint32(i))
	}
	return l
}

// windowKeys reads the configuration of one window.
type windowKeys struct{ w *window.Config }

// Declare declares its keys.
func (k windowKeys) Declare(s *config.Section) {
	k.w.Name = "w"
	s.Section("w", k.w, "A window.")
}

// fold folds the rows, with a watermark 10 s behind the first of them, and
// returns how many they are.
func (l *windowLoad) fold() int {
	l.turn.Reset()
	l.turn.Step++
	l.turn.Watermark = l.batches[0].Time(0) - 10_000
	rows := 0
	for _, b := range l.batches {
		l.units.Reset()
		l.route.Route(b, l.rows, &l.units)
		l.shard.FoldUnits(l.turn, b, &l.units)
		rows += len(l.rows)
	}
	l.shard.Advance(l.turn)
	l.turn.Before = l.turn.Watermark
	l.written += l.turn.Out(0).N
	return rows
}

// later moves the rows behind themselves and gives their visitors new ids.
func (l *windowLoad) later() {
	l.lap++
	lap := fmt.Appendf(nil, "%06x", l.lap)
	for _, b := range l.batches {
		if visitors := b.Str[event.AnonymousID]; visitors != nil {
			for _, s := range visitors[:b.N] {
				copy(b.Arena[s.Off+s.Len-uint32(len(lap)):], lap)
			}
		}
		times := b.Int[event.EventTime][:b.N]
		for i := range times {
			times[i] += stepRecords
		}
	}
}
