//go:build faults

package killpoint

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// armed is the place that the environment names; its label is empty for none.
var armed = mustParse(os.Getenv(Variable))

type place struct {
	label  Label
	at     int64 // which passing, from 1
	signal syscall.Signal
	passed atomic.Int64
}

func mustParse(text string) *place {
	p, err := parse(text)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	return p
}

func parse(text string) (*place, error) {
	if text == "" {
		return &place{}, nil
	}
	fields := strings.Split(text, ":")
	p := &place{label: Label(fields[0]), signal: syscall.SIGKILL}
	if len(fields) == 3 && fields[2] == "stop" {
		p.signal = syscall.SIGSTOP
		fields = fields[:2]
	}
	if len(fields) != 2 {
		return nil, fmt.Errorf("%s=%s: label:n or label:n:stop is expected", Variable, text)
	}
	var err error
	if p.at, err = strconv.ParseInt(fields[1], 10, 64); err != nil || p.at < 1 {
		return nil, fmt.Errorf("%s=%s: a number from 1 is expected after the label, found %q", Variable, text, fields[1])
	}
	if !slices.Contains(Labels(), p.label) {
		return nil, fmt.Errorf("%s=%s: %q is no label; the labels are %v", Variable, text, p.label, Labels())
	}
	return p, nil
}

// Pass kills or stops the process if this is the passing of the label that the
// environment names. It does not return from a kill.
func Pass(label Label) {
	if label != armed.label || armed.passed.Add(1) != armed.at {
		return
	}
	if err := syscall.Kill(os.Getpid(), armed.signal); err != nil {
		panic(fmt.Sprintf("killpoint: %s: %v", label, err))
	}
	if armed.signal == syscall.SIGKILL {
		select {}
	}
	// Another thread may take the signal; this one must not get past it.
	time.Sleep(50 * time.Millisecond)
}
