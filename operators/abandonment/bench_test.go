package abandonment

import (
	"fmt"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
)

// load is a batch of activity of people who do not leave, with carts, orders
// and forms, that can be folded again and again.
func load(tb testing.TB, people int) func() {
	tb.Helper()
	var sb strings.Builder
	for i := range 10 * people {
		at, p := pipetest.FormatTime(pipetest.Zero+int64(i)), i%people
		switch (i/people + p) % 10 {
		case 0:
			fmt.Fprintf(&sb, "%s Product Added profile=x%d product_id=p%d quantity=1 price=9.99 currency=EUR cart_id=c%d\n", at, p, i%50, p)
		case 1:
			fmt.Fprintf(&sb, "%s Order Completed profile=x%d order_id=o%d amount=5 currency=EUR channel=pos\n", at, p, i)
		case 2:
			fmt.Fprintf(&sb, "%s Form Started profile=x%d form_id=f\n", at, p)
		case 3:
			fmt.Fprintf(&sb, "%s Form Submitted profile=x%d form_id=f\n", at, p)
		case 4:
			fmt.Fprintf(&sb, "%s Checkout Started profile=x%d\n", at, p)
		default:
			fmt.Fprintf(&sb, "%s Product Viewed profile=x%d product_id=p%d\n", at, p, i%50)
		}
	}
	l, err := pipetest.Parse(sb.String())
	if err != nil {
		tb.Fatal(err)
	}
	b := l.Batch(0)
	turn := pipeline.NewTurn(pipetest.Hasher(), []*schema.Table{Table})
	turn.Origins = []event.Origin{{Source: "log"}}
	var rows []event.Row
	for i := range b.N {
		b.Own[i], b.Mark[i] = event.Absent, event.Absent
		rows = append(rows, event.RowOf(b, i))
	}
	shard := operator(tb, 1, "recovery: 10m", "cart_memory: 1h",
		"cart: {after: 1m}", "checkout: {after: 1m}", "browse: {after: 1m}", "form: {after: 1m}").NewShard(0)
	return func() {
		turn.Reset()
		turn.Watermark = b.Time(0)
		shard.Fold(turn, rows)
		shard.Advance(turn)
		for i := range rows {
			b.Int[event.EventTime][i] += int64(len(rows))
			rows[i].Eff += int64(len(rows))
		}
	}
}

// TestNoAllocations folds activity, orders and submissions: in steady state
// nothing is allocated.
func TestNoAllocations(t *testing.T) {
	fold := load(t, 300)
	for range 500 {
		fold()
	}
	if n := testing.AllocsPerRun(100, fold); n > 0 {
		t.Errorf("%g allocations per 3000 events", n)
	}
}

func BenchmarkFold(b *testing.B) {
	fold := load(b, 2000)
	for range 10 {
		fold()
	}
	b.ResetTimer()
	for range b.N {
		fold()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/20_000, "ns/event")
}
