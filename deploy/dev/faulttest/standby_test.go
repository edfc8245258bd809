package faulttest_test

import (
	"strings"
	"testing"
	"time"

	"touchstream/deploy/dev/faulttest"
	"touchstream/pipeline/killpoint"
)

// takeoverMax is how long a standby may take to be the active one: 7 s, and what
// a busy machine adds.
const takeoverMax = 30 * time.Second

// standby starts one more instance, which has to wait.
func standby(r *faulttest.Run) *faulttest.Process {
	p := r.Start("")
	p.Await("standing by", func(s faulttest.Status) bool { return s.State == "standby" })
	return p
}

// takesOver waits until a standby runs.
func takesOver(t *testing.T, p *faulttest.Process) {
	t.Helper()
	began := time.Now()
	p.Await("takeover", faulttest.Status.IsRunning)
	if d := time.Since(began); d > takeoverMax {
		t.Errorf("the standby took over after %v", d)
	}
}

// ended waits for the end of an instance that was woken when another one had
// taken over.
func ended(t *testing.T, p *faulttest.Process) {
	t.Helper()
	if code, sig := p.Wait(); code == 0 || sig != 0 || !strings.Contains(p.Log(), "another process has taken over") {
		t.Errorf("an instance that was frozen ended with code %d, signal %d:\n%s", code, sig, p.Log())
	}
}

// TestStandby has a standby take over from an instance that is killed, one that
// is frozen and wakes later, and one that is stopped for an upgrade.
func TestStandby(t *testing.T) {
	t.Parallel()
	r := faulttest.New(t, faulttest.Options{})
	first := r.Start("")
	first.Await("a running pipeline", faulttest.Status.IsRunning)
	r.Load(300)
	second := standby(r)
	first.Kill()
	takesOver(t, second)

	third := standby(r)
	second.Stop()
	takesOver(t, third)
	second.Continue()
	ended(t, second)

	fourth := standby(r)
	if code := third.Terminate(); code != 0 {
		t.Errorf("exit code %d of the instance that is replaced:\n%s", code, third.Log())
	}
	takesOver(t, fourth)
	r.Finish()
	r.Check()
}

// TestFrozenAtLabels freezes the active instance in the middle of what leaves
// the process, and wakes it when another one has gone on.
func TestFrozenAtLabels(t *testing.T) {
	long(t)
	t.Parallel()
	for i, label := range []killpoint.Label{
		killpoint.JournalBefore, killpoint.CommitBefore, killpoint.CommitAfter, killpoint.InsertBefore, killpoint.InsertAfter,
		killpoint.AcknowledgeBefore, killpoint.SnapshotBefore, killpoint.RenameBefore,
	} {
		t.Run(string(label), func(t *testing.T) {
			t.Parallel()
			r := faulttest.New(t, faulttest.Options{Seed: 30 + i})
			first := r.Start(string(label) + ":3:stop")
			r.Load(300)
			first.AwaitFrozen()
			second := r.Start("")
			takesOver(t, second)
			second.Await("news", func(s faulttest.Status) bool { return s.Records > 500 })
			first.Continue()
			ended(t, first)
			r.Finish()
			r.Check()
		})
	}
}
