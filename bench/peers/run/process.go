package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// cost is what a process took for its work.
type cost struct {
	cpu, wall time.Duration
	peak      int64 // largest resident memory of the process, bytes
}

// pass is the line of JSON that a peer prints for each pass over its input.
type pass struct {
	Pass        int     `json:"pass"`
	CPUSeconds  float64 `json:"cpu_seconds"`
	WallSeconds float64 `json:"wall_seconds"`
}

const tailBytes = 2000

// execute runs a process to its end. The cost is that of its last pass; of a
// process that prints none it is that of all of it.
func execute(ctx context.Context, name string, args ...string) (cost, error) {
	// #nosec G204 -- what is run is this command's own list
	c := exec.CommandContext(ctx, name, args...)
	var out, faults bytes.Buffer
	c.Stdout, c.Stderr = &out, &faults
	began := time.Now()
	if err := c.Start(); err != nil {
		return cost{}, err
	}
	stop := make(chan struct{})
	peak := make(chan int64)
	go func() { peak <- watchMemory(c.Process.Pid, stop) }()
	err := c.Wait()
	close(stop)
	total := cost{wall: time.Since(began), peak: <-peak}
	if err != nil {
		text := faults.String()
		return total, fmt.Errorf("%s: %w\n%s", filepath.Base(name), err, text[max(0, len(text)-tailBytes):])
	}
	total.cpu = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	for s := bufio.NewScanner(&out); s.Scan(); {
		var p pass
		if json.Unmarshal(s.Bytes(), &p) == nil && p.Pass > 0 {
			total.cpu, total.wall = seconds(p.CPUSeconds), seconds(p.WallSeconds)
		}
	}
	return total, nil
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// watchMemory gives the largest resident memory of a process, in bytes, until
// stop is closed. (The kernel's own answer at a process's end counts its
// parent's memory before the start, too.)
func watchMemory(pid int, stop <-chan struct{}) int64 {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	peak := int64(0)
	for {
		peak = max(peak, peakMemory(pid))
		select {
		case <-stop:
			return peak
		case <-tick.C:
		}
	}
}

// peakMemory is what the kernel says; 0 if the process has ended.
func peakMemory(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0
			}
			return kb << 10
		}
	}
	return 0
}

// processCPU is the CPU time that a running process has used.
func processCPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// Fields count from behind the name, which may hold blanks: state is 3.
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	const user, system, ticks = 14 - 3, 15 - 3, 100
	if len(fields) <= system {
		return 0, fmt.Errorf("/proc/%d/stat: %d fields", pid, len(fields))
	}
	sum := int64(0)
	for _, f := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("/proc/%d/stat: %w", pid, err)
		}
		sum += n
	}
	return time.Duration(sum) * time.Second / ticks, nil
}

// children are the processes that this one started and that run.
func children() (map[int]bool, error) {
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		return nil, err
	}
	pids := map[int]bool{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // the thread has ended
		}
		for field := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(field)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", file, err)
			}
			pids[pid] = true
		}
	}
	return pids, nil
}
