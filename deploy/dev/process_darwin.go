package dev

import (
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
)

func selfPath() (string, error) { return os.Executable() }

// processAttr keeps a part out of the terminal's process group, so that Ctrl-C
// reaches this process alone, which then stops its parts in order. There is no
// parent-death signal here.
func processAttr(detached bool) *syscall.SysProcAttr {
	if detached {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true}
}

// processIdentity tells apart two processes that had the same id, by when they
// started. It is empty if no such process runs.
func processIdentity(pid int) string {
	out, err := exec.Command("ps", "-o", "state=,lstart=", "-p", strconv.Itoa(pid)).Output()
	if err != nil {
		return ""
	}
	state, start, _ := strings.Cut(strings.TrimSpace(string(out)), " ")
	if strings.HasPrefix(state, "Z") {
		return ""
	}
	return strings.TrimSpace(start)
}
