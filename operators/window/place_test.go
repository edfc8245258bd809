package window

import (
	"math/rand/v2"
	"slices"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/pipetest"
)

// TestCountsAlone compares windows that only count, at their places, with the
// same windows whose units go to the aggregates one by one: with late events,
// in little room, and with more groups and panes than there are places.
func TestCountsAlone(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 5))
	evicted := int64(0)
	for round := range 60 {
		script := randomLog(r, 300, []int64{0, 2 * minute, 40 * minute}[round%3])
		log, err := pipetest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		c := []Config{{Tumbling: 5 * minute}, {Size: 15 * minute, Slide: 5 * minute}, {Tumbling: 1}, {Size: 10 * minute, Slide: 4 * minute}}[round%4]
		c.Name, c.Aggregates = "x", []config.Pair{{Name: "events", Value: "count()"}, {Name: "again", Value: "count()"}}
		c.Key = [][]string{{"event"}, {"event", "channel"}, {}, {"order_id"}}[r.IntN(4)]
		c.Emit, c.EarlyEvery = []Mode{OnClose, OnClose, Early, OnChange}[r.IntN(4)], 3*minute
		if r.IntN(2) == 0 {
			c.MaxWindows = int64(1 + r.IntN(12))
		}
		run := func(onlyCounts bool) *pipetest.Result {
			op, err := New(c, Env{Hasher: pipetest.Hasher(), Shards: 1, AllowedLateness: 10 * minute})
			if err != nil {
				t.Fatal(err)
			}
			if !op.plan.onlyCounts {
				t.Fatal("the windows do not count alone")
			}
			op.plan.onlyCounts = onlyCounts
			return pipetest.Run(t, op, log, pipetest.Options{Lag: minute, Step: 1 + round%20})
		}
		got, want := run(true), run(false)
		if got.Emitted() != want.Emitted() || got.Count != want.Count {
			t.Fatalf("round %d: %+v\n%s\n%s %+v\nwant\n%s %+v", round, c, script, got.Emitted(), got.Count, want.Emitted(), want.Count)
		}
		evicted += got.Count.Evicted
	}
	if evicted == 0 {
		t.Error("there was room all the time")
	}
}

// TestEventKeys compares the keys that are found by the codes of event names
// with those of the texts.
func TestEventKeys(t *testing.T) {
	log, err := pipetest.Parse(randomLog(rand.New(rand.NewPCG(13, 5)), 500, 0))
	if err != nil {
		t.Fatal(err)
	}
	op, err := New(Config{Name: "x", Tumbling: minute, Key: []string{"event"}, Aggregates: []config.Pair{{Name: "n", Value: "count()"}}},
		Env{Hasher: pipetest.Hasher(), Shards: 1})
	if err != nil {
		t.Fatal(err)
	}
	b := log.Batch(0)
	rows := make([]uint32, b.N)
	for i := range rows {
		rows[i] = uint32(i)
	}
	var byCode, byText pipeline.Units
	fast, slow := newRoute(op.plan, pipetest.Hasher()), newRoute(op.plan, pipetest.Hasher())
	if !fast.isEvent {
		t.Fatal("the key is not seen to be the event's name")
	}
	slow.isEvent = false
	for range 2 { // the second time the codes are known
		byCode.Reset()
		fast.Route(b, rows, &byCode)
	}
	slow.Route(b, rows, &byText)
	if !slices.Equal(byCode.Key, byText.Key) || !slices.Equal(byCode.Row, byText.Row) || !slices.Equal(byCode.Item, byText.Item) {
		t.Errorf("by code %v\nby text %v", byCode, byText)
	}
}
