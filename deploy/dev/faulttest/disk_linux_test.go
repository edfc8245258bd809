package faulttest_test

import (
	"strings"
	"syscall"
	"testing"

	"touchstream/deploy/dev/faulttest"
)

// TestDiskFull has the state on a disk of a few MiB, which fills up while
// ClickHouse is away.
func TestDiskFull(t *testing.T) {
	long(t)
	t.Parallel()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=24m"); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(dir, 0)) })
	r := faulttest.New(t, faulttest.Options{Customers: bigLoad, StateDir: dir, Warehouse: smallMemory})
	p := r.Start("")
	p.Await("a running pipeline", faulttest.Status.IsRunning)
	must(t, r.ClickHouseProxy.Refuse())
	r.Load(2_000)
	p.Await("a full disk", func(s faulttest.Status) bool {
		return s.State == "held" && strings.Contains(s.Held, "no space left")
	})
	must(t, r.ClickHouseProxy.Pass())
	p.Await("a running pipeline", func(s faulttest.Status) bool { return s.State == "running" })
	// The snapshot of a stop in order needs room.
	must(t, syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT, "size=256m"))
	r.Finish()
	r.Check()
}
