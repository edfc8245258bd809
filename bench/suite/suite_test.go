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
	want := map[string]float64{"a": 1, "b": 2}
	if err := fallen(want, map[string]float64{"a": 0.86, "b": 9}); err != nil {
		t.Error(err)
	}
	err := fallen(want, map[string]float64{"a": 0.84})
	if err == nil || !strings.Contains(err.Error(), "a is 0.84, more than 15 % below the baseline's 1") || !strings.Contains(err.Error(), "b was not measured") {
		t.Errorf("%v", err)
	}
}

func TestRecordIsReadAsWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "r.json")
	r := &record{Suites: []string{"ratios"}, Machine: describe(), Results: []result{{"ratios", "x", 1, []metric{{0.5, ratioUnit}}}}}
	if err := r.write(path); err != nil {
		t.Fatal(err)
	}
	got, err := readRecord(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.Machine.String() != r.Machine.String() || ratios(got.Results)["x"] != 0.5 {
		t.Errorf("%+v", got)
	}
	if r.Machine.Cores < 1 || r.Machine.Go == "" {
		t.Errorf("the machine is %+v", r.Machine)
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

func TestBaselineHasRatios(t *testing.T) {
	r, err := readRecord("../baseline.json")
	if err != nil {
		t.Fatal(err)
	}
	if len(ratios(r.Results)) < 2 {
		t.Errorf("ratios: %v", ratios(r.Results))
	}
}
