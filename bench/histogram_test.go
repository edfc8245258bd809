package bench

import (
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// halfBuckets is how many steps the upper half of a power of two has in a
// histogram: values keep three digits, as HDR histograms do.
const halfBuckets = 1 << 10

// histogram counts durations in buckets whose width grows with the value: exact
// below 2 ms, within 0.1 % above. The longest is exact.
type histogram struct {
	counts []int64
	n      int64
	max    time.Duration
}

// bucket is the place of so many µs: those below 2 × halfBuckets have one each.
func bucket(us uint64) int {
	shift := max(0, bits.Len64(us/(2*halfBuckets)))
	return shift*halfBuckets + int(us>>shift)
}

// upper is the greatest number of µs in a bucket.
func upper(i int) uint64 {
	shift := max(0, i/halfBuckets-1)
	return uint64(i-shift*halfBuckets+1)<<shift - 1
}

func (h *histogram) record(d time.Duration) {
	i := bucket(uint64(max(0, d.Microseconds())))
	if grow := i + 1 - len(h.counts); grow > 0 {
		h.counts = append(h.counts, make([]int64, grow)...)
	}
	h.counts[i]++
	h.n++
	h.max = max(h.max, d)
}

// quantile is a duration that a share of those recorded does not exceed.
func (h *histogram) quantile(share float64) time.Duration {
	left := int64(share * float64(h.n))
	for i, n := range h.counts {
		if left -= n; left < 0 {
			return min(h.max, time.Duration(upper(i))*time.Microsecond)
		}
	}
	return h.max
}

// report writes the quantiles in ms.
func (h *histogram) report(b *testing.B, name string) {
	b.Helper()
	if h.n == 0 {
		b.Fatalf("%s: nothing was measured", name)
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1e3 }
	for _, q := range []struct {
		name  string
		share float64
	}{{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}} {
		b.ReportMetric(ms(h.quantile(q.share)), name+"-"+q.name+"-ms")
	}
	b.ReportMetric(ms(h.max), name+"-max-ms")
}

// TestHistogram compares quantiles with those of the sorted samples.
func TestHistogram(t *testing.T) {
	r := rand.New(rand.NewPCG(seed, 4))
	for _, span := range []int64{1_500, 300_000, 90_000_000} {
		var h histogram
		var all []int64
		for range 20_000 {
			us := r.Int64N(span)
			h.record(time.Duration(us) * time.Microsecond)
			all = append(all, us)
		}
		slices.Sort(all)
		for _, share := range []float64{0, 0.5, 0.9, 0.99, 0.999} {
			want := all[int(share*float64(len(all)))]
			if got := h.quantile(share).Microseconds(); got < want || got > want+want/halfBuckets+1 {
				t.Errorf("%g of up to %d µs: %d, want %d", share, span, got, want)
			}
		}
		if h.max.Microseconds() != all[len(all)-1] {
			t.Errorf("max is %s, want %d µs", h.max, all[len(all)-1])
		}
	}
}
