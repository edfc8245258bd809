package pipeline

import (
	"context"
	"testing"
	"time"
)

// drained runs a process until it says that all is delivered, gives the
// watermark and the size of the state that it shows, and kills or stops the
// process.
func (w *world) drained(isKilled bool) (watermark, entries int64) {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	defer cancel()
	x := w.start(0)
	cfg := x.config(false)
	cfg.SnapshotEvery = time.Hour.Milliseconds()
	p, ended := New(cfg), make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	for began := time.Now(); !p.Status().Drained(); time.Sleep(time.Millisecond) {
		if time.Since(began) > 20*time.Second {
			w.t.Fatal("the pipeline does not say that all is delivered")
		}
	}
	watermark = p.Status().Watermark.Load()
	p.Status().Operators(func(_ string, c *OperatorCounts) { entries += c.Entries.Load() })
	w.mu.Lock()
	x.dead = isKilled
	w.mu.Unlock()
	cancel()
	if err := <-ended; err != nil && !isKilled {
		w.t.Error(err)
	}
	return watermark, entries
}

// TestRestartWithoutNewsShowsWhatWasBefore: a process that has nothing but a
// replay, or not even that, says what the one before said.
func TestRestartWithoutNewsShowsWhatWasBefore(t *testing.T) {
	w := newWorld(t, 1)
	first, size := w.drained(true)
	replayed, again := w.drained(false)
	resumed, loaded := w.drained(true)
	if first == beginOfTime || replayed != first || resumed != first {
		t.Errorf("watermark %d, after a replay %d, after a stop %d", first, replayed, resumed)
	}
	if size == 0 || again != size || loaded != size {
		t.Errorf("%d entries, after a replay %d, after a stop %d", size, again, loaded)
	}
}

// TestStopOfAStart: a start that is broken off by a stop is no failure when a
// state is kept.
func TestStopOfAStart(t *testing.T) {
	w := newWorld(t, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cfg := w.start(0).config(false)
	cfg.Sources[0].Source = &silentSource{stop: cancel}
	if err := New(cfg).Run(ctx); err != nil {
		t.Error(err)
	}
	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	if err := New(w.start(0).config(false)).Run(ctx); err != nil {
		t.Error(err)
	}
}
