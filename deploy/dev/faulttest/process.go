package faulttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"touchstream/deploy/dev"
)

// waitMax bounds waiting for something that must come, on a busy machine too.
const waitMax = 10 * time.Minute

// await waits until f holds.
func await(t testing.TB, what string, f func() bool) {
	t.Helper()
	for began := time.Now(); !f(); time.Sleep(20 * time.Millisecond) {
		if time.Since(began) > waitMax {
			t.Fatalf("%s did not come within %s", what, waitMax)
		}
	}
}

// Status is what the driver reads of /status.
type Status struct {
	State     string
	Drained   bool
	Held      string
	Watermark *time.Time
	Records   int64
	Counters  Summary
	Sources   map[string]struct {
		LagRecords *int64 `json:"lag_records"`
	}
}

// IsRunning tells whether the pipeline is past its replay.
func (s Status) IsRunning() bool { return s.State == "running" || s.State == "held" }

// Process is a pipeline that was started.
type Process struct {
	t       testing.TB
	program *dev.Program
	log     string // path
	peakRSS atomic.Int64
	address atomic.Pointer[string] // of its listener, once known
}

// startProcess starts the binary, and calls told with what it says of itself; it
// is killed when the test ends.
func startProcess(t testing.TB, log string, env []string, told func(Status), args ...string) *Process {
	t.Helper()
	program, err := dev.StartProgram(args, env, log)
	if err != nil {
		t.Fatal(err)
	}
	p := &Process{t: t, program: program, log: log}
	sampled := make(chan struct{})
	go func() {
		defer close(sampled)
		p.sample(told)
	}()
	t.Cleanup(func() {
		if err := p.program.Kill(); err != nil {
			t.Error(err)
		}
		<-sampled
	})
	return p
}

// sample follows the highest resident size that the kernel tells, and the
// status, until the process ends.
func (p *Process) sample(told func(Status)) {
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for {
		if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.program.PID())); err == nil {
			p.peakRSS.Store(max(p.peakRSS.Load(), highestRSS(text)))
		}
		if s, err := p.Status(); err == nil {
			told(s)
		}
		select {
		case <-p.program.Done():
			return
		case <-every.C:
		}
	}
}

// highestRSS reads VmHWM of a process's status in bytes, 0 if it is missing.
func highestRSS(status []byte) int64 {
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	kib, _, _ := bytes.Cut(rest, []byte("kB"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(kib)), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}

// PeakRSS is the highest resident size so far in bytes; 0 where the kernel
// does not tell.
func (p *Process) PeakRSS() int64 { return p.peakRSS.Load() }

// Log is what the process has printed.
func (p *Process) Log() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// Running tells whether the process has not ended.
func (p *Process) Running() bool {
	select {
	case <-p.program.Done():
		return false
	default:
		return true
	}
}

// Kill is kill -9.
func (p *Process) Kill() {
	p.t.Helper()
	if err := p.program.Kill(); err != nil {
		p.t.Fatal(err)
	}
}

func (p *Process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.program.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// Stop freezes the process until Continue: SIGSTOP.
func (p *Process) Stop() { p.t.Helper(); p.signal(syscall.SIGSTOP) }

// Continue is SIGCONT.
func (p *Process) Continue() { p.t.Helper(); p.signal(syscall.SIGCONT) }

// AwaitFrozen waits until the process has stopped itself at a label.
func (p *Process) AwaitFrozen() {
	p.t.Helper()
	await(p.t, "the stop at a label", func() bool {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.program.PID()))
		return err == nil && bytes.Contains(text, []byte(") T "))
	})
}

// Replayed is the number of commits that the process had to replay after its
// start, -1 before it knows.
func (p *Process) Replayed() int {
	n := -1
	for line := range strings.Lines(p.Log()) {
		var entry struct {
			Msg     string
			Commits *int `json:"commits_to_replay"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "opened" && entry.Commits != nil {
			n = *entry.Commits
		}
	}
	return n
}

// Terminate sends SIGTERM, which counts for a frozen process when it is woken
// here, and returns the exit code.
func (p *Process) Terminate() int {
	p.t.Helper()
	p.signal(syscall.SIGTERM)
	p.Continue()
	code, sig := p.Wait()
	if sig != 0 {
		p.t.Fatalf("the pipeline died of %s instead of ending on SIGTERM:\n%s", sig, p.Log())
	}
	return code
}

// Wait waits for the end and tells how it came; the signal is 0 for an exit.
func (p *Process) Wait() (code int, sig syscall.Signal) {
	p.t.Helper()
	select {
	case <-p.program.Done():
	case <-time.After(waitMax):
		p.t.Fatalf("the pipeline still runs after %s:\n%s", waitMax, p.Log())
	}
	return p.program.Ended()
}

// Status asks the process; an error means that it does not answer (yet).
func (p *Process) Status() (s Status, err error) {
	address := p.address.Load()
	if address == nil {
		log, err := os.ReadFile(p.log)
		if err != nil {
			return s, err
		}
		found := listening(string(log))
		if found == "" {
			return s, errors.New("it does not listen yet")
		}
		address = &found
		p.address.Store(address)
	}
	client := http.Client{Timeout: 5 * time.Second}
	res, err := client.Get("http://" + *address + "/status")
	if err != nil {
		return s, err
	}
	defer res.Body.Close()
	return s, json.NewDecoder(res.Body).Decode(&s)
}

// listening finds the address of the http listener in the last start's log.
func listening(log string) string {
	var address string
	for line := range strings.Lines(log) {
		var entry struct{ Msg, Address string }
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "listening" {
			address = entry.Address
		}
	}
	return address
}

// Await waits until the status is as wanted. The process must not end.
func (p *Process) Await(what string, wanted func(Status) bool) (s Status) {
	p.t.Helper()
	defer func() {
		if p.t.Failed() {
			p.t.Logf("the last status: %+v", s)
		}
	}()
	await(p.t, what, func() bool {
		if !p.Running() {
			code, sig := p.program.Ended()
			p.t.Fatalf("the pipeline ended with code %d, signal %d before %s:\n%s", code, sig, what, p.Log())
		}
		var err error
		s, err = p.Status()
		return err == nil && wanted(s)
	})
	return s
}
