package bench

import (
	"slices"
	"testing"
	"time"
)

// cost is what working off a number of events took.
type cost struct {
	events    int
	wall, cpu time.Duration
}

// costs are runs of one variant; figures are medians of them.
type costs []cost

func (c costs) median(f func(cost) float64) float64 {
	values := make([]float64, 0, len(c))
	for _, x := range c {
		values = append(values, f(x))
	}
	return median(values)
}

func median(values []float64) float64 {
	slices.Sort(values)
	n := len(values)
	return (values[(n-1)/2] + values[n/2]) / 2
}

// rate is events a second of time on the clock.
func (c costs) rate() float64 {
	return c.median(func(x cost) float64 { return float64(x.events) / x.wall.Seconds() })
}

// cpu is ns of CPU time an event.
func (c costs) cpu() float64 {
	return c.median(func(x cost) float64 { return float64(x.cpu.Nanoseconds()) / float64(x.events) })
}

// report writes the figures of a variant.
func (c costs) report(b *testing.B, name string) {
	b.ReportMetric(c.rate(), name+"-events/s")
	b.ReportMetric(c.cpu(), name+"-cpu-ns/event")
}

// beside writes the throughput of a variant as a share of another one's.
func (c costs) beside(b *testing.B, base costs, name string) {
	b.ReportMetric(100*c.rate()/base.rate(), name+"-wall-%")
	b.ReportMetric(100*base.cpu()/c.cpu(), name+"-cpu-%")
}
