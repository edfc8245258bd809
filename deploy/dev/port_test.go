package dev

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// pickerVariable makes the test below a process of its own that tries to pick
// the port that it names.
const pickerVariable = "TOUCHSTREAM_DEV_TEST_PORT"

// TestPortsStayPicked has a port that nobody listens on any more: it stays with
// the process that picked it, for the part's next start.
func TestPortsStayPicked(t *testing.T) {
	var other int
	if _, err := fmt.Sscan(os.Getenv(pickerVariable), &other); err == nil {
		if ports, err := freePortsOf(other, other, 1); err == nil {
			t.Errorf("picked %d", ports)
		}
		return
	}
	ports, err := freePorts(1)
	if err != nil {
		t.Fatal(err)
	}
	port := ports[0]
	if !portsFree(ports) {
		t.Fatalf("somebody listens on port %d", port)
	}
	if again, err := freePortsOf(port, port, 1); err == nil {
		t.Errorf("this process picked %d twice", again)
	}
	self, err := selfPath()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(self, "-test.run=^TestPortsStayPicked$", "-test.v")
	c.Env = append(os.Environ(), fmt.Sprintf("%s=%d", pickerVariable, port))
	if out, err := c.CombinedOutput(); err != nil {
		t.Errorf("another process picked it as well: %v\n%s", err, out)
	}
}
