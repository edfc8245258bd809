package faulttest_test

import (
	"strings"
	"testing"

	"touchstream/deploy/dev/faulttest"
)

const (
	// bigLoad is more than what the memory and a spool of 16 MiB hold.
	bigLoad = 8_000
	// smallMemory makes blocks go to the spool soon.
	smallMemory = ", block: {memory_max: 1MiB}"
)

// TestWarehouseAwayForLong has ClickHouse away until the spool is full. The
// pipeline pauses, says why, and goes on; a kill meanwhile changes nothing.
func TestWarehouseAwayForLong(t *testing.T) {
	long(t)
	t.Parallel()
	r := faulttest.New(t, faulttest.Options{Customers: bigLoad, State: ", spool_max: 16MiB", Warehouse: smallMemory})
	p := r.Start("")
	p.Await("a running pipeline", faulttest.Status.IsRunning)
	must(t, r.ClickHouseProxy.Refuse())
	r.Load(2_000)
	isFull := func(s faulttest.Status) bool { return s.State == "held" && strings.Contains(s.Held, "is full") }
	p.Await("a full spool", isFull)
	p.Kill()
	p = r.Start("")
	must(t, r.ClickHouseProxy.Pass())
	p.Await("a running pipeline", faulttest.Status.IsRunning)
	r.Finish()
	r.Check()
}
