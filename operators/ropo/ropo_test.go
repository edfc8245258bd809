package ropo

import (
	"fmt"
	"strings"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
)

const venueText = `
stores:
  - id: s1
    zones:
      - {id: shoes, categories: [c0, c1]}
      - {id: hats, categories: [c2]}
      - {id: hall}
      - {id: fitting, kind: fitting_room}
`

// operator makes an operator from configuration keys such as "touches: 64".
func operator(t testing.TB, keys ...string) *Operator {
	t.Helper()
	f, err := config.Parse("test.yaml", []byte("{"+strings.Join(keys, ", ")+"}"), nil)
	if err != nil {
		t.Fatal(err)
	}
	var cfg Config
	if err := f.Read(&cfg); err != nil {
		t.Fatal(err)
	}
	v, err := venue.Parse("venue.yaml", []byte(venueText), nil)
	if err != nil {
		t.Fatal(err)
	}
	return New(cfg, 1, v)
}

// TestData runs the scripts, each at once, event by event, in threes, and over
// four shards. The watermark follows 10 s behind.
func TestData(t *testing.T) {
	pipetest.Data(t, "testdata/*.txt", func(t *testing.T, c *pipetest.Case) string {
		var keys []string
		loose := false
		for k, v := range c.Options {
			if k == "two_know_one_order" {
				loose = true
				continue
			}
			keys = append(keys, k+": "+v)
		}
		l, err := pipetest.Parse(c.Script)
		if err != nil {
			t.Fatal(err)
		}
		run := func(step, shards int) *pipetest.Result {
			return pipetest.Run(t, operator(t, keys...), l, pipetest.Options{Lag: 10_000, Step: step, Shards: shards, Loose: loose})
		}
		all := run(0, 1)
		for _, step := range []int{1, 3} {
			if one := run(step, 1).Emitted(); one != all.Emitted() {
				t.Errorf("steps of %d:\n%s all at once:\n%s", step, one, all.Emitted())
			}
		}
		if four := run(2, 4).Final(); four != all.Final() {
			t.Errorf("four shards:\n%s one:\n%s", four, all.Final())
		}
		if all.Entries != 0 {
			t.Errorf("%d entries are left at the end of time", all.Entries)
		}
		return all.Emitted()
	})
}

// TestOrdersOfOneProfileAreBounded buys more than is remembered, each order
// looked up again for its refund.
func TestOrdersOfOneProfileAreBounded(t *testing.T) {
	var sb strings.Builder
	for i := range ordersMax + 10 {
		at := pipetest.FormatTime(pipetest.Zero + int64(i)*1000)
		fmt.Fprintf(&sb, "%s Order Completed profile=till order_id=o%d amount=1 channel=pos\n%s Order Cancelled profile=till order_id=o%d\n", at, i, at, i)
	}
	l, err := pipetest.Parse(sb.String())
	if err != nil {
		t.Fatal(err)
	}
	res := pipetest.Run(t, operator(t), l, pipetest.Options{Step: 1000})
	if n := strings.Count(res.Final(), "is_refunded=true"); n != ordersMax+10 || res.Count.Evicted != 10 {
		t.Errorf("%d orders refunded, %d evicted", n, res.Count.Evicted)
	}
}

// steady is a log of views and orders of people who are known already.
func steady(tb testing.TB, people int) *event.Batch {
	tb.Helper()
	var sb strings.Builder
	for i := range 20 * people {
		at, who := pipetest.FormatTime(pipetest.Zero+int64(i)*1000), i%people
		fmt.Fprintf(&sb, "%s Product Viewed profile=u%d product_id=p%d category=c%d channel=web campaign=x message_id=m%06d\n", at, who, i%50, i%7, i)
		if i%10 == 9 {
			fmt.Fprintf(&sb, "%s Order Completed profile=u%d order_id=o%d items=p1:1:10,p2:2:20 channel=pos message_id=n%06d\n", at, who, who, i)
		}
	}
	l, err := pipetest.Parse(sb.String())
	if err != nil {
		tb.Fatal(err)
	}
	return l.Batch(0)
}

// ready gives a shard that has folded nothing yet, a turn for it, and the rows of
// a batch.
func ready(tb testing.TB, b *event.Batch, keys ...string) (*shard, *pipeline.Turn, []event.Row) {
	turn := pipeline.NewTurn(pipetest.Hasher(), []*schema.Table{Table})
	turn.Origins = []event.Origin{{Source: "log"}}
	rows := make([]event.Row, b.N)
	for i := range rows {
		rows[i] = event.RowOf(b, i)
	}
	return operator(tb, keys...).NewShard(0).(*shard), turn, rows
}

// TestSteadyStateDoesNotAllocate folds touches into full memories and order
// events of known orders.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	s, turn, rows := ready(t, steady(t, 20), "touches: 8")
	s.Fold(turn, rows)
	n := testing.AllocsPerRun(10, func() {
		turn.Reset()
		s.Fold(turn, rows)
	})
	if n != 0 {
		t.Errorf("%v allocations in %d rows", n, len(rows))
	}
}

func BenchmarkFold(b *testing.B) {
	s, turn, rows := ready(b, steady(b, 2000))
	b.ReportAllocs()
	for b.Loop() {
		turn.Reset()
		s.Fold(turn, rows)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/event")
	b.ReportMetric(float64(s.Bytes())/float64(s.Entries()), "B/profile")
}
