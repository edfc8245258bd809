package faulttest_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"touchstream/deploy/dev/faulttest"
)

// server is what can be killed and started again.
type server interface {
	Kill() error
	Restart(t *testing.T)
}

type clickHouse struct{ *faulttest.Run }

func (s clickHouse) Kill() error          { return s.ClickHouse.Kill() }
func (s clickHouse) Restart(t *testing.T) { must(t, s.ClickHouse.Restart(t.Context())) }

type broker struct{ *faulttest.Run }

func (s broker) Kill() error          { return s.Kafka.Kill() }
func (s broker) Restart(t *testing.T) { must(t, s.Kafka.Restart(t.Context())) }

// TestRandomKills kills the pipeline, its servers, or both at once, under load,
// whatever they are doing.
func TestRandomKills(t *testing.T) {
	t.Parallel()
	kills, days, perSecond := 6, 1, 250
	if isAll() {
		kills, days, perSecond = 50, 3, 80
	}
	r := faulttest.New(t, faulttest.Options{Days: days})
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	r.Load(perSecond)
	p := r.Start("")
	for kill := range kills {
		if random.IntN(4) > 0 {
			p.Await("a running pipeline", faulttest.Status.IsRunning)
		}
		time.Sleep(time.Duration(random.Int64N(int64(2500 * time.Millisecond)))) // when the kill comes
		if !p.Running() {
			t.Fatalf("the pipeline has ended by itself before kill %d:\n%s", kill, p.Log())
		}
		if !r.Loading() {
			t.Fatalf("the load was over before kill %d", kill)
		}
		var victim server
		isPipelineKilled := true
		switch kill % 5 {
		case 1:
			victim = clickHouse{r}
		case 2:
			victim = broker{r}
		case 3:
			victim, isPipelineKilled = clickHouse{r}, false
		case 4:
			victim, isPipelineKilled = broker{r}, false
		}
		if victim != nil {
			must(t, victim.Kill())
		}
		if isPipelineKilled {
			p.Kill()
			p = r.Start("")
		}
		if victim != nil {
			time.Sleep(time.Duration(random.Int64N(int64(2 * time.Second)))) // how long the server is away
			victim.Restart(t)
		}
	}
	r.Finish()
	r.Check()
}
