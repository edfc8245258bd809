package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"touchstream/deploy/dev/devtest"
	"touchstream/pipeline/venue"
	"touchstream/sources/generator"
)

// exampleRuns says how each example is run. Those over public data are checked
// here and run by the tests of their figures.
var exampleRuns = map[string]func(t *testing.T, path string){
	"journey.yaml":       publicExample("complete_journey"),
	"otto.yaml":          publicExample(""),
	"retail.yaml":        publicExample("uci_online_retail"),
	"taobao.yaml":        publicExample("taobao_userbehavior_head"),
	"wifi.yaml":          publicExample("brno_wifi_probes"),
	"windows.yaml":       windowsExample,
	"segment-files.yaml": segmentExample,
	"shop.yaml":          shopExample,
}

// TestExamples runs every file of the folder of examples.
func TestExamples(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(examplesDir, "*.yaml"))
	if err != nil || len(paths) < len(exampleRuns) {
		t.Fatalf("%d examples: %v", len(paths), err)
	}
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			run, ok := exampleRuns[name]
			switch {
			case ok:
				run(t, path)
			case strings.HasPrefix(name, "venue-"):
				if _, err := venue.Load(path, os.LookupEnv); err != nil {
					t.Error(err)
				}
			default:
				t.Errorf("no test runs %s", path)
			}
		})
	}
}

func publicExample(set string) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		e := env{}
		if set != "" {
			e["DATA"] = publicData(t, set)
		}
		touchstream(t, e, "validate", "-c", path).want(t, exitOK)
	}
}

func windowsExample(t *testing.T, path string) {
	out := t.TempDir()
	s := bounded(t, path, env{"OUT": out})
	orders := func(table, column string) (n int64) {
		for _, r := range final(rows(t, out, table), "window_start") {
			n += r.int(column)
		}
		return n
	}
	distinct := map[string]bool{}
	var completed int
	for _, r := range rows(t, out, "events") {
		if r["event"] == "Order Completed" {
			distinct[fmt.Sprint(r["order_id"])] = true
			completed++
		}
	}
	if completed == 0 {
		t.Fatal("the world has no orders")
	}
	equal(t, "orders of all days", orders("window_days", "orders"), int64(len(distinct)))
	for _, table := range []string{"window_events_by_channel", "window_hot_categories", "window_weeks", "window_bursts", "window_prices"} {
		if s.Rows[table] == 0 {
			t.Errorf("%s has no rows", table)
		}
	}
	for _, r := range rows(t, out, "window_days") {
		// In Warsaw's winter local midnight is 23:00 UTC.
		if start := fmt.Sprint(r["window_start"]); !strings.HasSuffix(start, "T23:00:00.000Z") {
			t.Errorf("a day begins at %s", start)
		}
	}
	for _, r := range rows(t, out, "window_weeks") {
		at, err := time.Parse(time.RFC3339, fmt.Sprint(r["window_start"]))
		if err != nil || at.Add(time.Hour).Weekday() != time.Monday {
			t.Errorf("a week begins at %v", r["window_start"])
		}
	}
}

// segmentExample does what the example's comment says.
func segmentExample(t *testing.T, path string) {
	dir := t.TempDir()
	world, out := filepath.Join(dir, "world"), filepath.Join(dir, "out")
	touchstream(t, nil, "generate", "--customers", "200", "--days", "2", "--dir", world, "--venue", filepath.Join(world, "venue.yaml"),
		"--truth", filepath.Join(dir, "truth")).want(t, exitOK)
	s := bounded(t, path, env{"WORLD": world, "OUT": out})
	lines := 0
	for _, topic := range generator.Topics() {
		text, err := os.ReadFile(filepath.Join(world, topic+".jsonl"))
		if err != nil {
			t.Fatal(err)
		}
		lines += strings.Count(string(text), "\n")
	}
	equal(t, "records", s.Records, int64(lines))
	for _, table := range []string{"sessions", "ropo", "abandonments", "crowd", "crowd_flows", "identities"} {
		if s.Rows[table] == 0 {
			t.Errorf("%s has no rows", table)
		}
	}
}

// shopEvents are what two visitors of shop.yaml do: one looks at shoes and buys
// them in a store, one leaves a cart.
func shopEvents() []generator.Record {
	event := func(topic, visitor, at, body string) generator.Record {
		when, err := time.Parse(time.RFC3339, at)
		if err != nil {
			panic(err)
		}
		return generator.Record{Topic: topic, ArrivalMS: when.UnixMilli(), Key: []byte(visitor),
			Value: fmt.Appendf(nil, `{"messageId":"%s-%s","anonymousId":%q,"timestamp":%q,%s}`, visitor, at, visitor, at, body)}
	}
	return []generator.Record{
		event("web", "v1", "2026-03-02T09:00:00Z", `"type":"identify","userId":"u1","traits":{"loyalty_id":"L-1"}`),
		event("web", "v1", "2026-03-02T09:01:00Z", `"type":"track","event":"Product Viewed","properties":{"product_id":"SHOE-7","category":"shoes","price":249.90,"currency":"PLN"}`),
		event("app", "v2", "2026-03-02T10:00:00Z", `"type":"track","event":"Product Added","properties":{"product_id":"SHOE-9","quantity":1,"price":319,"currency":"PLN"}`),
		{Topic: "web", ArrivalMS: 1_772_445_700_000, Key: []byte("v1"), Value: []byte("this is no event")},
	}
}

// shopExample runs the main example between a real Kafka and ClickHouse.
func shopExample(t *testing.T, path string) {
	brokers, addr := devtest.Kafka(t), devtest.ClickHouse(t)
	deleteTopics(t, brokers, append(generator.Topics(), "shop.triggers", "shop.dead_letters")...)
	c := warehouse(t, addr)
	if err := c.Exec(t.Context(), "DROP DATABASE IF EXISTS shop"); err != nil {
		t.Fatal(err)
	}
	produce(t, brokers, "", shopEvents())
	e := env{"TOUCHSTREAM_KAFKA": brokers[0], "TOUCHSTREAM_CLICKHOUSE": addr, "HTTP": "127.0.0.1:0"}
	o := touchstream(t, e, "validate", "-c", path, "--connect")
	o.want(t, exitOK)
	for _, text := range []string{"sources.web: reached", "sinks.warehouse: reached", "sinks.rtm: reached"} {
		if !strings.Contains(o.stdout, text) {
			t.Errorf("validate --connect does not say %q:\n%s", text, o.stdout)
		}
	}
	s := bounded(t, path, e, "--publish")
	equal(t, "skipped", s.Skipped, 1)
	equal(t, "dead letters", fmt.Sprint(s.DeadLetters), "map[malformed:1]")
	equal(t, "receipt lines researched online", number(t, c,
		"SELECT count() FROM shop.v_ropo WHERE direction = 'ropo' AND match_level = 'sku' AND order_id = 'S01/1001' AND product_id = 'SHOE-7' AND revenue = 249.9"), 1)
	equal(t, "lines of the same receipt that were not", number(t, c,
		"SELECT count() FROM shop.v_ropo WHERE direction = 'none' AND order_id = 'S01/1001' AND product_id = 'SOCK-2' AND quantity = 2"), 1)
	equal(t, "carts left", number(t, c, "SELECT count() FROM shop.v_abandonments WHERE stage = 'cart' AND value = 319"), 1)
	equal(t, "sessions", number(t, c, "SELECT count() FROM shop.v_sessions WHERE channel IN ('web', 'app')"), 2)
	equal(t, "revenue at the tills", number(t, c,
		"SELECT toUInt64(sum(revenue) * 100) FROM shop.v_window_revenue_by_channel WHERE channel = 'pos'"), 24990+2*1995+31900+8900)
	triggers := messages(t, brokers[0], "shop.triggers")
	if len(triggers) != 1 || !strings.Contains(string(triggers[0].Value), `"trigger":"abandonment.fired"`) {
		t.Errorf("%d triggers: %v", len(triggers), triggers)
	}
	if dead := messages(t, brokers[0], "shop.dead_letters"); len(dead) != 1 || string(dead[0].Value) != "this is no event" {
		t.Errorf("dead letters: %v", dead)
	}
}
