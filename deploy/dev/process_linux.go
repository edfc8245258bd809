package dev

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// selfPath starts this very binary, even if its file has been replaced.
func selfPath() (string, error) { return "/proc/self/exe", nil }

// processAttr keeps a part out of the terminal's process group, so that Ctrl-C
// reaches this process alone, which then stops its parts in order.
func processAttr(detached bool) *syscall.SysProcAttr {
	if detached {
		return &syscall.SysProcAttr{Setsid: true}
	}
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// processIdentity tells apart two processes that had the same id: the boot of
// the machine and the start of the process in ticks since. It is empty if no
// such process runs.
func processIdentity(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the program's name in parentheses and may hold
	// anything; what follows starts with the third, the state.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 20 || fields[0] == "X" {
		return ""
	}
	// A process whose first thread has ended still holds its ports and files
	// until its last thread has.
	if threads := fields[17]; fields[0] == "Z" && (threads == "0" || threads == "1") {
		return ""
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(boot)) + "/" + fields[19]
}
