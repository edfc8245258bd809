package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// record is one run of suites, as its file holds it.
type record struct {
	Began   time.Time `json:"began"`
	Seconds float64   `json:"seconds"`
	Suites  []string  `json:"suites"`
	Short   bool      `json:"short,omitempty"`
	Machine machine   `json:"machine"`
	Results []result  `json:"results"`
}

// result is one benchmark.
type result struct {
	Suite      string   `json:"suite"`
	Name       string   `json:"name"`
	Iterations int      `json:"iterations"`
	Metrics    []metric `json:"metrics"`
}

// metric is a value in the unit that the benchmark names.
type metric struct {
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
}

// scan reads the output of a test binary, shows each line, and gives the
// benchmarks in it.
func scan(in io.Reader, show io.Writer, suite string) ([]result, error) {
	var list []result
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		line := lines.Text()
		if _, err := fmt.Fprintln(show, line); err != nil {
			return nil, err
		}
		if r, ok := parse(line); ok {
			r.Suite = suite
			list = append(list, r)
		}
	}
	return list, lines.Err()
}

// parse reads a line "BenchmarkName-2  4  17.5 cpu-ns/event …".
func parse(line string) (result, bool) {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 || !strings.HasPrefix(fields[0], "Benchmark") {
		return result{}, false
	}
	r := result{Name: withoutProcs(strings.TrimPrefix(fields[0], "Benchmark"))}
	var err error
	if r.Iterations, err = strconv.Atoi(fields[1]); err != nil {
		return result{}, false
	}
	for i := 2; i < len(fields); i += 2 {
		v, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return result{}, false
		}
		if fields[i+1] != "ns/op" || v != 0 {
			r.Metrics = append(r.Metrics, metric{v, fields[i+1]})
		}
	}
	return r, true
}

// withoutProcs takes off the "-2" that stands for GOMAXPROCS.
func withoutProcs(name string) string {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return name
	}
	if _, err := strconv.Atoi(name[i+1:]); err != nil {
		return name
	}
	return name[:i]
}

// writeJSON makes a file and its folder.
func writeJSON(path string, value any) error {
	text, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}
