package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"time"

	"touchstream/bench/peers/core"
	"touchstream/bench/peers/fact"
	"touchstream/bench/peers/naive"
)

// childName is the first argument of this program when it is to be a peer.
const childName = "child"

// The jobs.
const (
	jobSessions = "sessions"
	jobWindows  = "windows"
)

// runChild is a Go peer in a process of its own: system, job, input, output.
func runChild(ctx context.Context, args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("%s takes system, job, input and output, not %q", childName, args)
	}
	system, job, input, output := args[0], args[1], args[2], args[3]
	began, cpu := time.Now(), ownCPU()
	var fault error
	records := lines(input, &fault)
	var write func() error
	switch system + " " + job {
	case "naive sessions":
		rows, err := naive.Sessions(records)
		if err != nil {
			return err
		}
		write = func() error { return fact.Write(output, rows) }
	case "naive windows":
		rows, late, err := naive.Windows(records)
		if err != nil {
			return err
		}
		if late > 0 {
			fmt.Fprintf(os.Stderr, "%d events came late\n", late)
		}
		write = func() error { return fact.Write(output, rows) }
	case "core sessions":
		write = func() error { return core.Sessions(ctx, records, output) }
	case "core windows":
		write = func() error { return core.Windows(ctx, records, output) }
	default:
		return fmt.Errorf("%s: no such peer and job: %q", childName, args)
	}
	if err := write(); err != nil {
		return err
	}
	if fault != nil {
		return fault
	}
	return json.NewEncoder(os.Stdout).Encode(pass{1, (ownCPU() - cpu).Seconds(), time.Since(began).Seconds()})
}

// ownCPU is the CPU time that this process has used.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0 // never, for this process
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func runNaive(ctx context.Context, b *bench) error {
	return b.runGo(ctx, "naive", "encoding/json, maps, one goroutine")
}

// runGo measures a Go peer on both jobs, each in a process of its own.
func (b *bench) runGo(ctx context.Context, system, settings string) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, job := range []string{jobSessions, jobWindows} {
		dir, err := b.path(system + "-" + job)
		if err != nil {
			return err
		}
		output := dir
		if system != "core" {
			output = dir + "/rows.jsonl"
		}
		c, err := execute(ctx, self, childName, system, job, b.input, output)
		if err != nil {
			return err
		}
		r := result{Job: job, System: system, Version: runtime.Version(), Settings: settings, Events: b.events}
		compare := b.facts["file "+job].compare
		if system == "core" {
			r.System, r.Version = ours, b.version
			compare = b.facts["file "+job].compareOurs
		}
		d, err := compare(job, output)
		if err != nil {
			return err
		}
		b.add(r, c, d)
	}
	return nil
}
