package faulttest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// lives are the processes of a scenario, and the folder with their
// configurations and logs.
type lives struct {
	t       testing.TB
	binary  string
	dir     string
	process *Process // the last one started
	starts  int
	peakRSS int64
}

func newLives(t testing.TB) lives {
	t.Helper()
	return lives{t: t, binary: Binary(t), dir: t.TempDir()}
}

// start starts the pipeline; told is called with what it says of itself.
func (l *lives) start(place string, c configuration, told func(Status)) *Process {
	l.t.Helper()
	l.note()
	l.starts++
	p := startProcess(l.t, filepath.Join(l.dir, fmt.Sprintf("pipeline-%d.log", l.starts)),
		[]string{"TOUCHSTREAM_KILL=" + place}, told, l.binary, "run", "-c", l.write(c))
	l.process = p
	l.t.Cleanup(func() {
		if l.t.Failed() {
			l.t.Logf("log of start %s:\n%.20000s", filepath.Base(p.log), p.Log())
		}
	})
	return p
}

// note keeps how much memory the last process had.
func (l *lives) note() {
	if l.process != nil {
		l.peakRSS = max(l.peakRSS, l.process.PeakRSS())
	}
}

// write writes a configuration and returns its path.
func (l *lives) write(c configuration) string {
	l.t.Helper()
	path := filepath.Join(l.dir, c.Name+".yaml")
	if err := os.WriteFile(path, []byte(c.text()), 0o644); err != nil {
		l.t.Fatal(err)
	}
	return path
}

// makeVenue writes the venue file that all worlds share.
func (l *lives) makeVenue() {
	l.t.Helper()
	l.command("generate", "--customers", "1", "--days", "1", "--dir", filepath.Join(l.dir, "world"), "--venue", filepath.Join(l.dir, "venue.yaml"))
}

// command runs the binary to its end, which must be a good one.
func (l *lives) command(args ...string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), waitMax)
	defer cancel()
	// #nosec G204 -- the binary under test
	if out, err := exec.CommandContext(ctx, l.binary, args...).CombinedOutput(); err != nil {
		l.t.Fatalf("touchstream %v: %v\n%s", args, err, out)
	}
}
