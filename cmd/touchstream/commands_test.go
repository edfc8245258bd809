package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"touchstream/deploy/dev/devtest"
	"touchstream/sources/generator"
)

func TestVersion(t *testing.T) {
	o := touchstream(t, nil, "version")
	o.want(t, exitOK)
	for _, text := range []string{"touchstream " + version, runtime.Version(), "commit "} {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("version lacks %q: %s", text, o.stdout)
		}
	}
}

func TestHelpNamesAllCommands(t *testing.T) {
	o := touchstream(t, nil, "--help")
	o.want(t, exitOK)
	for _, name := range []string{"run", "validate", "generate", "demo", "dev", "schema", "version"} {
		if !strings.Contains(o.stdout, "\n  "+name+" ") {
			t.Errorf("--help does not name %s", name)
		}
		touchstream(t, nil, name, "--help").want(t, exitOK)
	}
}

// TestGenerate writes one world three times; stdout has what the files have.
func TestGenerate(t *testing.T) {
	args := []string{"generate", "--seed", "3", "--customers", "60", "--days", "2"}
	first := touchstream(t, nil, args...)
	first.want(t, exitOK)
	if again := touchstream(t, nil, args...); again.stdout != first.stdout {
		t.Error("two runs with one seed differ")
	}
	dir, truth := t.TempDir(), t.TempDir()
	touchstream(t, nil, append(args, "--dir", dir, "--truth", truth)...).want(t, exitOK)
	var files, lines int
	for name, text := range folder(t, dir) {
		files++
		lines += strings.Count(string(text), "\n")
		if !strings.HasSuffix(name, ".jsonl") {
			t.Errorf("a file is called %s", name)
		}
	}
	equal(t, "files", files, len(generator.Topics()))
	equal(t, "lines of all files", lines, strings.Count(first.stdout, "\n"))
	for name, text := range folder(t, truth) {
		if !strings.HasSuffix(name, ".csv") || strings.Count(string(text), "\n") < 1 {
			t.Errorf("%s of the truth has no header", name)
		}
	}
	if _, err := os.Stat(filepath.Join(truth, "orders.csv")); err != nil {
		t.Error(err)
	}
}

// TestSchema prints the tables in every form; a window's table is that of the
// configuration.
func TestSchema(t *testing.T) {
	for _, kind := range []string{"clickhouse", "arrow", "json", "markdown"} {
		o := touchstream(t, nil, "schema", kind)
		o.want(t, exitOK)
		for _, table := range fixedTables() {
			if !strings.Contains(o.stdout, table.Name) {
				t.Errorf("schema %s lacks %s", kind, table.Name)
			}
		}
		if kind == "json" && !json.Valid([]byte(o.stdout)) {
			t.Error("schema json is no JSON")
		}
	}
	o := touchstream(t, nil, "schema", "markdown", "-c", filepath.Join(examplesDir, "windows.yaml"))
	o.want(t, exitOK)
	if !strings.Contains(o.stdout, "window_hot_categories") {
		t.Error("schema -c lacks the windows of the configuration")
	}
}

// TestRealSchema runs the printed statements in ClickHouse, twice.
func TestRealSchema(t *testing.T) {
	c := warehouse(t, devtest.ClickHouse(t))
	o := touchstream(t, nil, "schema", "clickhouse")
	o.want(t, exitOK)
	if err := c.Exec(t.Context(), "DROP DATABASE IF EXISTS touchstream"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, statement := range strings.Split(o.stdout, ";\n") {
			if statement = strings.TrimSpace(statement); statement == "" {
				continue
			}
			if err := c.Exec(t.Context(), statement); err != nil {
				t.Fatalf("%s\n%v", statement, err)
			}
		}
	}
	equal(t, "tables and views", number(t, c, "SELECT count() FROM system.tables WHERE database = 'touchstream'"), uint64(2*len(fixedTables())))
}

// TestRealDemo lets the demo run for a few seconds.
func TestRealDemo(t *testing.T) {
	devtest.ClickHouse(t) // skips where there is no engine
	o := touchstream(t, nil, "demo", "--for", "8s")
	o.want(t, exitOK)
	for _, table := range []string{"sessions", "ropo", "abandonments", "crowd", "window_revenue_by_category", "identities", "triggers", "events"} {
		line := regexp.MustCompile(`(?m)^` + table + ` +([1-9][0-9]*)$`)
		if !line.MatchString(o.stdout) {
			t.Errorf("the demo shows no rows of %s", table)
		}
	}
	for _, q := range demoQueries {
		if !strings.Contains(o.stdout, fmt.Sprintf("%s\n  %s\n  ", q.question, q.sql)) {
			t.Errorf("the demo does not answer %q", q.question)
		}
	}
	if t.Failed() {
		t.Log(o.stdout)
	}
}
