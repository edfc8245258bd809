package main

import (
	"bufio"
	"os"
	"os/exec"
	"strings"
	"testing"

	"touchstream/deploy/dev/devtest"
)

// TestRealDemoWithoutReader closes the demo's output after a line, as head
// does: it ends, and leaves nothing in the folder of temporary files.
func TestRealDemoWithoutReader(t *testing.T) {
	devtest.ClickHouse(t) // skips where there is no engine
	dir := t.TempDir()
	c := exec.CommandContext(t.Context(), os.Args[0], "demo", "--for", "1m")
	c.Env = env{"TMPDIR": dir}.list()
	var stderr strings.Builder
	c.Stderr = &stderr
	stdout, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(stdout).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := stdout.Close(); err != nil {
		t.Fatal(err)
	}
	err = c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitFailed || !strings.Contains(stderr.String(), "demo: write /dev/stdout: broken pipe") {
		t.Errorf("exit code %d (%v), stderr:\n%s", code, err, stderr.String())
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range left {
		// The list of picked ports is one file for all processes of a user.
		if !strings.HasPrefix(entry.Name(), "touchstream-ports-") {
			t.Errorf("the demo left %s behind", entry.Name())
		}
	}
}
