package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ClickHouse/ch-go"
	"github.com/ClickHouse/ch-go/proto"

	"touchstream/deploy/dev/devtest"
)

const (
	freshRate    = 2_000 // records a second
	freshSeconds = 20
)

// BenchmarkRealFreshness measures how long after an event was due to be
// produced its row is seen in ClickHouse, with and without a state that is
// kept, at 2,000 events a second. An operation is a run of each.
func BenchmarkRealFreshness(b *testing.B) {
	brokers, addr := devtest.Kafka(b), devtest.ClickHouse(b)
	all := map[string][]float64{}
	round := 0
	for b.Loop() {
		round++
		for _, every := range []int64{1_000, 50} {
			for _, durable := range []bool{false, true} {
				name := fmt.Sprintf("off-%dms", every)
				if durable {
					name = fmt.Sprintf("on-%dms", every)
				}
				l := &livePlan{name: fmt.Sprintf("fresh%d_%d_%t", round, every, durable), brokers: brokers, addr: addr, commitEvery: every, durable: durable, operators: "sessions", disorder: 10}
				all[name] = append(all[name], l.freshness(b)...)
			}
		}
	}
	b.ReportMetric(0, "ns/op")
	for name, ms := range all {
		quantiles(b, name, ms)
	}
}

// freshness are the times in ms from when each record was due until a count of
// the table has it.
func (l *livePlan) freshness(b *testing.B) []float64 {
	b.Helper()
	l.input = l.name + ".in"
	client := newProducer(b, l.brokers, l.input, 1)
	p := l.start(b)
	awaitTrue(b, serverWait, "an empty pipeline", p.Status().Drained)
	const records = freshRate * freshSeconds
	began := make(chan time.Time, 1)
	ctx, cancel := context.WithTimeout(b.Context(), serverWait)
	defer cancel()
	go func() {
		from, _ := openLoop(ctx, client, 1, freshRate, records)
		began <- from
	}()
	type sight struct {
		at   time.Time
		rows int
	}
	var seen []sight
	server := queryServer(b, l.addr)
	defer server.Close()
	for rows := 0; rows < records; {
		var n proto.ColUInt64
		if err := server.Do(ctx, ch.Query{Body: "SELECT count() AS n FROM " + l.name + ".events", Result: proto.Results{{Name: "n", Data: &n}}}); err != nil {
			b.Fatal(err)
		}
		if now := int(n[0]); now > rows {
			rows = now
			seen = append(seen, sight{time.Now(), rows})
		}
		time.Sleep(5 * time.Millisecond)
	}
	from := <-began
	ms := make([]float64, 0, records)
	for _, s := range seen {
		for i := len(ms); i < s.rows; i++ {
			due := from.Add(time.Duration(i) * time.Second / freshRate)
			ms = append(ms, float64(s.at.Sub(due).Microseconds())/1e3)
		}
	}
	p.stop()
	l.drop(b)
	return ms
}
