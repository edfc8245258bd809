package dev

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a part may take to end when asked. Kafka writes its
// segments and checkpoints in that time.
const stopGrace = 30 * time.Second

// command says how to start a part.
type command struct {
	name     string // for error messages
	path     string
	args     []string // args[0] is the name that ps shows
	env      []string // added to the few variables that parts inherit
	dir      string
	output   string // file that stdout and stderr are added to
	detached bool   // outlives this process
}

// process is a started part.
type process struct {
	name   string
	output string
	os     *os.Process
	done   chan struct{} // closed once it has ended and err is set
	err    error         // how it ended; read after done
}

// inherited are the variables that a part gets from this process: no more, so
// that no secret reaches a process that does not need it.
var inherited = []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "JAVA_HOME"}

func startProcess(c command) (*process, error) {
	out, err := os.OpenFile(c.output, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	defer out.Close()
	cmd := exec.Command(c.path)
	cmd.Args = c.args
	cmd.Dir = c.dir
	cmd.Env = append([]string{"TZ=UTC", "LANG=C.UTF-8"}, c.env...)
	for _, name := range inherited {
		if v, ok := os.LookupEnv(name); ok {
			cmd.Env = append(cmd.Env, name+"="+v)
		}
	}
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = processAttr(c.detached)
	if err := startOnLastingThread(cmd); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	p := &process{name: c.name, output: c.output, os: cmd.Process, done: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

// starter is the thread that starts all parts. The kernel sends a parent-death
// signal when the thread that forked ends, not when its process does, and the
// Go runtime ends threads as it likes: this one it must keep.
var starter struct {
	once     sync.Once
	requests chan startRequest
}

type startRequest struct {
	cmd  *exec.Cmd
	done chan error
}

func startOnLastingThread(cmd *exec.Cmd) error {
	starter.once.Do(func() {
		starter.requests = make(chan startRequest)
		go func() {
			runtime.LockOSThread()
			for r := range starter.requests {
				r.done <- r.cmd.Start()
			}
		}()
	})
	r := startRequest{cmd: cmd, done: make(chan error, 1)}
	starter.requests <- r
	return <-r.done
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// signal does nothing to a process that has ended.
func (p *process) signal(sig syscall.Signal) error {
	if err := p.os.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("%s: signal %s to process %d: %w", p.name, sig, p.os.Pid, err)
	}
	return nil
}

// kill ends the process at once, as a crash would, and waits for its end.
func (p *process) kill() error {
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	<-p.done
	return nil
}

// stop asks the process to end, and kills it after stopGrace.
func (p *process) stop() error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	t := time.NewTimer(stopGrace)
	defer t.Stop()
	select {
	case <-p.done:
		return nil
	case <-t.C:
	}
	if err := p.kill(); err != nil {
		return err
	}
	return fmt.Errorf("%s: did not end within %s of being asked and was killed", p.name, stopGrace)
}

// errNotReady is wrapped when a part ended before it was ready, which leaves
// open whether another port would help.
var errNotReady = errors.New("ended before it was ready")

// waitReady calls probe until it succeeds, the process ends, or limit is over.
func (p *process) waitReady(ctx context.Context, limit time.Duration, probe func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%s: not ready after %s", p.name, limit))
	defer cancel()
	return pollReady(ctx, probe, func() error {
		if !p.ended() {
			return nil
		}
		return fmt.Errorf("%s: %w (%w): %s", p.name, errNotReady, p.err, tailOf(p.output))
	})
}

// pollReady calls probe until it succeeds or ended reports an error.
func pollReady(ctx context.Context, probe func(context.Context) error, ended func() error) error {
	for {
		if err := ended(); err != nil {
			return err
		}
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := probe(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if pause(ctx, 50*time.Millisecond) != nil {
			return fmt.Errorf("%w: %w", context.Cause(ctx), err)
		}
	}
}

// tailOf returns the last lines of a log file, for an error message.
func tailOf(path string) string {
	const bytesMax = 4096
	f, err := os.Open(path)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err.Error()
	}
	from := max(0, info.Size()-bytesMax)
	text := make([]byte, info.Size()-from)
	n, _ := f.ReadAt(text, from) // A short read only shortens the message.
	return path + ": " + lastLines(string(text[:n]), 5)
}
