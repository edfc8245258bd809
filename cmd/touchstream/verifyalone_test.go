package main

import (
	"fmt"
	"strings"
	"testing"

	"touchstream/deploy/dev/devtest"
)

// TestVerifyOperatorsAlone verifies single operators: each needs its own columns
// of the events alone. Carts are emptied, and products are removed from carts
// that were empty all along, within an episode and outside of any.
func TestVerifyOperatorsAlone(t *testing.T) {
	dir := t.TempDir()
	var log strings.Builder
	add := func(who, at, event, properties string) {
		fmt.Fprintf(&log, `{"type":"track","event":%q,"messageId":"%s%s","anonymousId":%q,"timestamp":"2026-03-02T%s:00Z","properties":{%s}}`+"\n", event, who, at, who, at, properties)
	}
	const p1, order = `"product_id":"p1","price":2,"quantity":1,"currency":"EUR"`, `"currency":"EUR","products":[{"product_id":"p1","price":2,"quantity":1}]`
	add("viewed", "10:00", "Product Viewed", p1)
	add("viewed", "10:01", "Product Removed", p1)
	add("viewed", "15:00", "Order Completed", `"order_id":"o1",`+order)
	add("nothing", "10:00", "Product Removed", p1)
	add("nothing", "10:30", "Product Viewed", p1)
	add("emptied", "10:00", "Product Added", p1)
	add("emptied", "10:05", "Product Removed", p1)
	add("emptied", "10:06", "Product Removed", p1)
	add("left", "10:00", "Product Added", p1)
	add("left", "10:10", "Product Viewed", p1)
	add("left", "16:00", "Product Removed", p1)
	add("left", "16:01", "Product Removed", p1)
	add("left", "18:00", "Order Completed", `"order_id":"o2",`+order)
	write(t, dir, "log.jsonl", log.String())
	for operators, table := range map[string]string{
		"abandonment: {}": "abandonments",
		"ropo: {}":        "ropo",
		"sessions: {}":    "sessions",
	} {
		t.Run(table, func(t *testing.T) {
			database := unique("alone")
			config := write(t, dir, database+".yaml", fmt.Sprintf(`name: %s
identity: {key: test}
sources: {web: {file: {paths: [log.jsonl], sort: true}, decode: {segment: {}}, defaults: {channel: web}}}
operators: {%s}
sinks: {warehouse: {clickhouse: {addr: [%q], database: %s}}}
`, database, operators, devtest.ClickHouse(t), database))
			bounded(t, config, nil)
			o := touchstream(t, nil, "verify", "-c", config, "--watermark", "end")
			if n := counted(t, o.stdout, table); o.code != exitOK || n.equal == 0 {
				t.Errorf("exit %d\n%s%s", o.code, o.stdout, o.stderr)
			}
		})
	}
}
