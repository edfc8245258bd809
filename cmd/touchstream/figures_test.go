package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The figures below were computed from the public data sets by other programs;
// a run over an example's configuration must give the same.

const examplesDir = "../../deploy/examples"

// publicData is the folder of a public data set; the test is skipped without it.
func publicData(t *testing.T, set string) string {
	t.Helper()
	root := os.Getenv("DATA")
	if root == "" {
		root = filepath.Join(examplesDir, "../../../shared/data")
	}
	root, err := filepath.Abs(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, set)); err != nil {
		t.Skipf("the public data set %s is not there (%v); set DATA to the folder that has it", set, err)
	}
	return root
}

// figures runs an example over its data set and returns the folder of rows. No
// set stands for data that lies beside the example.
func figures(t *testing.T, example, set string, e env) (string, summary) {
	t.Helper()
	out := t.TempDir()
	all := env{"OUT": out}
	if set != "" {
		all["DATA"] = publicData(t, set)
	}
	for k, v := range e {
		all[k] = v
	}
	return out, bounded(t, filepath.Join(examplesDir, example), all)
}

// equal compares one figure.
func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func hasOrders(r row) bool { return r.int("orders") > 0 }

func TestFiguresOtto(t *testing.T) {
	for _, c := range []struct {
		gap             string
		sessions        int
		after           string
		fired, triggers int
	}{
		{"30m", 144, "30m", 19, 19},
		{"60m", 138, "24h", 11, 11},
		{"15m", 154, "30m", 19, 19},
	} {
		t.Run(c.gap, func(t *testing.T) {
			dir, s := figures(t, "otto.yaml", "", env{"GAP": c.gap, "CART_AFTER": c.after})
			equal(t, "records", s.Records, 20)
			equal(t, "events", s.Events, 862)
			equal(t, "rows of events", len(rows(t, dir, "events")), 862)
			sessions := final(rows(t, dir, "sessions"), "session_id")
			equal(t, "sessions", len(sessions), c.sessions)
			equal(t, "sessions with orders", count(sessions, hasOrders), 5)
			fired := count(final(rows(t, dir, "abandonments"), "abandonment_id"), func(r row) bool { return r["fired_at"] != nil })
			equal(t, "carts that fired", fired, c.fired)
			equal(t, "triggers", count(rows(t, dir, "triggers"), func(r row) bool { return r["trigger"] == "abandonment.fired" }), c.triggers)
		})
	}
}

func TestFiguresTaobao(t *testing.T) {
	for _, c := range []struct {
		inclusive string
		sessions  int
	}{{"true", 14_122}, {"false", 14_124}} {
		t.Run("gap_inclusive_"+c.inclusive, func(t *testing.T) {
			dir, s := figures(t, "taobao.yaml", "taobao_userbehavior_head", env{"GAP_INCLUSIVE": c.inclusive})
			equal(t, "events", s.Events, 84_475)
			sessions := final(rows(t, dir, "sessions"), "session_id")
			equal(t, "sessions", len(sessions), c.sessions)
			equal(t, "sessions with orders", count(sessions, hasOrders), 1_345)
			dead := rows(t, dir, "dead_letters")
			equal(t, "dead letters", len(dead), 1)
			equal(t, "reason", dead[0].text("reason", "partition"), "malformed|0")
		})
	}
}

func TestFiguresRetail(t *testing.T) {
	dir, s := figures(t, "retail.yaml", "uci_online_retail", nil)
	equal(t, "events", s.Events, 541_909)
	all := final(rows(t, dir, "window_all"), "window_start")
	equal(t, "windows over everything", len(all), 1)
	equal(t, "revenue, invoices, lines", all[0].text("revenue", "invoices", "lines"), "9747747.934|25900|541909")
	equal(t, "best hour of sales", best(rows(t, dir, "window_hourly_sales"), "revenue"), "2011-12-09T09:00:00.000Z 171679.08")
	equal(t, "best hour of all lines", best(rows(t, dir, "window_hourly"), "revenue"), "2011-11-07T17:00:00.000Z 54089.63")
	equal(t, "dead letters", len(rows(t, dir, "dead_letters")), 0)
}

// best is the window with the largest value of a decimal column, and the value.
func best(all []row, column string) string {
	var top row
	value := func(r row) float64 {
		f, err := r[column].(interface{ Float64() (float64, error) }).Float64()
		if err != nil {
			panic(err)
		}
		return f
	}
	for _, r := range final(all, "window_start") {
		if r[column] != nil && (top == nil || value(r) > value(top)) {
			top = r
		}
	}
	return top.text("window_start") + " " + top.text(column)
}

func TestFiguresJourney(t *testing.T) {
	dir, s := figures(t, "journey.yaml", "complete_journey", nil)
	equal(t, "events", s.Events, 75_000)
	text, err := os.ReadFile(filepath.Join(dir, "window_all.csv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	equal(t, "lines of window_all.csv", len(lines), 2)
	if !strings.Contains(lines[1], ",233935.24,47243,2377,") {
		t.Errorf("sales, baskets, households: want 233935.24, 47243, 2377 in %s", lines[1])
	}
	equal(t, "dead letters", s.Rows["dead_letters"], 0)
}
