package faulttest

import (
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"touchstream/deploy/dev/devtest"
)

// RaceVariable builds the binary with the race detector if it is 1.
const RaceVariable = "TOUCHSTREAM_FAULTS_RACE"

var building struct {
	sync.Mutex
	path string
}

// Binary builds touchstream with the tag faults, once for all tests of this
// test binary, and returns its path.
func Binary(t testing.TB) string {
	t.Helper()
	dir := devtest.SharedDir(t, "faults")
	building.Lock()
	defer building.Unlock()
	if building.path != "" {
		return building.path
	}
	path := filepath.Join(dir, "touchstream")
	args := []string{"build", "-tags=faults", "-o", path}
	if os.Getenv(RaceVariable) == "1" {
		args = append(args, "-race")
	}
	if out, err := exec.Command("go", append(args, "touchstream/cmd/touchstream")...).CombinedOutput(); err != nil {
		t.Fatalf("go %v: %v\n%s", args, err, out)
	}
	building.path = path
	return path
}
