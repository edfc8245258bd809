package main

import (
	"cmp"
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"touchstream/sources/generator"
)

// fact is a row of the truth.
type fact map[string]string

// truths reads a table of the truth.
func truths(t *testing.T, dir, table string) []fact {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "truth", table+".csv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	lines, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	var all []fact
	for _, line := range lines[1:] {
		x := fact{}
		for i, name := range lines[0] {
			x[name] = line[i]
		}
		all = append(all, x)
	}
	return all
}

// verdict compares what a table says with the truth.
type verdict struct {
	*testing.T
	table      string
	rows       map[string]row
	same, lies int
}

// judge indexes the current rows of a table.
func judge(t *testing.T, table string, all []row, key ...string) *verdict {
	t.Helper()
	v := &verdict{T: t, table: table, rows: map[string]row{}}
	for _, r := range all {
		k := r.text(key...)
		if v.rows[k] != nil {
			t.Errorf("%s: two rows of %s", table, k)
		}
		v.rows[k] = r
	}
	return v
}

// take gives the row of a fact, which every fact has at most once.
func (v *verdict) take(key ...string) row {
	k := strings.Join(key, "|")
	r := v.rows[k]
	delete(v.rows, k)
	return r
}

// lie reports a difference, of many the first ten.
func (v *verdict) lie(format string, args ...any) {
	v.Helper()
	if v.lies++; v.lies <= 10 {
		v.Errorf(v.table+": "+format, args...)
	}
}

// equal compares columns of a row with the truth, numbers by value; absent is
// empty.
func (v *verdict) equal(r row, x fact, columns map[string]string) {
	v.Helper()
	for _, column := range slices.Sorted(maps.Keys(columns)) {
		got, want := "", x[columns[column]]
		switch c := r[column].(type) {
		case nil:
		case []any:
			got = strconv.Itoa(len(c))
		default:
			got = fmt.Sprint(c)
		}
		g, gerr := strconv.ParseFloat(got, 64)
		w, werr := strconv.ParseFloat(want, 64)
		if got != want && (gerr != nil || werr != nil || g != w) {
			v.lie("%v: %s is %q, in truth %q", x, column, got, want)
		}
	}
	v.same++
}

// end fails the test when rows are left that are not true, or little was
// compared.
func (v *verdict) end(least int) {
	v.Helper()
	for k := range v.rows {
		v.lie("%s is not true", k)
	}
	if v.lies > 10 {
		v.Errorf("%s: %d differences in all", v.table, v.lies)
	}
	if v.same < least {
		v.Errorf("%s: only %d facts were compared", v.table, v.same)
	}
}

const truthOperators = `
name: truth
venue: venue.yaml
identity: {key: test}
operators:
  sessions: {}
  ropo: {}
  abandonment: {cart: {}, checkout: {}, form: {}}
  crowd: {windows: [1m]}
sinks:
  out: {file: {dir: out, format: jsonl}}
`

// TestTruth runs a generated world and compares what comes out with what the
// world made true: with all events in order, and as they arrive, some late.
func TestTruth(t *testing.T) {
	dir := t.TempDir()
	touchstream(t, nil, "generate", "--days", "10", "--customers", "2000", "--dir", filepath.Join(dir, "world"),
		"--truth", filepath.Join(dir, "truth"), "--venue", filepath.Join(dir, "venue.yaml")).want(t, exitOK)
	var arriving strings.Builder
	for _, topic := range generator.Topics() {
		fmt.Fprintf(&arriving, "  %s: {file: {paths: [world/%s.jsonl]}, decode: {segment: {}}}\n", topic, topic)
	}
	run := func(t *testing.T, sources string) (string, summary) {
		s := bounded(t, write(t, dir, "truth.yaml", truthOperators+"sources:\n"+sources), nil)
		return filepath.Join(dir, "out"), s
	}
	t.Run("in order", func(t *testing.T) {
		out, s := run(t, "  world: {file: {paths: [\"world/*.jsonl\"], sort: true}, decode: {segment: {}}}\n")
		trueSummary(t, truths(t, dir, "summary"), s, false)
		trueOrders(t, truths(t, dir, "orders"), out)
		trueSessions(t, truths(t, dir, "sessions"), out, false)
		trueAbandonments(t, dir, out, nil)
		trueCrowd(t, dir, out)
	})
	t.Run("as it arrives", func(t *testing.T) {
		out, s := run(t, arriving.String())
		trueSummary(t, truths(t, dir, "summary"), s, true)
		trueOrders(t, truths(t, dir, "orders"), out)
		trueSessions(t, truths(t, dir, "sessions"), out, true)
		// A cart keeps no history: what comes late changes it as if it came last.
		var late []fact
		for _, x := range truths(t, dir, "sessions") {
			if x["late"] != "0" || x["too_late"] != "0" {
				late = append(late, x)
			}
		}
		trueAbandonments(t, dir, out, late)
	})
}

func trueSummary(t *testing.T, all []fact, s summary, hasLate bool) {
	t.Helper()
	want := map[string]int64{}
	for _, x := range all {
		n, err := strconv.ParseInt(x["count"], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		want[x["name"]] = n
	}
	late := want["too_late"]
	if !hasLate {
		late = 0
	}
	equal(t, "records", s.Records, want["records"])
	equal(t, "events", s.Events, want["events"]-late)
	equal(t, "duplicates", s.Duplicates, want["duplicates"])
	equal(t, "too late", s.DeadLetters["late"], late)
	for name, n := range want {
		if reason, ok := strings.CutPrefix(name, "dead_letters_"); ok {
			equal(t, reason, s.DeadLetters[reason], n)
		}
	}
	if want["late"] == 0 || want["too_late"] == 0 || want["duplicates"] == 0 {
		t.Errorf("the world has no noise: %v", want)
	}
}

// deviceTypes are the types of the world's devices.
var deviceTypes = map[string]string{"app": "phone", "phone_web": "phone", "laptop": "desktop", "tablet": "tablet"}

func trueOrders(t *testing.T, all []fact, out string) {
	t.Helper()
	v := judge(t, "ropo", final(rows(t, out, "ropo"), "order_id", "product_id"), "order_id", "product_id")
	directions := map[string]int{}
	for _, x := range all {
		r := v.take(x["order_id"], x["product_id"])
		if r == nil {
			v.lie("%v is missing", x)
			continue
		}
		x["research_device"] = deviceTypes[x["research_device"]]
		if x["refunded"] == "true" || x["cancelled"] == "true" {
			x["refunded"], x["quantity"], x["revenue"] = "true", "0", "0"
		}
		columns := map[string]string{"channel": "channel", "store_id": "store_id", "ordered_at": "ordered_at",
			"quantity": "quantity", "revenue": "revenue", "currency": "currency", "is_refunded": "refunded"}
		if x["ambiguous"] != "true" {
			maps.Copy(columns, map[string]string{"direction": "direction", "match_level": "match_level", "touches": "touches",
				"first_touch_at": "first_touch_at", "last_touch_at": "last_touch_at", "research_device": "research_device",
				"lag_in_store": "lag_in_store", "lag_on_the_way": "lag_on_the_way", "lag_1d": "lag_1d",
				"lag_2d_plus": "lag_2d_plus", "lag_7d_plus": "lag_7d_plus"})
		}
		v.equal(r, x, columns)
		directions[x["direction"]]++
		directions[x["match_level"]]++
		for _, lag := range []string{"lag_in_store", "lag_on_the_way", "lag_1d", "lag_2d_plus", "lag_7d_plus", "refunded"} {
			if x[lag] == "true" {
				directions[lag]++
			}
		}
	}
	v.end(1000)
	for _, kind := range []string{"none", "ropo", "showrooming", "click_collect", "unknown", "sku", "category",
		"lag_in_store", "lag_on_the_way", "lag_1d", "lag_2d_plus", "lag_7d_plus", "refunded"} {
		if directions[kind] == 0 {
			t.Errorf("no order of the world is %s", kind)
		}
	}
}

func trueSessions(t *testing.T, all []fact, out string, hasLate bool) {
	t.Helper()
	v := judge(t, "sessions", final(rows(t, out, "sessions"), "session_id"), "device_key", "start")
	tooLate := int64(0)
	for _, x := range all {
		r := v.take(x["device_key"], x["start"])
		if r == nil {
			v.lie("%v is missing", x)
			continue
		}
		columns := map[string]string{"channel": "channel", "end": "end", "orders": "orders", "revenue": "revenue", "is_bot": "is_bot"}
		if hasLate {
			columns["events"] = "events"
			// A phone whose topic was silent meanwhile is behind nobody.
			if late, _ := strconv.ParseInt(x["late"], 10, 64); r.int("late_events") > late {
				v.lie("%v: %d late events", x, r.int("late_events"))
			}
		} else {
			events, _ := strconv.ParseInt(x["events"], 10, 64)
			more, _ := strconv.ParseInt(x["too_late"], 10, 64)
			tooLate += more
			if r.int("events") != events+more || r.int("late_events") != 0 {
				v.lie("%v: %d events, %d late", x, r.int("events"), r.int("late_events"))
			}
		}
		v.equal(r, x, columns)
	}
	v.end(1000)
	if !hasLate && tooLate == 0 {
		t.Error("no session of the world has events that come too late")
	}
}

// trueAbandonments leaves out the carts of devices in the sessions given.
func trueAbandonments(t *testing.T, dir, out string, but []fact) {
	t.Helper()
	var carts, forms []row
	for _, r := range final(rows(t, out, "abandonments"), "abandonment_id") {
		if r["stage"] == "form" {
			forms = append(forms, r)
		} else {
			carts = append(carts, r)
		}
	}
	v := judge(t, "carts", carts, "cart_id", "opened_at")
	outcomes := map[string]int{}
	for _, x := range truths(t, dir, "carts") {
		r := v.take(x["cart_id"], x["opened_at"])
		outcomes[x["outcome"]]++
		switch {
		case slices.ContainsFunc(but, func(s fact) bool {
			return s["device_key"] == x["device_key"] && s["start"] <= x["last_activity_at"] && s["end"] >= x["opened_at"]
		}):
			continue
		case x["left"] != "true" && r != nil:
			v.lie("%v has a row: %v", x, r)
		case x["left"] == "true" && r == nil:
			v.lie("%v is missing", x)
		}
		if r == nil {
			continue
		}
		columns := map[string]string{"stage": "stage", "due_at": "due_at", "fired_at": "due_at", "items": "items", "products": "products",
			"value": "value", "currency": "currency", "state": "outcome"}
		if x["outcome"] == "recovered" {
			maps.Copy(columns, map[string]string{"closed_at": "closed_at", "closed_by_channel": "closed_by_channel", "recovered_revenue": "recovered_revenue"})
		}
		v.equal(r, x, columns)
	}
	v.end(100)
	for _, o := range []string{"expired", "recovered", "emptied", "cancelled"} {
		if outcomes[o] == 0 {
			t.Errorf("no cart of the world is %s", o)
		}
	}
	v = judge(t, "forms", forms, "form_id", "opened_at")
	for _, x := range truths(t, dir, "forms") {
		r := v.take(x["form_id"], x["opened_at"])
		if (r != nil) != (x["left"] == "true") {
			v.lie("%v: row %v", x, r)
		} else if r != nil {
			v.equal(r, x, map[string]string{"last_field": "last_field"})
		}
	}
	v.end(20)
}

const minute = 60_000

// zoneMinute is one row of crowd.
type zoneMinute struct {
	zone  string
	start int64
}

// trueCrowd compares each minute of the zones whose visitors report where they
// are, and what the doors counted.
func trueCrowd(t *testing.T, dir, out string) {
	t.Helper()
	at := func(s string) int64 {
		x, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return x.UnixMilli()
	}
	present, entries, exits, exact := map[zoneMinute]int64{}, map[zoneMinute]int64{}, map[zoneMinute]int64{}, map[string]bool{}
	for _, x := range truths(t, dir, "presence") {
		if x["seen_by"] != "zones" {
			continue
		}
		zone, from, to := x["zone_id"], at(x["from"]), at(x["to"])
		exact[zone] = true
		entries[zoneMinute{zone, from / minute}]++
		exits[zoneMinute{zone, to / minute}]++
		for m := from / minute; m <= to/minute; m++ {
			present[zoneMinute{zone, m}] += min(to, (m+1)*minute) - max(from, m*minute)
		}
	}
	doors, visits := map[string]float64{}, map[string]float64{}
	v := &verdict{T: t, table: "crowd"}
	for _, r := range final(rows(t, out, "crowd"), "zone_id", "window_ms", "window_start") {
		zone, _ := r["zone_id"].(string)
		k := zoneMinute{zone, at(fmt.Sprint(r["window_start"])) / minute}
		number := func(column string) float64 {
			n, err := strconv.ParseFloat(fmt.Sprint(r[column]), 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if strings.HasSuffix(zone, "-Z00") {
			doors[fmt.Sprint(r["store_id"])] += number("entries")
		}
		if !exact[zone] {
			continue
		}
		average := float64(present[k]) / minute
		if math.Abs(number("occupancy_avg")-average) > 1e-9 || number("entries") != float64(entries[k]) || number("exits") != float64(exits[k]) {
			v.lie("%v, in truth %v on average, %d entries and %d exits", r, average, entries[k], exits[k])
		}
		v.same++
		delete(present, k)
		delete(exits, k)
	}
	for k := range present {
		if cmp.Or(present[k], exits[k]) != 0 {
			v.lie("%s: no row of minute %d", k.zone, k.start)
		}
	}
	v.end(1000)
	for _, x := range truths(t, dir, "visits") {
		visits[x["store_id"]]++
	}
	if !maps.Equal(doors, visits) || len(visits) == 0 {
		t.Errorf("the doors counted %v, in truth %v", doors, visits)
	}
}
