package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

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
