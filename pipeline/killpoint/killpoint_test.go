package killpoint_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"touchstream/pipeline/killpoint"
)

// build builds testdata/pass.
func build(t *testing.T, flags ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pass")
	args := append(append([]string{"build"}, flags...), "-o", path, "./testdata/pass")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	return path
}

func command(path, place string) (c *exec.Cmd, stdout, stderr *bytes.Buffer) {
	c, stdout, stderr = exec.Command(path), &bytes.Buffer{}, &bytes.Buffer{}
	c.Env = append(os.Environ(), killpoint.Variable+"="+place)
	c.Stdout, c.Stderr = stdout, stderr
	return c, stdout, stderr
}

const all = "1\n2\n3\n4\n5\n"

func TestNormalBuildKillsNothing(t *testing.T) {
	path := build(t)
	for _, place := range []string{"journal.before:1", "nowhere:1"} {
		c, stdout, _ := command(path, place)
		if err := c.Run(); err != nil || stdout.String() != all {
			t.Errorf("%s: %v, stdout %q", place, err, stdout)
		}
	}
}

func TestFaultsBuild(t *testing.T) {
	path := build(t, "-tags=faults")
	for _, c := range []struct {
		place, stdout, stderr string
		killed                bool
		code                  int
	}{
		{place: "", stdout: all},
		{place: "journal.before:1", killed: true},
		{place: "journal.before:3", stdout: "1\n2\n", killed: true},
		{place: "journal.before:6", stdout: all},
		{place: "journal.after:1", stdout: all},
		{place: "journal:1", code: 2, stderr: `"journal" is no label; the labels are [fetch.before `},
		{place: "journal.before", code: 2, stderr: "label:n or label:n:stop is expected"},
		{place: "journal.before:0", code: 2, stderr: `a number from 1 is expected after the label, found "0"`},
		{place: "journal.before:1:pause", code: 2, stderr: "label:n or label:n:stop is expected"},
	} {
		cmd, stdout, stderr := command(path, c.place)
		_ = cmd.Run() // the state tells how it ended
		ended := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if killed := ended.Signaled() && ended.Signal() == syscall.SIGKILL; killed != c.killed || !killed && ended.ExitStatus() != c.code {
			t.Errorf("%q: ended with %v", c.place, cmd.ProcessState)
		}
		if stdout.String() != c.stdout || !strings.Contains(stderr.String(), c.stderr) {
			t.Errorf("%q: stdout %q, stderr %q", c.place, stdout, stderr)
		}
	}
}

func TestStopAndContinue(t *testing.T) {
	c, stdout, _ := command(build(t, "-tags=faults"), "journal.before:3:stop")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	pid := c.Process.Pid
	ended := make(chan error, 1)
	var status syscall.WaitStatus
	go func() {
		_, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil)
		ended <- err
	}()
	select {
	case err := <-ended:
		if err != nil || !status.Stopped() {
			t.Fatalf("%v, wait status %x, want a stop", err, status)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the process neither stopped nor ended")
	}
	if err := c.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil || stdout.String() != all {
		t.Errorf("%v, stdout %q", err, stdout)
	}
}

func TestLabelsDiffer(t *testing.T) {
	seen := map[killpoint.Label]bool{}
	for _, l := range killpoint.Labels() {
		if seen[l] || strings.Contains(string(l), ":") {
			t.Errorf("label %q is given twice or holds a colon", l)
		}
		seen[l] = true
	}
	if len(seen) != 16 {
		t.Errorf("%d labels", len(seen))
	}
}
