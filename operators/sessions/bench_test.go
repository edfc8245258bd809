package sessions

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
)

// load is one batch of events of many devices that can be folded again and
// again, each time a gap later.
type load struct {
	b     *event.Batch
	rows  []event.Row
	turn  *pipeline.Turn
	shard pipeline.Shard
	span  int64
}

func newLoad(tb testing.TB, devices, events int) *load {
	tb.Helper()
	r := rand.New(rand.NewPCG(1, 2))
	var sb strings.Builder
	for i := range events {
		at := pipetest.FormatTime(pipetest.Zero + int64(i))
		d := r.IntN(devices)
		switch r.IntN(10) {
		case 0:
			fmt.Fprintf(&sb, "%s Product Added anonymous_id=a%d product_id=p%d quantity=1 price=9.99 currency=EUR\n", at, d, r.IntN(100))
		case 1, 2, 3:
			fmt.Fprintf(&sb, "%s Product Viewed anonymous_id=a%d product_id=p%d channel=web country=PL\n", at, d, r.IntN(100))
		default:
			fmt.Fprintf(&sb, "%s page anonymous_id=a%d page_path=/some/page/%d channel=web device_type=phone country=PL city=Gdynia\n", at, d, r.IntN(1000))
		}
	}
	l, err := pipetest.Parse(sb.String())
	if err != nil {
		tb.Fatal(err)
	}
	x := &load{b: l.Batch(0), turn: pipeline.NewTurn(pipetest.Hasher(), []*schema.Table{Table}), span: int64(events)}
	for i := range x.b.N {
		x.b.Own[i], x.b.Mark[i], x.b.Limit[i] = event.Absent, event.Absent, event.Absent
		x.rows = append(x.rows, event.RowOf(x.b, i))
	}
	x.shard = operator(tb, "1m", "gap: 1m", "new_after: 10m").NewShard(0)
	return x
}

// fold folds the batch and moves it on by its span.
func (x *load) fold() {
	x.turn.Reset()
	x.turn.Watermark = x.b.Time(0)
	x.shard.Fold(x.turn, x.rows)
	x.shard.Advance(x.turn)
	for i := range x.rows {
		x.b.Int[event.EventTime][i] += x.span
		x.rows[i].Eff += x.span
	}
}

// TestNoAllocations folds live sessions on: closing, forgetting and opening
// included, in steady state nothing is allocated.
func TestNoAllocations(t *testing.T) {
	x := newLoad(t, 500, 4000)
	for range 400 {
		x.fold()
	}
	if n := testing.AllocsPerRun(100, x.fold); n > 0 {
		t.Errorf("%g allocations per 4000 events", n)
	}
}

// BenchmarkFold is the cost of an event in a shard with the given number of
// devices; each is seen about every tenth batch.
func BenchmarkFold(b *testing.B) {
	for _, devices := range []int{1_000, 200_000} {
		b.Run(fmt.Sprintf("devices=%d", devices), func(b *testing.B) {
			x := newLoad(b, devices, 20_000)
			for range 20 {
				x.fold()
			}
			b.ResetTimer()
			for range b.N {
				x.fold()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(x.rows)), "ns/event")
			h := x.shard.(*shard)
			b.ReportMetric(float64(h.Bytes())/float64(max(1, h.alive)), "B/session")
		})
	}
}

// TestMemory keeps a session with a few pages and products within its budget.
func TestMemory(t *testing.T) {
	const devices = 60_000
	x := newLoad(t, devices, 200_000)
	x.shard = operator(t, "1h", "gap: 30m").NewShard(0)
	x.fold()
	h := x.shard.(*shard)
	perSession := float64(h.Bytes()) / float64(h.alive)
	t.Logf("%d sessions of %d events: %.0f bytes each", h.alive, len(x.rows), perSession)
	if perSession > 400 {
		t.Errorf("a session takes %.0f bytes, more than 400", perSession)
	}
}
