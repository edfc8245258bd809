package main

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const printed = `goos: linux
BenchmarkRatio/decode-to-scan-2   1   857 our-cpu-ns/event   0.0156 ratio   0 ns/op
--- BENCH: BenchmarkRatio/decode-to-scan-2
    ratio_test.go:33: BenchmarkNoLine 1 of these
BenchmarkCore/keys-10M   	 4	 1423456 events/s	 12.5 ns/op
BenchmarkBroken/half 3
PASS
`

func TestScan(t *testing.T) {
	var shown strings.Builder
	list, err := scan(strings.NewReader(printed), &shown, "ratios")
	if err != nil {
		t.Fatal(err)
	}
	if shown.String() != printed {
		t.Errorf("shown was\n%s", shown.String())
	}
	if len(list) != 2 || list[0].Name != "Ratio/decode-to-scan" || list[1].Name != "Core/keys-10M" || list[1].Iterations != 4 {
		t.Fatalf("%+v", list)
	}
	if want := []metric{{857, "our-cpu-ns/event"}, {0.0156, "ratio"}}; !slices.Equal(list[0].Metrics, want) {
		t.Errorf("metrics are %v, want %v", list[0].Metrics, want)
	}
	if got := ratios(list); len(got) != 1 || got["Ratio/decode-to-scan"] != 0.0156 {
		t.Errorf("ratios are %v", got)
	}
	var table strings.Builder
	if err := show(&table, list); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"0.0156", "1,423,456", "Core/keys-10M"} {
		if !strings.Contains(table.String(), want) {
			t.Errorf("the table has no %s:\n%s", want, table.String())
		}
	}
}

func TestFallen(t *testing.T) {
	on := &machine{CPU: "this one"}
	want := map[string]bound{"a": {1, on}, "b": {2, on}}
	if err := fallen(want, map[string]float64{"a": 0.86, "b": 9}); err != nil {
		t.Error(err)
	}
	err := fallen(want, map[string]float64{"a": 0.84})
	if err == nil || !strings.Contains(err.Error(), "a is 0.84, more than 15 % below the baseline's 1 of this one") || !strings.Contains(err.Error(), "b was not measured") {
		t.Errorf("%v", err)
	}
}

// TestBaseline: a run counts on its own kind of processor, and the lowest of all
// on others.
func TestBaseline(t *testing.T) {
	run := func(cpu, name string, ratio float64) *record {
		return &record{Suites: []string{"ratios"}, Machine: machine{CPU: cpu}, Results: []result{{"ratios", name, 1, []metric{{ratio, ratioUnit}}}}}
	}
	path := filepath.Join(t.TempDir(), "a", "baseline.json")
	var b baseline
	b = b.put(run("old", "x", 9)).put(run("new", "x", 3)).put(run("old", "x", 2)).put(run("third", "y", 4))
	if err := writeJSON(path, b); err != nil {
		t.Fatal(err)
	}
	b, err := readBaseline(path)
	if err != nil {
		t.Fatal(err)
	}
	for cpu, want := range map[string]float64{"old": 2, "new": 3, "unknown": 2, "third": 2} {
		if got := b.bounds(cpu); got["x"].value != want || got["y"].value != 4 || len(got) != 2 {
			t.Errorf("%s: %v, want x = %v", cpu, got, want)
		}
	}
	if len(b) != 3 || !b.holds("ratios") || b.holds("core") {
		t.Errorf("%+v", b)
	}
}

func TestMachineIsDescribed(t *testing.T) {
	if m := describe(); m.Cores < 1 || m.Go == "" {
		t.Errorf("the machine is %+v", m)
	}
}

// TestSuitesNameBenchmarks checks that every pattern finds a benchmark and that
// every benchmark is in a suite.
func TestSuitesNameBenchmarks(t *testing.T) {
	files, err := filepath.Glob("../*_test.go")
	if err != nil || len(files) == 0 {
		t.Fatalf("no benchmarks: %v", err)
	}
	declared := regexp.MustCompile(`(?m)^func (Benchmark\w+)\(b \*testing\.B\)`)
	var all []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range declared.FindAllSubmatch(text, -1) {
			all = append(all, string(m[1]))
		}
	}
	used := map[string]bool{}
	for i := range suites {
		top, _, _ := strings.Cut(suites[i].pattern, "/")
		pattern, found := regexp.MustCompile(top), false
		for _, name := range all {
			if pattern.MatchString(name) {
				used[name], found = true, true
			}
		}
		if !found {
			t.Errorf("suite %s runs nothing: %s", suites[i].name, top)
		}
	}
	for _, name := range all {
		if !used[name] {
			t.Errorf("%s is in no suite", name)
		}
	}
}

// TestBaselineHasRatios: every suite of ratios is in the baseline, or CI would
// not check it.
func TestBaselineHasRatios(t *testing.T) {
	b, err := readBaseline("../baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	for i := range suites {
		if s := &suites[i]; s.ratios && !b.holds(s.name) {
			t.Errorf("the baseline has nothing of the suite %s", s.name)
		}
	}
	if got := b.bounds(""); len(got) < 3 {
		t.Errorf("ratios: %v", got)
	}
}
