package pipeline

import (
	"flag"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

var (
	simSeed  = flag.Int64("sim.seed", -1, "run this one seed of the simulations, a hundred times")
	simSeeds = flag.Uint64("sim.seeds", 0, "run so many seeds of each simulation")
)

// simulate runs seeds on all processors, each in a time of its own. What a world
// does depends on the seed; which of two goroutines goes first at one instant
// does not, so that a seed that fails may have to be run some times.
func simulate(t *testing.T, seeds uint64, one func(t *testing.T, seed uint64)) {
	// Processes come and go, each with a state to make.
	former := debug.SetGCPercent(800)
	t.Cleanup(func() { debug.SetGCPercent(former) })
	if *simSeed >= 0 {
		for range 100 {
			synctest.Test(t, func(t *testing.T) { one(t, uint64(*simSeed)) })
		}
		return
	}
	switch {
	case *simSeeds > 0:
		seeds = *simSeeds
	case testing.Short():
		seeds /= 10
	}
	var next atomic.Uint64
	for worker := range runtime.GOMAXPROCS(0) {
		t.Run(fmt.Sprint(worker), func(p *testing.T) {
			p.Parallel()
			for seed := next.Add(1) - 1; seed < seeds && !p.Failed(); seed = next.Add(1) - 1 {
				synctest.Test(p, func(t *testing.T) { one(t, seed) })
			}
		})
	}
}
