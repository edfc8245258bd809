package main

import (
	"fmt"
	"slices"
	"strings"
)

// suite is a set of benchmarks that run with one length.
type suite struct {
	name    string
	pattern string // of benchmarks, as -test.bench takes it
	skip    string
	length  string // as -test.benchtime takes it
	servers bool   // needs ClickHouse or Kafka
	ratios  bool   // gives ratios that CI checks
}

// suites are in the order in which they run.
var suites = []suite{
	{name: "ratios", pattern: "^BenchmarkRatio$", length: "1x", ratios: true},
	{name: "limits", pattern: "^BenchmarkLimit$", length: "0.3s"},
	{name: "decode", pattern: "^BenchmarkDecode$", length: "0.2s"},
	{name: "resolve", pattern: "^BenchmarkResolve$", length: "4x"},
	{name: "tables", pattern: "^Benchmark(Table|Duplicates|Timers)$", length: "0.2s"},
	{name: "operators", pattern: "^BenchmarkOperator$", length: "4x"},
	{name: "windows", pattern: "^BenchmarkWindow$", length: "0.3s"},
	{name: "core", pattern: "^BenchmarkCore$", length: "4x"},
	{name: "beside", pattern: "^Benchmark(Lanes|Skew|Keys|Memory)$", length: "1x"},
	{name: "latency", pattern: "^BenchmarkLatency$", length: "1x"},
	{name: "commits", pattern: "^BenchmarkCommits$", length: "2x"},
	{name: "recovery", pattern: "^BenchmarkRecovery$", skip: "/10000000$", length: "1x"},
	{name: "recovery-10M", pattern: "^BenchmarkRecovery$/^sessions$/^10000000$", length: "1x", servers: true},
	{name: "insert", pattern: "^BenchmarkInsert$", length: "8x", servers: true},
	{name: "ratios-kafka", pattern: "^BenchmarkRealRatio$", length: "1x", servers: true, ratios: true},
	{name: "exact", pattern: "^BenchmarkRealExact$", length: "3x", servers: true},
	{name: "consume", pattern: "^BenchmarkRealConsume$", length: "3x", servers: true},
	{name: "freshness", pattern: "^BenchmarkRealFreshness$", length: "1x", servers: true},
	{name: "real-latency", pattern: "^BenchmarkRealLatency$", length: "1x", servers: true},
}

// telling are the suites that tell two commits apart in a short time.
var telling = []string{"decode", "windows", "operators", "core"}

func names(servers bool) []string {
	var list []string
	for _, s := range suites {
		if s.servers == servers {
			list = append(list, s.name)
		}
	}
	return list
}

// recorded are the suites of a baseline: those that need no servers, and all
// that give ratios.
func recorded() []string {
	list := names(false)
	for _, s := range suites {
		if s.ratios && s.servers {
			list = append(list, s.name)
		}
	}
	return list
}

func named(name string) (suite, error) {
	i := slices.IndexFunc(suites, func(s suite) bool { return s.name == name })
	if i < 0 {
		return suite{}, fmt.Errorf("there is no suite %q; there are %s", name, strings.Join(append(names(false), names(true)...), ", "))
	}
	return suites[i], nil
}

// args are the flags of a test binary that runs the suite.
func (s *suite) args(short bool) []string {
	args := []string{"-test.run=^$", "-test.timeout=60m", "-test.bench=" + s.pattern, "-test.benchtime=" + s.length}
	if s.skip != "" {
		args = append(args, "-test.skip="+s.skip)
	}
	if short {
		args = append(args, "-test.short")
	}
	return args
}
