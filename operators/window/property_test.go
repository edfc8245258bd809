package window

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"touchstream/pipeline/config"
	"touchstream/pipeline/pipetest"
)

const minute = 60_000

// randomLog makes a log around a gap of 10 minutes and windows of some minutes:
// with ties, events exactly at bounds and late ones.
func randomLog(r *rand.Rand, n int, disorder int64) string {
	names := []string{"page", "Product Viewed", "Product Added", "Order Completed", "Custom"}
	channels := []string{"channel=web", "channel=app", "channel=pos", ""}
	var sb strings.Builder
	at := int64(0)
	for range n {
		switch r.IntN(6) {
		case 0:
			at += int64(r.IntN(20)) * minute
		case 1:
			at += 10 * minute
		case 2:
		default:
			at += int64(r.IntN(90_000))
		}
		t := at
		if r.IntN(3) == 0 {
			t -= r.Int64N(disorder + 1)
			if r.IntN(2) == 0 {
				t -= t % minute
			}
		}
		fmt.Fprintf(&sb, "%s %s %s", pipetest.FormatTime(pipetest.Zero+max(t, 0)), names[r.IntN(len(names))], channels[r.IntN(len(channels))])
		if r.IntN(3) > 0 {
			fmt.Fprintf(&sb, " order_id=o%d", r.IntN(6))
		}
		switch r.IntN(4) {
		case 0:
			fmt.Fprintf(&sb, " amount=%d.%02d", r.IntN(50)-5, r.IntN(100))
		case 1:
			fmt.Fprintf(&sb, " items=p1:2:1.5,p2:1:%d,p3", r.IntN(9))
		}
		if r.IntN(3) == 0 {
			fmt.Fprintf(&sb, " score=%d.5", r.IntN(12)-3)
		}
		if r.IntN(2) == 0 {
			fmt.Fprintf(&sb, " message_id=m%d-%d", r.IntN(1000), sb.Len())
		}
		sb.WriteString("\n")
	}
	return sb.String()
}

func calls() []config.Pair {
	var out []config.Pair
	for _, a := range slowly {
		out = append(out, config.Pair{Name: a.name, Value: a.call})
	}
	return out
}

func TestAgainstOracle(t *testing.T) {
	shapes := []struct {
		config Config
		oracle oracle
	}{
		{Config{Tumbling: 5 * minute}, oracle{size: 5 * minute, slide: 5 * minute}},
		{Config{Size: 15 * minute, Slide: 5 * minute}, oracle{size: 15 * minute, slide: 5 * minute}},
		{Config{Size: 10 * minute, Slide: 4 * minute}, oracle{size: 10 * minute, slide: 4 * minute}},
		{Config{Session: 10 * minute}, oracle{gap: 10 * minute}},
		{Config{Session: 2 * minute}, oracle{gap: 2 * minute}},
	}
	r := rand.New(rand.NewPCG(7, 7))
	for round := range 60 {
		script := randomLog(r, 20+r.IntN(120), []int64{0, 2 * minute, 40 * minute}[round%3])
		log, err := pipetest.Parse(script)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range shapes {
			lag := []int64{0, minute, 5 * minute}[r.IntN(3)]
			c, o := s.config, s.oracle
			c.Name, c.Aggregates = "x", calls()
			c.Emit = []Mode{OnClose, Early, OnChange}[r.IntN(3)]
			c.EarlyEvery = 3 * minute
			o.lateness = []int64{0, 10 * minute}[r.IntN(2)]
			switch r.IntN(4) {
			case 0:
				c.Key, o.keys = []string{"channel"}, []string{"channel"}
			case 1:
				c.Key, o.keys, o.items = []string{"channel", "category"}, []string{"channel", "category"}, true
			case 2:
				c.Where, o.items = `price > 1 or channel == "web"`, true
				o.where = func(u *unit) bool { return u.price > 10_000 || u.channel == "web" }
			}
			op, err := New(c, Env{Hasher: pipetest.Hasher(), Shards: 4, AllowedLateness: o.lateness})
			if err != nil {
				t.Fatal(err)
			}
			want := o.rows(log.Batch(lag), op.plan.table)
			for _, run := range []pipetest.Options{{Step: 0}, {Step: 1}, {Step: 7, Shards: 4}, {Step: 1 + r.IntN(40), Shards: 3}} {
				run.Lag = lag
				res := pipetest.Run(t, op, log, run)
				o.mustEqual(t, fmt.Sprintf("round %d, shape %d, %+v, %+v\n%s", round, i, c, run, script), res.Final(), want)
				if res.Entries != 0 {
					t.Fatalf("%d windows are left at the end of time", res.Entries)
				}
			}
		}
	}
}

// TestShuffle checks that arrival within the out-of-orderness changes nothing.
func TestShuffle(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 9))
	for range 20 {
		log, err := pipetest.Parse(randomLog(r, 100, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []Config{{Tumbling: 5 * minute}, {Session: 3 * minute}, {Size: 10 * minute, Slide: 2 * minute}} {
			c.Name, c.Aggregates, c.Key = "x", calls(), []string{"channel"}
			op, err := New(c, Env{Hasher: pipetest.Hasher(), Shards: 1})
			if err != nil {
				t.Fatal(err)
			}
			want := pipetest.Run(t, op, log, pipetest.Options{Lag: minute}).Final()
			for seed := range uint64(3) {
				if got := pipetest.Run(t, op, log.Shuffle(seed, minute), pipetest.Options{Lag: minute, Step: 5}).Final(); got != want {
					t.Fatalf("shuffled:\n%s\nwant:\n%s", got, want)
				}
			}
		}
	}
}
