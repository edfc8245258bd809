package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"touchstream/bench/peers/fact"
	"touchstream/deploy/dev"
)

// TestMain lets this test's binary be the child that the command starts.
func TestMain(m *testing.M) {
	dev.ChildMain()
	if len(os.Args) > 1 && os.Args[1] == childName {
		if err := start(context.Background(), os.Args[1:]); err != nil {
			panic(err)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// TestNaive runs the command as make peer-naive does, with few events.
func TestNaive(t *testing.T) {
	out := t.TempDir()
	if err := start(t.Context(), []string{"--events", "20000", "--out", out, "naive"}); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(out, "peers.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table struct{ Rows []result }
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for _, r := range table.Rows {
		seen[r.System+" "+r.Job]++
		if !r.Equal || r.Events != 20000 || r.CPUSeconds <= 0 || r.EventsPerCPU <= 0 || r.PeakMemoryBytes < 0 {
			t.Errorf("%+v", r)
		}
	}
	for _, want := range []string{"touchstream sessions", "touchstream windows", "naive sessions", "naive windows"} {
		if seen[want] == 0 {
			t.Errorf("no row of %s: %v", want, seen)
		}
	}
}

// TestDifference looks at what a peer's wrong rows make of the table.
func TestDifference(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rows.jsonl")
	row := fact.Session{Key: "a", Start: 1, End: 2, Events: 2}
	ref := &reference{sessions: []fact.Session{row}}
	row.Events = 1
	if err := fact.Write(path, []fact.Session{row, {Key: fact.FlushKey}}); err != nil {
		t.Fatal(err)
	}
	d, err := ref.compare(jobSessions, path)
	if err != nil {
		t.Fatal(err)
	}
	r := result{Difference: d}
	if got, want := r.equality(), "no: 0 rows equal, 1 missing, 1 extra"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func TestUsage(t *testing.T) {
	for arg, want := range map[string]string{"nobody": "naive", "--events=0": "above 0", "--what=1": "what"} {
		if err := start(t.Context(), []string{arg}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %s in it", arg, err, want)
		}
	}
}

func TestProcess(t *testing.T) {
	// Some work, so that there is a tick of CPU time to see.
	n := 0
	for cpu := ownCPU(); ownCPU()-cpu < 50e6; {
		n++
	}
	cpu, err := processCPU(os.Getpid())
	if err != nil || cpu <= 0 || n == 0 {
		t.Errorf("CPU time of this process: %s, %v", cpu, err)
	}
	if peakMemory(os.Getpid()) < 1<<20 {
		t.Error("this process takes no memory")
	}
	if peakMemory(-1) != 0 {
		t.Error("no process takes memory")
	}
}
