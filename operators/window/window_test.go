package window

import (
	"fmt"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
)

func TestTakes(t *testing.T) {
	f := func(window string, late string, mark string, want bool) {
		t.Helper()
		op, err := read(window, 10*minute)
		if err != nil {
			t.Fatal(err)
		}
		log, err := pipetest.Parse(late)
		if err != nil {
			t.Fatal(err)
		}
		b := log.Batch(0)
		if b.Mark[0], err = pipetest.ParseTime(mark); err != nil {
			t.Fatal(err)
		}
		b.Limit[0] = b.Mark[0]
		if got := op.Takes(b, 0); got != want {
			t.Errorf("%s takes %s at %s: %v, want %v", window, late, mark, got, want)
		}
	}
	const tumbling = `{tumbling: 5m, where: channel == "web", aggregate: {n: count()}}`
	f(tumbling, "10:01 page channel=web", "10:15", true)
	f(tumbling, "10:01 page channel=web", "10:15:00.001", false)
	f(tumbling, "10:01 page channel=app", "10:15", false)
	const sliding = `{sliding: {size: 10m, slide: 5m}, aggregate: {n: count()}}`
	f(sliding, "10:01 page", "10:20", true)
	f(sliding, "10:01 page", "10:20:00.001", false)
	const session = `{session: 5m, aggregate: {n: count()}}`
	f(session, "10:01 page", "10:16", true)
	f(session, "10:01 page", "10:16:00.001", false)
	const items = `{tumbling: 5m, where: price > 5, aggregate: {n: count()}}`
	f(items, "10:01 page items=a:1:4,b:1:6", "10:06", true)
	f(items, "10:01 page items=a:1:4,b:1:5", "10:06", false)
}

func TestWants(t *testing.T) {
	op, err := read(`{tumbling: 5m, key: [channel, 'attributes["a"]'], where: 'attributes["b"] == "1"', aggregate: {n: count(), f: first(campaign), r: sum(amount)}}`, 0)
	if err != nil {
		t.Fatal(err)
	}
	want := event.SetOf(event.Channel, event.Campaign, event.MessageID, event.Amount, event.Price, event.Quantity)
	if got := op.Spec().Needs; got.Columns != want || strings.Join(got.Attrs, ",") != "a,b" || op.plan.items {
		t.Errorf("needs %+v, over items %v", got, op.plan.items)
	}
}

// busy makes a batch of n rows in one minute with a few channels.
func busy(n int) (*event.Batch, []uint32) {
	b := event.NewBatch(event.Want{Columns: event.SetOf(event.Channel, event.Amount, event.Campaign)})
	var names []event.Str
	for i := range 8 {
		names = append(names, b.Put(fmt.Appendf(nil, "channel %d", i)))
	}
	rows := make([]uint32, n)
	for i := range n {
		r := b.Add()
		rows[i] = uint32(r)
		b.Int[event.EventTime][r] = pipetest.Zero + int64(i)%minute
		b.Mark[r], b.Limit[r] = event.Absent, event.Absent
		b.Str[event.Channel][r] = names[i%len(names)]
		b.Int[event.Amount][r] = int64(i)
		b.Name[r] = event.OrderCompleted
		b.Head[r].Flags = event.IsPositional
	}
	return b, rows
}

func TestNoAllocations(t *testing.T) {
	for _, text := range []string{
		`{tumbling: 1m, key: [channel], where: amount >= 0, aggregate: {n: count(), s: sum(amount), a: avg(amount), d: stddev(amount), lo: min(amount), u: uniq(channel), x: uniq_exact(amount), q: "quantile(amount, 0.9)", t: "top(channel, 2)", f: first(channel), l: last(amount)}}`,
		`{sliding: {size: 1m, slide: 10s}, key: [channel], aggregate: {n: count(), s: sum(amount)}}`,
		`{session: 1m, key: [channel], aggregate: {n: count(), s: sum(amount)}}`,
	} {
		op, err := read(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		b, rows := busy(1000)
		route, shard := op.NewRoute(), op.NewShard(0).(pipeline.UnitShard)
		turn := pipeline.NewTurn(pipetest.Hasher(), op.Spec().Tables)
		turn.Before, turn.Watermark = event.Absent, event.Absent
		var u pipeline.Units
		step := func() {
			u.Reset()
			route.Route(b, rows, &u)
			shard.FoldUnits(turn, b, &u)
			shard.Advance(turn)
		}
		step()
		if n := testing.AllocsPerRun(20, step); n != 0 {
			t.Errorf("%s: %v allocations in a step, want none", text, n)
		}
	}
}

func BenchmarkFold(b *testing.B) {
	for _, text := range []string{
		`{tumbling: 1m, key: [channel], aggregate: {n: count()}}`,
		`{tumbling: 1m, key: [channel], aggregate: {n: count(), s: sum(amount), m: max(amount)}}`,
		`{tumbling: 1m, key: [channel], where: event == "Order Completed", aggregate: {u: uniq(amount)}}`,
		`{session: 1m, key: [channel], aggregate: {n: count()}}`,
	} {
		b.Run(text, func(b *testing.B) {
			op, err := read(text, 0)
			if err != nil {
				b.Fatal(err)
			}
			batch, rows := busy(65536)
			route, shard := op.NewRoute(), op.NewShard(0).(pipeline.UnitShard)
			turn := pipeline.NewTurn(pipetest.Hasher(), op.Spec().Tables)
			turn.Before, turn.Watermark = event.Absent, event.Absent
			var u pipeline.Units
			for b.Loop() {
				u.Reset()
				route.Route(batch, rows, &u)
				shard.FoldUnits(turn, batch, &u)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
		})
	}
}

func FuzzParseCall(f *testing.F) {
	for _, seed := range []string{"count()", "sum(amount)", `quantile(price, 0.95)`, `top(attributes["a,)"], 3)`, "quantile(price, 1e999999999)", "sum(", "(", "top(query, NaN)"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := parseCall(text); err == nil {
			functions()[c.function].build(c, &feed{operand: c.operand}).column()
		}
	})
}
