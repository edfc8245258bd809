package main

import (
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"touchstream/pipeline/event"
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
		trueIdentities(t, truths(t, dir, "people"), out)
		trueOrders(t, truths(t, dir, "orders"), out)
		trueSessions(t, truths(t, dir, "sessions"), out, false)
		trueAbandonments(t, dir, out, nil)
		trueCrowd(t, dir, out)
	})
	t.Run("as it arrives", func(t *testing.T) {
		out, s := run(t, arriving.String())
		trueSummary(t, truths(t, dir, "summary"), s, true)
		trueIdentities(t, truths(t, dir, "people"), out)
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

// trueIdentities checks that all known identifiers of a person lead to one
// profile, which is nobody else's, and that devices that never logged in do not.
func trueIdentities(t *testing.T, people []fact, out string) {
	t.Helper()
	profiles := map[string]string{}
	for _, r := range final(rows(t, out, "identities"), "kind", "value") {
		profiles[r.text("kind", "value")] = fmt.Sprint(r["profile_id"])
	}
	hasher := event.NewHasher("test", nil)
	v := &verdict{T: t, table: "identities"}
	owners := map[string]string{}
	profileOf := func(k event.Ident, value string) string {
		switch k {
		case event.IdentEmail, event.IdentPhone, event.IdentPayment, event.IdentAnonymous:
			value = hasher.Sum(byte(k), []byte(strings.TrimPrefix(value, "+"))).String()
		}
		return profiles[k.String()+"|"+value]
	}
	devices := func(list string) (ids []string) {
		for _, d := range strings.Fields(list) {
			_, id, _ := strings.Cut(d, ":")
			ids = append(ids, id)
		}
		return ids
	}
	for _, x := range people {
		mine := map[string]bool{}
		for _, k := range []event.Ident{event.IdentUser, event.IdentLoyalty, event.IdentEmail, event.IdentPhone, event.IdentPayment} {
			mine[profileOf(k, x[k.String()])] = true
		}
		linked := devices(x["linked_devices"])
		for _, d := range linked {
			mine[profileOf(event.IdentAnonymous, d)] = true
		}
		if strings.Contains(x["linked_devices"], "app:") {
			mine[profileOf(event.IdentDevice, x["device_id"])] = true
		}
		delete(mine, "")
		if len(mine) > 1 {
			v.lie("%v is %d profiles", x, len(mine))
		}
		for _, d := range devices(x["devices"]) {
			if p := profileOf(event.IdentAnonymous, d); p != "" && !slices.Contains(linked, d) {
				if mine[p] {
					v.lie("%v: device %s never logged in", x, d)
				}
				mine[p] = true
			}
		}
		for p := range mine {
			if owners[p] != "" {
				v.lie("persons %s and %s are one profile", owners[p], x["person"])
			}
			owners[p] = x["person"]
			v.same++
		}
	}
	v.end(1000)
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
