package main

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"touchstream/deploy/dev/devtest"
)

// verifiable are the tables that verify derives in the tests' configurations.
var verifiable = []string{"sessions", "ropo", "abandonments", "crowd", "crowd_flows", "window_revenue", "window_traffic", "window_visits", "window_days"}

// counts are the numbers of a table's line in a report of verify.
type counts struct{ facts, derived, equal, differing, missing, extra, doubled, leftOut int }

// counted reads the line of a table.
func counted(t *testing.T, report, table string) counts {
	t.Helper()
	m := regexp.MustCompile(`(?m)^ *` + table + ` +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) `).FindStringSubmatch(report)
	if m == nil {
		t.Fatalf("the report has no line for %s:\n%s", table, report)
	}
	n := [9]int{}
	for i := range n[1:] {
		n[i+1], _ = strconv.Atoi(m[i+1]) // the pattern takes digits alone
	}
	return counts{n[1], n[2], n[3], n[4], n[5], n[6], n[7], n[8]}
}

// verifyIn writes a configuration whose facts go to a database of its own.
func verifyIn(t *testing.T, dir, sources string) (config, database string) {
	t.Helper()
	database = unique("verify")
	return write(t, dir, database+".yaml", fmt.Sprintf("name: %s\nsinks:\n  warehouse: {clickhouse: {addr: [%q], database: %s}}\n",
		database, devtest.ClickHouse(t), database)+sources+worldOperators), database
}

// noDifference verifies and wants all tables to be equal, with rows in each.
func noDifference(t *testing.T, config string, args ...string) string {
	t.Helper()
	o := touchstream(t, nil, append([]string{"verify", "-c", config}, args...)...)
	o.want(t, exitOK)
	for _, table := range verifiable {
		if n := counted(t, o.stdout, table); n.equal == 0 || n.leftOut > 5+n.facts/4 {
			t.Errorf("%s: %+v", table, n)
		}
	}
	if t.Failed() {
		t.Fatal(o.stdout)
	}
	return o.stdout
}

// TestVerifyFindsNothing verifies runs over logs in the order of arrival, with
// duplicates, bad rows and merges of profiles; sorted ones; and a world with
// many late phones.
func TestVerifyFindsNothing(t *testing.T) {
	w := generated(t)
	dir := t.TempDir()
	w.file(t, dir)
	w.topics(t, dir)
	for name, sources := range map[string]string{
		"as it came": oneFile,
		"by topic":   fileOfEach(),
		"latenesses": strings.Replace(fileOfEach(), "decode:", "time: {allowed_lateness: 5m}, decode:", 1),
		"sorted":     strings.ReplaceAll(oneFile, "paths: [world.jsonl]", "paths: [world.jsonl], sort: true"),
		"late":       "sources:\n  world: {generator: {seed: 5, customers: 1500, days: 3, late: 1, disorder_share: 0.3}, decode: {segment: {}}}\n",
	} {
		t.Run(name, func(t *testing.T) {
			config, database := verifyIn(t, dir, sources)
			bounded(t, config, nil)
			report := noDifference(t, config, "--watermark", "end")
			c := warehouse(t, devtest.ClickHouse(t))
			if number(t, c, "SELECT count() FROM "+database+".v_identity_merges") == 0 {
				t.Error("no profiles merged")
			}
			if name == "late" && strings.Contains(report, " 0 of them late") {
				t.Errorf("nothing was late:\n%s", report)
			}
			if name != "late" {
				return
			}
			buried := number(t, c, "SELECT count() FROM "+database+".v_dead_letters WHERE reason = 'late'")
			if kept := number(t, c, "SELECT count() FROM "+database+".v_events") - buried; buried == 0 || !strings.HasPrefix(report, fmt.Sprintf("%d events, ", kept)) {
				t.Errorf("%d late events were buried, %d are left:\n%s", buried, kept, report)
			}
			noDifference(t, config)
			noDifference(t, config, "--since", "2026-03-02T12:00:00Z", "--until", "2026-03-03T06:00:00Z")
		})
	}
}

// TestVerifyRunning verifies a pipeline that still runs: only what is settled.
func TestVerifyRunning(t *testing.T) {
	dir := t.TempDir()
	generated(t).file(t, dir)
	config, _ := verifyIn(t, dir, oneFile)
	p := start(t, nil, "run", "-c", write(t, dir, "running.yaml", readFile(t, config)+"http: {listen: \"127.0.0.1:0\"}\n"))
	address := p.listening(t)
	await(t, "the end of the file", func() bool { return statusAt(t, address).Drained })
	listening := write(t, dir, "listening.yaml", readFile(t, config)+fmt.Sprintf("http: {listen: %q}\n", address))
	report := noDifference(t, listening)
	if !strings.Contains(report, "as the running pipeline says") {
		t.Errorf("the watermark is not the pipeline's:\n%s", report)
	}
}

// tampered changes one row of each table by hand, with a statement made from
// the table's name and the condition for the row.
func tampered(t *testing.T, c driver.Conn, database string, change func(table, where string) string) {
	t.Helper()
	for table, key := range map[string]string{
		"sessions": "session_id", "ropo": "(order_id, product_id)", "abandonments": "abandonment_id",
		"crowd": "(store_id, zone_id, window_ms, window_start)", "crowd_flows": "(store_id, from_zone, to_zone, window_ms, window_start)",
		"window_revenue": "(channel, category, window_start)", "window_traffic": "(channel, window_start)",
		"window_visits": "(anonymous_id, window_start)", "window_days": "window_start",
	} {
		from := "v_" + table
		if table == "abandonments" {
			from += " WHERE stage != 'form'"
		}
		where := fmt.Sprintf("%s = (SELECT %s FROM %s.%s ORDER BY 1 LIMIT 1)", key, key, database, from)
		if err := c.Exec(t.Context(), change(database+"."+table, where)); err != nil {
			t.Fatalf("%s: %v", table, err)
		}
	}
}

// TestVerifyFindsTampering deletes, doubles, changes and invents a row of each
// table by hand.
func TestVerifyFindsTampering(t *testing.T) {
	dir := t.TempDir()
	generated(t).file(t, dir)
	c := warehouse(t, devtest.ClickHouse(t))
	columns := map[string]string{
		"sessions": "events", "ropo": "touches", "abandonments": "value", "crowd": "uniques", "crowd_flows": "moves",
		"window_revenue": "orders", "window_traffic": "events", "window_visits": "events", "window_days": "mean",
	}
	name := func(table string) string { return table[strings.IndexByte(table, '.')+1:] }
	for _, f := range []struct {
		title  string
		change func(table, where string) string
		want   func(counts) int
		says   string
	}{
		{"deleted", func(table, where string) string {
			return "ALTER TABLE " + table + " DELETE WHERE " + where + " SETTINGS mutations_sync = 2, allow_nondeterministic_mutations = 1"
		}, func(n counts) int { return n.missing }, " missing: "},
		{"doubled", func(table, where string) string {
			return "INSERT INTO " + table + " SELECT * FROM " + table + " FINAL WHERE " + where
		}, func(n counts) int { return n.doubled }, "doubled rows, which FINAL hides"},
		{"changed", func(table, where string) string {
			column := columns[name(table)]
			return "INSERT INTO " + table + " SELECT * REPLACE (" + column + " + 1 AS " + column + ", _version + 1 AS _version) FROM (SELECT * FROM " + table + " FINAL WHERE " + where + ")"
		}, func(n counts) int { return n.differing }, " differing: "},
		{"invented", func(table, where string) string {
			invented := map[string]string{"sessions": "concat(device_key, 'x') AS device_key, generateUUIDv7() AS session_id", "ropo": "'X' AS order_id",
				"abandonments": "'x' AS abandonment_id, opened_at - 5 AS opened_at"}[name(table)]
			if invented == "" {
				invented = "window_start - 7 AS window_start"
			}
			return "INSERT INTO " + table + " SELECT * REPLACE (" + invented + ") FROM (SELECT * FROM " + table + " FINAL WHERE " + where + ")"
		}, func(n counts) int { return n.extra }, " extra: "},
	} {
		t.Run(f.title, func(t *testing.T) {
			config, database := verifyIn(t, dir, oneFile)
			bounded(t, config, nil)
			for _, table := range verifiable {
				if f.title == "deleted" {
					break // it is a merge
				}
				if err := c.Exec(t.Context(), "SYSTEM STOP MERGES "+database+"."+table); err != nil {
					t.Fatal(err)
				}
			}
			tampered(t, c, database, f.change)
			o := touchstream(t, nil, "verify", "-c", config, "--watermark", "end")
			o.want(t, exitDiffer)
			for _, table := range verifiable {
				if n := counted(t, o.stdout, table); f.want(n) != 1 {
					t.Errorf("%s: %+v", table, n)
				}
				if !regexp.MustCompile(`(?m)^` + table + `.*` + f.says).MatchString(o.stdout) {
					t.Errorf("the report does not name the row of %s", table)
				}
			}
			if !strings.Contains(o.stdout, "The facts are not what the events say.") || t.Failed() {
				t.Error(o.stdout)
			}
		})
	}
}

// TestVerifyDoubledEvents finds a row of a growing table that is there twice.
func TestVerifyDoubledEvents(t *testing.T) {
	dir := t.TempDir()
	generated(t).file(t, dir)
	config, database := verifyIn(t, dir, oneFile)
	bounded(t, config, nil)
	c := warehouse(t, devtest.ClickHouse(t))
	for _, table := range []string{"events", "triggers", "dead_letters"} {
		for _, statement := range []string{"SYSTEM STOP MERGES " + database + "." + table,
			"INSERT INTO " + database + "." + table + " SELECT * FROM " + database + "." + table + " LIMIT 1"} {
			if err := c.Exec(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	o := touchstream(t, nil, "verify", "-c", config)
	o.want(t, exitDiffer)
	for _, table := range []string{"events", "triggers", "dead_letters"} {
		if !strings.Contains(o.stdout, "\n"+table+": 1 doubled rows") {
			t.Errorf("%s is not named:\n%s", table, o.stdout)
		}
	}
}

// TestVerifyFaults checks what is told when facts cannot be verified.
func TestVerifyFaults(t *testing.T) {
	dir := t.TempDir()
	addr := devtest.ClickHouse(t)
	generated(t).file(t, dir)
	config, database := verifyIn(t, dir, oneFile)
	f := func(code int, says, config string, args ...string) {
		t.Helper()
		touchstream(t, nil, append([]string{"verify", "-c", config}, args...)...).want(t, code, says)
	}
	sink := func(text string) string {
		return write(t, dir, unique("sink")+".yaml", "name: x\nsinks: {k: {"+text+"}}\n"+oneFile+worldOperators)
	}
	f(exitUsage, "sessions.gop", write(t, dir, "wrong.yaml", strings.Replace(readFile(t, config), "sessions: {}", "sessions: {gop: 1m}", 1)))
	f(exitUsage, "no clickhouse sink takes the table events", sink("file: {dir: out}"))
	f(exitUsage, "no clickhouse sink takes the table events", sink(fmt.Sprintf("clickhouse: {addr: [%q]}, tables: [sessions]", addr)))
	f(exitUsage, "there is nothing to compare", sink(fmt.Sprintf("clickhouse: {addr: [%q]}, tables: [events, triggers]", addr)))
	f(exitUsage, "--since yesterday is no time", config, "--since", "yesterday")
	f(exitUsage, "is not before --until", config, "--since", "2026-03-03", "--until", "2026-03-02")
	f(exitUsage, "--watermark soon is no time", config, "--watermark", "soon")
	f(exitFailed, "ClickHouse at 127.0.0.1:1", sink(`clickhouse: {addr: ["127.0.0.1:1"]}`))
	f(exitFailed, database, config)
	bounded(t, config, nil)
	if err := warehouse(t, addr).Exec(t.Context(), "DROP TABLE "+database+".v_ropo"); err != nil {
		t.Fatal(err)
	}
	f(exitFailed, "v_ropo", config)
}

// TestVerifySQL prints the statements without running them.
func TestVerifySQL(t *testing.T) {
	dir := t.TempDir()
	config := write(t, dir, "c.yaml", "name: x\nsinks: {k: {clickhouse: {addr: [\"127.0.0.1:1\"], database: shop, password: secret}}}\n"+oneFile+
		strings.Replace(worldOperators, "venue: venue.yaml", "", 1))
	o := touchstream(t, nil, "verify", "-c", config, "--sql")
	o.want(t, exitOK)
	for _, text := range []string{"`shop`.events FINAL", "-- Sessions (semantics 4)", "-- Window days (semantics 5)", "1800000", "-- What was left (semantics 7)"} {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("the SQL lacks %q", text)
		}
	}
	if strings.Contains(o.stdout, "secret") || strings.Contains(o.stdout, "<no value>") {
		t.Errorf("the SQL has what it must not have:\n%s", o.stdout)
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
