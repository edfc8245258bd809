package bench

import (
	"errors"
	"fmt"
	"math/bits"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"touchstream/pipeline"
	"touchstream/pipeline/snapshot"
	"touchstream/sources/generator"
)

const (
	// visitRecords is what each visitor leaves before the measurement.
	visitRecords = 2
	// visitSpan is the event time of that: shorter than the gap of a session, so
	// that all stay open.
	visitSpan = 20 * 60_000
	// liveRate is the load beside a snapshot, records a second.
	liveRate = 20_000
	// liveStep bounds a step of that, so that one takes a few ms.
	liveStep = 1_024
	// liveSnapshot is how long the load goes on before a snapshot, ms.
	liveSnapshot = 4_000
	// replayRecords lie in the journal behind the snapshot.
	replayRecords = 2 * liveRate
	// bytesPerSession is about the memory that a session needs here, twice over.
	bytesPerSession = 1_300
)

// recoveryRuns are the live sessions of BenchmarkRecovery and the operators.
var recoveryRuns = []struct {
	set      string
	sessions int
}{
	{"sessions", 1_000_000},
	{"all", 1_000_000},
	{"sessions", 10_000_000},
}

// BenchmarkRecovery keeps a state of so many live sessions and starts again:
// from the snapshot of a stop in order, then, after a snapshot beside 20,000
// records a second and 2 s of records more, as if killed, with a replay. An
// operation is all of that.
func BenchmarkRecovery(b *testing.B) {
	for _, run := range recoveryRuns {
		b.Run(fmt.Sprintf("%s/%d", run.set, run.sessions), func(b *testing.B) {
			if free := freeMemory(b); free < int64(run.sessions)*bytesPerSession {
				b.Skipf("%d sessions need about %d MB, %d MB are free", run.sessions, run.sessions*bytesPerSession>>20, free>>20)
			}
			sessions := run.sessions
			if testing.Short() {
				sessions /= 20
			}
			for b.Loop() {
				benchmarkRecovery(b, run.set, sessions)
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

func benchmarkRecovery(b *testing.B, set string, sessions int) {
	dir, killed := b.TempDir(), b.TempDir()
	end := int64(visitRecords * sessions)

	r := newRestart(b, set, sessions, dir, false)
	r.source.allow(end)
	r.await(end)
	entries := r.Status().Operator("sessions")
	if n := entries.Entries.Load(); n < int64(sessions) {
		b.Fatalf("%d entries of sessions, want %d or more", n, sessions)
	}
	b.ReportMetric(float64(entries.Bytes.Load())/1e6, "sessions-MB")
	r.stop()
	b.ReportMetric(float64(r.Status().SnapshotMicros.Load())/1e6, "stop-snapshot-s")
	b.ReportMetric(float64(newestSnapshot(b, dir))/1e6, "snapshot-MB")

	r = newRestart(b, set, sessions, dir, true)
	b.ReportMetric(r.untilLive(end+1).Seconds(), "start-s")
	b.ReportMetric((processCPU(b) - r.beganCPU).Seconds(), "start-cpu-s")
	r.besideSnapshot(end + 1)
	end = r.source.end.Load() + replayRecords
	r.pace(r.source.end.Load(), end, func() bool { return r.source.end.Load() >= end })
	r.await(end)
	linkState(b, dir, killed)
	r.stop()

	r = newRestart(b, set, sessions, killed, true)
	b.ReportMetric(r.untilLive(end+1).Seconds(), "kill-start-s")
	b.ReportMetric((processCPU(b) - r.beganCPU).Seconds(), "kill-start-cpu-s")
	b.ReportMetric(r.loaded.Sub(r.began).Seconds(), "kill-load-s")
	b.ReportMetric(float64(r.Status().ReplayRecords.Load()), "replay-records")
	r.stop()
}

// restart is a pipeline over the visits, with a state that is kept.
type restart struct {
	*started
	source        *indexed
	began, loaded time.Time
	beganCPU      time.Duration

	mu    sync.Mutex
	steps []folding
}

// folding is when a step was folded.
type folding struct {
	at   time.Time
	took time.Duration
}

func newRestart(b *testing.B, set string, sessions int, dir string, live bool) *restart {
	b.Helper()
	r := &restart{source: newIndexed(visits(sessions))}
	cfg := newPipeline(b, "web", set, r.source)
	cfg.Sinks[0].Tables = append(cfg.Sinks[0].Tables, pipeline.Events)
	cfg.DedupEntries = 4 * sessions
	every := int64(3_600_000)
	if live {
		cfg.MaxRecords, every = liveStep, liveSnapshot
	}
	keepIn(b, &cfg, dir, every)
	debug.FreeOSMemory()
	r.began, r.beganCPU = time.Now(), processCPU(b)
	r.started = startPipeline(b, &cfg, r.note)
	return r
}

func (r *restart) note(s pipeline.StepInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.steps = append(r.steps, folding{time.Now(), time.Duration(s.Seconds * float64(time.Second))})
}

// await waits until the records are folded and committed.
func (r *restart) await(records int64) {
	r.tb.Helper()
	awaitTrue(r.tb, 20*time.Minute, "the last commit", func() bool { return r.Status().Records.Load() >= records && r.Status().Drained() })
}

// untilLive gives a record more and is how long it takes from the start until
// it is folded.
func (r *restart) untilLive(records int64) time.Duration {
	r.tb.Helper()
	r.source.allow(records)
	awaitTrue(r.tb, 5*time.Minute, "the state", func() bool {
		state, _ := r.Status().State()
		return state == pipeline.Running
	})
	r.loaded = time.Now()
	var folded time.Time
	awaitTrue(r.tb, 5*time.Minute, "the first new record", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.steps) == 0 || r.Status().Records.Load() < records {
			return false
		}
		folded = r.steps[len(r.steps)-1].at
		return true
	})
	return folded.Sub(r.began)
}

// pace allows records at liveRate until done or the end, 0 for none.
func (r *restart) pace(from, end int64, done func() bool) {
	began := time.Now()
	for !done() {
		time.Sleep(time.Millisecond)
		next := from + int64(time.Since(began).Seconds()*liveRate)
		if end > 0 {
			next = min(next, end)
		}
		r.source.allow(next)
	}
}

// besideSnapshot keeps up a load until a snapshot is written and reports how
// long folding stood still and how long steps were, beside it and before.
func (r *restart) besideSnapshot(from int64) {
	status := r.Status()
	former := status.SnapshotAt.Load()
	loadFrom := time.Now()
	r.pace(from, 0, func() bool { return status.SnapshotAt.Load() != former })
	written := time.Now()
	took := time.Duration(status.SnapshotMicros.Load()) * time.Microsecond
	b := r.tb.(*testing.B)
	b.ReportMetric(float64(status.SnapshotPause.Load())/1e3, "pause-ms")
	b.ReportMetric(took.Seconds(), "live-snapshot-s")
	r.mu.Lock()
	defer r.mu.Unlock()
	var before, beside []float64
	warm := loadFrom.Add(time.Second)
	for _, s := range r.steps {
		ms := float64(s.took.Microseconds()) / 1e3
		switch {
		case s.at.Before(warm):
		case s.at.Before(written.Add(-took)):
			before = append(before, ms)
		case s.at.Before(written):
			beside = append(beside, ms)
		}
	}
	for name, list := range map[string][]float64{"before": before, "beside": beside} {
		if len(list) == 0 {
			continue
		}
		slices.Sort(list)
		b.ReportMetric(list[len(list)/2], "step-"+name+"-p50-ms")
		b.ReportMetric(list[len(list)*99/100], "step-"+name+"-p99-ms")
		b.ReportMetric(list[len(list)-1], "step-"+name+"-max-ms")
	}
}

// visits makes records of visitors: in rounds at first, then at random.
func visits(visitors int) func(i int64) ([]byte, int64) {
	var v []byte
	return func(i int64) ([]byte, int64) {
		at := generator.DefaultStart + i*visitSpan/int64(visitRecords*visitors)
		visitor := uint64(i) % uint64(visitors)
		if i >= int64(visitRecords*visitors) {
			at = generator.DefaultStart + visitSpan + (i-int64(visitRecords*visitors))/(liveRate/1000)
			visitor, _ = bits.Mul64(uint64(i)*0x9e3779b97f4a7c15, uint64(visitors))
		}
		v = append(v[:0], `{"type":"track","event":"Product Viewed","messageId":"m`...)
		v = strconv.AppendInt(v, i, 10)
		v = append(v, `","timestamp":"`...)
		v = time.UnixMilli(at).UTC().AppendFormat(v, "2006-01-02T15:04:05.000Z")
		v = append(v, `","anonymousId":"visitor-`...)
		v = strconv.AppendUint(v, visitor, 10)
		v = append(v, `","properties":{"channel":"web","product_id":"P-`...)
		v = strconv.AppendUint(v, visitor%500, 10)
		v = append(v, `","price":19.99,"quantity":1,"currency":"PLN"},"context":{"page":{"path":"/p/`...)
		v = strconv.AppendUint(v, visitor%500, 10)
		return append(v, `"}}}`...), at
	}
}

// newestSnapshot is the size of the newest snapshot, in bytes.
func newestSnapshot(tb testing.TB, dir string) int64 {
	tb.Helper()
	files, err := snapshot.List(filepath.Join(dir, "snapshots"))
	if err != nil || len(files) == 0 {
		tb.Fatalf("no snapshot: %v", err)
	}
	info, err := os.Stat(files[0].Path)
	if err != nil {
		tb.Fatal(err)
	}
	return info.Size()
}

// linkState gives a folder the files of a state as they are now: snapshots,
// which never change, by links.
func linkState(tb testing.TB, from, to string) {
	tb.Helper()
	var faults []error
	journals, err := filepath.Glob(filepath.Join(from, "journal-*.log"))
	faults = append(faults, err)
	for _, path := range append(journals, filepath.Join(from, "generation")) {
		text, err := os.ReadFile(path)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		faults = append(faults, err, os.WriteFile(filepath.Join(to, filepath.Base(path)), text, 0o600))
	}
	snapshots, err := filepath.Glob(filepath.Join(from, "snapshots", "*.snap"))
	faults = append(faults, err, os.Mkdir(filepath.Join(to, "snapshots"), 0o755))
	for _, path := range snapshots {
		faults = append(faults, os.Link(path, filepath.Join(to, "snapshots", filepath.Base(path))))
	}
	if err := errors.Join(faults...); err != nil {
		tb.Fatal(err)
	}
}

// freeMemory is what the machine has left, in bytes; without /proc more than
// anybody needs.
func freeMemory(tb testing.TB) int64 {
	tb.Helper()
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 1 << 60
	}
	var kb int64
	for line := range strings.Lines(string(text)) {
		if _, err := fmt.Sscanf(line, "MemAvailable: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 1 << 60
}
