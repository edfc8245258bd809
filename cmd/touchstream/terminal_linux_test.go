package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// pseudoTerminal opens a terminal and its other end.
func pseudoTerminal(t *testing.T) (far, near *os.File) {
	t.Helper()
	far, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip("no pseudo-terminals here")
	}
	t.Cleanup(func() { far.Close() })
	if err := unix.IoctlSetPointerInt(int(far.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(int(far.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if near, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	return far, near
}

// TestTerminals has terminals that know escape sequences, and one that does not.
func TestTerminals(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, "in.jsonl", line("2026-01-01T00:00:00Z", "a"))
	path := write(t, dir, "c.yaml", plainConfig)
	for terminal, want := range map[string]bool{"xterm": true, "dumb": false} {
		far, near := pseudoTerminal(t)
		c := exec.CommandContext(t.Context(), os.Args[0], "run", "-c", path, "--until-end")
		c.Env, c.Stderr = env{"TERM": terminal, "NO_COLOR": ""}.list(), near
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		near.Close()
		text, _ := io.ReadAll(far) // it ends with an error when the near end is closed
		if err := c.Wait(); err != nil {
			t.Errorf("TERM=%s: %v\n%s", terminal, err, text)
		}
		if got := strings.Contains(string(text), "\x1b["); got != want || !strings.Contains(string(text), "summary") {
			t.Errorf("TERM=%s: escape sequences %v, want %v:\n%q", terminal, got, want, text)
		}
	}
}
