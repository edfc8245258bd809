package window

import (
	"math/rand/v2"
	"testing"

	"touchstream/pipeline/pipetest"
)

// TestLittleRoom checks that a cap that is reached all the time breaks no
// revision, and that the end of time leaves nothing in memory.
func TestLittleRoom(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	reached := 0
	for round := range 120 {
		log, err := pipetest.Parse(randomLog(r, 150, 30*minute))
		if err != nil {
			t.Fatal(err)
		}
		c := []Config{{Tumbling: 5 * minute}, {Size: 15 * minute, Slide: 5 * minute}, {Size: 10 * minute, Slide: 4 * minute}, {Session: 3 * minute}}[round%4]
		c.Name, c.Aggregates, c.Key = "x", calls(), []string{"channel", "order_id"}
		c.MaxWindows, c.Emit, c.EarlyEvery = int64(1+r.IntN(12)), Mode(r.IntN(3)), 2*minute
		op, err := New(c, Env{Hasher: pipetest.Hasher(), Shards: 1, AllowedLateness: 10 * minute})
		if err != nil {
			t.Fatal(err)
		}
		res := pipetest.Run(t, op, log, pipetest.Options{Lag: minute, Step: 1 + r.IntN(20), Shards: 1})
		if res.Count.Evicted > 0 {
			reached++
		}
		for _, s := range res.Shards {
			left := base{}
			switch s := s.(type) {
			case *alignedShard:
				left = s.base
				if s.panes.Len() != 0 || s.windows.Len() != 0 {
					t.Fatalf("round %d: %d panes and %d windows are left", round, s.panes.Len(), s.windows.Len())
				}
			case *sessionShard:
				left = s.base
				if s.sessions.Len() != 0 {
					t.Fatalf("round %d: %d sessions are left", round, s.sessions.Len())
				}
			}
			if left.groups.Len() != 0 || left.store.arena.Len() != 0 {
				t.Fatalf("round %d: %d groups and %d bytes are left", round, left.groups.Len(), left.store.arena.Len())
			}
		}
	}
	if reached < 60 {
		t.Errorf("the cap was reached in %d of 120 rounds only", reached)
	}
}
