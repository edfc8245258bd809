package dev

import (
	"errors"
	"os/exec"
	"syscall"
)

// Program is a program that dies with this process; on macOS only Kill ends it
// then. Its methods can be called from any goroutine.
type Program struct {
	process *process
}

// StartProgram starts args[0] with the few variables that parts inherit and
// those of env. What it prints is added to the file output.
func StartProgram(args, env []string, output string) (*Program, error) {
	p, err := startProcess(command{name: args[0], path: args[0], args: args, env: env, output: output})
	if err != nil {
		return nil, err
	}
	return &Program{p}, nil
}

// PID is the id of the process.
func (p *Program) PID() int { return p.process.os.Pid }

// Done is closed when the program has ended, for whatever reason.
func (p *Program) Done() <-chan struct{} { return p.process.done }

// Signal sends a signal; a program that has ended gets none.
func (p *Program) Signal(sig syscall.Signal) error { return p.process.signal(sig) }

// Kill ends the program at once and waits for its end.
func (p *Program) Kill() error { return p.process.kill() }

// Ended waits for the end and tells how it came: by an exit code, or by a
// signal, which is 0 for an exit.
func (p *Program) Ended() (code int, signal syscall.Signal) {
	<-p.process.done
	var exit *exec.ExitError
	if !errors.As(p.process.err, &exit) {
		return 0, 0
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return -1, status.Signal()
	}
	return exit.ExitCode(), 0
}
