package crowd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
)

// TestNothingLeft looks at the state after the end of time.
func TestNothingLeft(t *testing.T) {
	v := venueOf(t, propertyVenue)
	for seed := range uint64(8) {
		r := rand.New(rand.NewPCG(seed, 9))
		cfg := randomConfig(t, r, time.UnixMilli(pipetest.Zero))
		l, err := pipetest.Parse(randomScript(r, time.UnixMilli(pipetest.Zero).UTC(), 300, 20))
		if err != nil {
			t.Fatal(err)
		}
		res := pipetest.Run(t, New(cfg, 2, v), l, pipetest.Options{Lag: 30_000, Step: 7, Shards: 2})
		for _, left := range res.Shards {
			s := left.(*shard)
			if s.devices.Len() != 0 || s.timers.Len() != 0 || s.resets.Len() != 0 {
				t.Errorf("seed %d: %d devices, %d timers, %d resets are left", seed, s.devices.Len(), s.timers.Len(), s.resets.Len())
			}
			for i := range s.grids {
				if g := &s.grids[i]; g.first != 0 || g.last != 0 || g.flows.Len() != 0 {
					t.Errorf("seed %d: windows of %d ms are open, with %d flows", seed, g.size, g.flows.Len())
				}
			}
			held := 0
			s.cells.Each(func(_ uint32, c *cell) bool {
				held += c.dwells.Len()
				return true
			})
			if n := s.arena.Len(); n != held {
				t.Errorf("seed %d: %d bytes are left in the arena, of these %d of stays", seed, n, held)
			}
		}
	}
}

// TestLimit lets devices exceed their limit: those that would leave first go,
// without an exit.
func TestLimit(t *testing.T) {
	var sb strings.Builder
	for i := range 10 {
		fmt.Fprintf(&sb, "10:00:%02d Zone Entered store_id=S device_id=d%d zone_id=z\n", i, i)
	}
	for i := range 10 {
		fmt.Fprintf(&sb, "10:00:%02d Zone Exited store_id=S device_id=d%d zone_id=z\n", 20+i, i)
	}
	l, err := pipetest.Parse(sb.String())
	if err != nil {
		t.Fatal(err)
	}
	cfg := configOf(t, "max_devices: 4", "windows: 1m")
	res := pipetest.Run(t, New(cfg, 1, nil), l, pipetest.Options{Lag: 1000, Step: 1})
	want := "occupancy_max=4 entries=10 exits=4 uniques=10 dwell_p50_ms=20000"
	if got := res.Final(); !strings.Contains(got, want) || res.Count.Evicted != 6 {
		t.Errorf("%d evicted, %s", res.Count.Evicted, got)
	}
}

// sightings makes a batch of beacon sightings of n devices, each at one of 50
// zones, spread over a second from start.
func sightings(n int, start int64) (*event.Batch, []event.Row) {
	o := New(Config{Windows: []int64{10_000}}, 1, nil)
	b := event.NewBatch(o.Spec().Needs)
	r := rand.New(rand.NewPCG(1, 2))
	c := &event.Chunk{}
	var rows []event.Row
	for i := range n {
		row := b.Add()
		b.Int[event.EventTime][row] = start + int64(i)*1000/int64(n)
		b.Mark[row] = math.MinInt64
		b.Str[event.Event][row] = b.Put([]byte("Sensor Seen"))
		b.Str[event.StoreID][row] = b.Put([]byte("S"))
		b.Str[event.DeviceID][row] = b.Put(fmt.Appendf(nil, "device-%d", i))
		b.Str[event.SensorID][row] = b.Put(fmt.Appendf(nil, "beacon-%d", r.IntN(50)))
		b.Float[event.RSSI][row] = -40 - float64(r.IntN(30))
		c.Recs = append(c.Recs, event.Rec{Offset: int64(i)})
		b.Record[row] = uint32(row)
	}
	f := event.Finisher{Hasher: pipetest.Hasher()}
	f.Finish(c, b)
	for row := range b.N {
		rows = append(rows, event.RowOf(b, row))
	}
	return b, rows
}

func benchVenue(t testing.TB) *Operator {
	var sb strings.Builder
	sb.WriteString("{stores: [{id: S, zones: [")
	for i := range 50 {
		fmt.Fprintf(&sb, "{id: z%d, area_m2: 50, sensors: [{id: beacon-%d}]},", i, i)
	}
	sb.WriteString("]}]}")
	return New(configOf(t), 1, venueOf(t, sb.String()))
}

// feed folds the batch again and again, a second later each time; every tenth
// time each device is where another one was.
func feed(b *event.Batch, rows []event.Row, s pipeline.Shard, turn *pipeline.Turn) {
	turn.Reset()
	s.Fold(turn, rows)
	turn.Watermark = b.Int[event.EventTime][len(rows)-1]
	s.Advance(turn)
	for i := range rows {
		b.Int[event.EventTime][i] += 1000
		rows[i].Eff += 1000
	}
	if turn.Step++; turn.Step%10 == 0 {
		sensors := b.Str[event.SensorID][:len(rows)]
		first := sensors[0]
		copy(sensors, sensors[1:])
		sensors[len(sensors)-1] = first
	}
}

func TestSteadyState(t *testing.T) {
	b, rows := sightings(500, pipetest.Zero)
	turn := pipeline.NewTurn(pipetest.Hasher(), []*schema.Table{Table, Flows})
	s := benchVenue(t).NewShard(0)
	for range 200 {
		feed(b, rows, s, turn)
	}
	if n := testing.AllocsPerRun(100, func() { feed(b, rows, s, turn) }); n > 1 {
		t.Errorf("%v allocations a batch", n)
	}
}

func BenchmarkFold(b *testing.B) {
	batch, rows := sightings(20_000, pipetest.Zero)
	turn := pipeline.NewTurn(pipetest.Hasher(), []*schema.Table{Table, Flows})
	s := benchVenue(b).NewShard(0)
	for b.Loop() {
		feed(batch, rows, s, turn)
	}
	b.ReportMetric(float64(b.N*len(rows))/b.Elapsed().Seconds(), "events/s")
}

func TestStateIsWhole(t *testing.T) {
	pipetest.Whole(t, benchVenue(t).NewShard(0).(*shard), map[string]string{
		"op":         "configuration",
		"cfg":        "configuration",
		"grids.size": "configuration",
		"turn":       "set by each call",
		"values":     "memory of a call",
		"signals":    "memory of a call",
		"stays":      "memory of a call",
		"rows":       "memory of a call",
	})
}

// TestFrozen saves a state of many pages while it changes.
func TestFrozen(t *testing.T) {
	l := pipetest.Many(t, 2000, 4, func(i, round int) string {
		if round == 3 && i%2 == 0 {
			return fmt.Sprintf("Zone Exited store_id=s%d device_id=d%d zone_id=z2", i%9, i)
		}
		return fmt.Sprintf("Zone Entered store_id=s%d device_id=d%d zone_id=z%d", i%9, i, round%3)
	})
	pipetest.Run(t, New(configOf(t, "early: 1m"), 2, nil), l, pipetest.Options{Lag: 60_000, Step: 500, Shards: 2})
}
