package bench

import (
	"runtime"
	"syscall"
	"testing"
	"time"
)

// meter adds up what the measured stretches of a benchmark took: wall time,
// CPU time of all threads of this process, and allocations. The benchmark's
// timer runs exactly while the meter does.
type meter struct {
	b          *testing.B
	wall, cpu  time.Duration
	allocs     uint64
	allocBytes uint64
	events     int

	from    time.Time
	fromCPU time.Duration
	mem     runtime.MemStats
}

func newMeter(b *testing.B) *meter { return &meter{b: b} }

// start begins a stretch.
func (m *meter) start() {
	runtime.ReadMemStats(&m.mem)
	m.allocs -= m.mem.Mallocs
	m.allocBytes -= m.mem.TotalAlloc
	m.b.StartTimer()
	m.fromCPU, m.from = processCPU(m.b), time.Now()
}

// stop ends a stretch in which so many events were worked off.
func (m *meter) stop(events int) {
	m.wall += time.Since(m.from)
	m.cpu += processCPU(m.b) - m.fromCPU
	m.b.StopTimer()
	runtime.ReadMemStats(&m.mem)
	m.allocs += m.mem.Mallocs
	m.allocBytes += m.mem.TotalAlloc
	m.events += events
}

// report writes the figures: events a second of wall time, events a second of
// CPU time (one core kept busy), CPU time and allocations an event.
func (m *meter) report(unit string) {
	n := float64(m.events)
	m.b.ReportMetric(0, "ns/op")
	m.b.ReportMetric(n/m.wall.Seconds(), unit+"s/s")
	m.b.ReportMetric(n/m.cpu.Seconds(), unit+"s/core-s")
	m.b.ReportMetric(float64(m.cpu.Nanoseconds())/n, "cpu-ns/"+unit)
	m.b.ReportMetric(float64(m.allocs)/n, "allocs/"+unit)
	m.b.ReportMetric(float64(m.allocBytes)/n, "alloc-B/"+unit)
}

// processCPU is the CPU time that this process has used so far, in user and
// system mode.
func processCPU(tb testing.TB) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// liveHeap is the memory that is in use once the garbage is gone.
func liveHeap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}
