package window

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"touchstream/pipeline/flat"
	"touchstream/pipeline/pipetest"
)

func TestStateIsWhole(t *testing.T) {
	others := map[string]string{
		"plan":        "configuration",
		"lateness":    "configuration",
		"limit":       "configuration",
		"store.aggs":  "configuration, and memory of a call",
		"store.at":    "configuration",
		"store.width": "configuration",
		"store.empty": "configuration",
		"store.count": "set by each call",
		"changed":     "found again from the marks when a snapshot is loaded",
		"closing":     "memory of a call",
		"expired":     "memory of a call",
		"units":       "memory of a call",
		"key":         "memory of a call",
	}
	whole := func(c Config, more map[string]string) {
		t.Helper()
		c.Name, c.Aggregates = "x", calls()
		op, err := New(c, Env{Hasher: pipetest.Hasher(), Shards: 1})
		if err != nil {
			t.Fatal(err)
		}
		all := maps.Clone(others)
		maps.Copy(all, more)
		pipetest.Whole(t, op.NewShard(0).(interface{ State(*flat.Parts) }), all)
	}
	whole(Config{Session: minute}, nil)
	whole(Config{Size: 2 * minute, Slide: minute}, map[string]string{
		"grid":   "configuration, and the pane asked for last",
		"places": "cleared by each FoldUnits",
	})
}

// TestShutStaysShut lets sessions join, which makes room for one that was given
// up before a restore: it is not opened again.
func TestShutStaysShut(t *testing.T) {
	log, err := pipetest.Parse(`
10:00 page channel=a
10:10 page channel=b
10:18 page channel=b
10:30 page channel=c
10:14 page channel=b
09:59 page channel=a
`)
	if err != nil {
		t.Fatal(err)
	}
	op, err := New(Config{Name: "x", Session: 5 * minute, Key: []string{"channel"}, Aggregates: calls(), MaxWindows: 3},
		Env{Hasher: pipetest.Hasher(), Shards: 1, AllowedLateness: 60 * minute})
	if err != nil {
		t.Fatal(err)
	}
	for step := range int64(6) {
		res := pipetest.Run(t, op, log, pipetest.Options{Lag: 60 * minute, Step: 1, Restore: step + 1})
		if got := res.Final(); res.Count.Evicted != 2 || strings.Count(got, "channel=a") != 1 {
			t.Errorf("restored after step %d: %d evicted\n%s", step+1, res.Count.Evicted, got)
		}
	}
}

// TestFrozen saves states of many pages while they change.
func TestFrozen(t *testing.T) {
	l := pipetest.Many(t, 1500, 3, func(i, round int) string {
		return fmt.Sprintf("Product Viewed channel=c%d order_id=o%d product_id=x%d amount=%d score=%d.5", i, i+round, i%7, i, round)
	})
	for _, c := range []Config{{Size: 40 * minute, Slide: 20 * minute}, {Session: 25 * minute}} {
		c.Name, c.Aggregates, c.Key, c.Emit, c.EarlyEvery = "x", calls(), []string{"channel"}, Early, 5*minute
		op, err := New(c, Env{Hasher: pipetest.Hasher(), Shards: 2, AllowedLateness: 10 * minute})
		if err != nil {
			t.Fatal(err)
		}
		pipetest.Run(t, op, l, pipetest.Options{Lag: minute, Step: 400, Shards: 2})
	}
}
