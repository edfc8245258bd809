package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"touchstream/bench/peers/fact"
)

// result is a row of the table.
type result struct {
	Job             string          `json:"job"`
	System          string          `json:"system"`
	Version         string          `json:"version"`
	Settings        string          `json:"settings"`
	Events          int             `json:"events"`
	CPUSeconds      float64         `json:"cpu_seconds"`
	EventsPerCPU    float64         `json:"events_per_cpu_second"`
	WallSeconds     float64         `json:"wall_seconds"`
	PeakMemoryBytes int64           `json:"peak_memory_bytes"`
	Difference      fact.Difference `json:"difference"`
	Equal           bool            `json:"equal"`
	// IsReference: the others of this input and job are compared with its rows.
	IsReference bool `json:"is_reference,omitempty"`
}

// equality tells whether the rows are those of the reference.
func (r *result) equality() string {
	if r.IsReference {
		return fmt.Sprintf("reference, %d rows", r.Difference.Both)
	}
	return r.Difference.String()
}

// reference are the rows that those of others are compared with.
type reference struct {
	sessions []fact.Session
	windows  []fact.Window
}

// compare compares the rows in a peer's file with touchstream's.
func (r *reference) compare(job, path string) (fact.Difference, error) {
	if job == jobSessions {
		rows, err := fact.ReadSessions(path)
		return fact.Compare(r.sessions, rows), err
	}
	rows, err := fact.ReadWindows(path)
	return fact.Compare(r.windows, rows), err
}

// compareOurs compares the rows in a folder of touchstream's file sink.
func (r *reference) compareOurs(job, dir string) (fact.Difference, error) {
	if job == jobSessions {
		rows, err := fact.ReadOurSessions(dir)
		return fact.Compare(r.sessions, rows), err
	}
	rows, err := fact.ReadOurWindows(dir)
	return fact.Compare(r.windows, rows), err
}

// add takes a row of the table down, and prints it, for who waits.
func (b *bench) add(r result, c cost, d fact.Difference) {
	r.CPUSeconds, r.WallSeconds, r.PeakMemoryBytes = c.cpu.Seconds(), c.wall.Seconds(), c.peak
	r.EventsPerCPU = float64(r.Events) / c.cpu.Seconds()
	r.Difference, r.Equal = d, d.Equal()
	b.results = append(b.results, r)
	fmt.Fprintf(os.Stderr, "%s, %s, %s: %.0f events per CPU second, equal: %s\n", r.Job, r.System, r.Settings, r.EventsPerCPU, r.equality())
	for _, example := range d.Examples {
		fmt.Fprintln(os.Stderr, "  "+example)
	}
}

// report prints the table and writes it as JSON.
func (b *bench) report() error {
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		load = nil // not on every system
	}
	now := time.Now().UTC().Format(time.RFC3339)
	fmt.Printf("%s, load average %s\n", now, strings.TrimSpace(string(load)))
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "job\tsystem\tversion\tsettings\tevents\tevents per CPU second\tpeak memory MB\tequal")
	for _, r := range b.results {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%.0f\t%d\t%s\n", r.Job, r.System, r.Version, r.Settings, r.Events, r.EventsPerCPU, r.PeakMemoryBytes/1e6, r.equality())
	}
	if err := w.Flush(); err != nil {
		return err
	}
	text, err := json.MarshalIndent(map[string]any{"time": now, "load_average": strings.TrimSpace(string(load)), "rows": b.results}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(b.out, "peers.json"), append(text, '\n'), 0o644)
}
