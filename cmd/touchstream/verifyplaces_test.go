package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// A shopLog is a file of events of a shop, in Segment's format, in the order of
// arrival. Times are seconds after the start of a day.
type shopLog struct {
	lines strings.Builder
	n     int
}

// add adds a track or identify call; properties are JSON without braces.
func (l *shopLog) add(second int, event, who, properties string) {
	l.n++
	kind := `"type": "track", "event": "` + event + `"`
	if event == "identify" {
		kind = `"type": "identify"`
	}
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC).Add(time.Duration(second) * time.Second).Format(time.RFC3339)
	fmt.Fprintf(&l.lines, "{%s, \"messageId\": \"m%d\", \"timestamp\": %q, %s, \"properties\": {%s}}\n", kind, l.n, at, who, properties)
}

// order adds an order at a till.
func (l *shopLog) order(second int, who, store, order, category string) {
	l.add(second, "Order Completed", who, fmt.Sprintf(`"channel": "pos", "store_id": %q, "order_id": %q, "product_id": "p", "category": %q, "quantity": 1, "price": 10, "currency": "EUR"`, store, order, category))
}

const twinStores = `
stores:
  - {id: north, zones: [{id: hall, area_m2: 100, categories: [lamps]}, {id: shelf, area_m2: 10, categories: [chairs]}, {id: door, sensors: [{id: n1, kind: counter}]}, {id: attic, categories: [rugs]}]}
  - {id: south, zones: [{id: hall, area_m2: 10, calibration: 2, categories: [paint]}, {id: shelf}, {id: door, sensors: [{id: s1, kind: counter}]}]}
`

// verifyShop runs a log of the stores above and wants verify to find nothing.
func verifyShop(t *testing.T, l *shopLog) {
	t.Helper()
	dir := t.TempDir()
	write(t, dir, "venue.yaml", twinStores)
	write(t, dir, "shop.jsonl", l.lines.String())
	config, _ := verifyIn(t, dir, "sources:\n  shop: {file: {paths: [shop.jsonl]}, decode: {segment: {}}, defaults: {channel: web}}\n")
	bounded(t, config, nil)
	if o := touchstream(t, nil, "verify", "-c", config, "--watermark", "end"); o.code != exitOK {
		t.Errorf("exit code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
}

// TestVerifyZonesOfOneName verifies stores that call their zones alike.
func TestVerifyZonesOfOneName(t *testing.T) {
	l := &shopLog{}
	for i, store := range []string{"south", "north", "south", "north"} {
		who := fmt.Sprintf(`"userId": "u%d"`, i)
		at := func(second int, event, zone string) {
			l.add(600*i+second, event, who, fmt.Sprintf(`"channel": "store", "store_id": %q, "zone_id": %q`, store, zone))
		}
		at(0, "Zone Entered", "hall")
		at(90, "Zone Entered", "shelf")
		at(200, "Zone Exited", "shelf")
		l.add(600*i+210, "Counter Read", who, fmt.Sprintf(`"channel": "store", "store_id": %q, "zone_id": "door", "count_in": 2, "count_out": 1`, store))
		l.add(600*i+215, "Counter Read", who, fmt.Sprintf(`"channel": "store", "sensor_id": %q, "count_in": 3, "count_out": 0`, store[:1]+"1"))
		// For its own shelves it was seen offline before, for all others not.
		for _, category := range []string{"lamps", "paint", "chairs"} {
			l.add(600*i+300, "Order Completed", who, fmt.Sprintf(`"order_id": "o%d%s", "product_id": "p", "category": %q, "quantity": 1, "price": 5`, i, category, category))
		}
	}
	// Where doors count, devices make no row, and an exit alone makes one.
	l.add(2800, "Zone Entered", `"userId": "u8"`, `"channel": "store", "store_id": "north", "zone_id": "door"`)
	l.add(2810, "Counter Read", `"userId": "u8"`, `"channel": "store", "sensor_id": "s1", "count_in": 0, "count_out": 20`)
	l.add(2950, "Counter Read", `"userId": "u8"`, `"channel": "store", "sensor_id": "s1", "count_in": 0, "count_out": 1`)
	// A zone that one store alone has needs no store.
	l.add(3000, "Zone Entered", `"userId": "u9"`, `"channel": "store", "zone_id": "attic"`)
	l.add(3100, "Zone Exited", `"userId": "u9"`, `"channel": "store", "zone_id": "attic"`)
	l.add(3200, "Order Completed", `"userId": "u9"`, `"order_id": "o9", "product_id": "p", "category": "rugs", "quantity": 1, "price": 5`)
	verifyShop(t, l)
}

// TestVerifyStays verifies orders behind stays in zones that are entered twice,
// left for another one, or end with the store.
func TestVerifyStays(t *testing.T) {
	l := &shopLog{}
	for i, steps := range [][]string{
		{"0 Zone Entered hall", "40 Zone Entered hall", "70 Zone Exited hall"},
		{"0 Zone Entered hall", "60 Zone Entered hall", "61 Zone Entered hall", "90 Zone Exited hall"},
		{"0 Zone Entered hall", "30 Zone Exited shelf", "80 Zone Exited hall"},
		{"0 Zone Entered hall", "30 Store Entered hall", "80 Zone Exited hall"},
		{"0 Zone Entered hall", "59 Store Exited hall"},
		{"0 Zone Entered hall", "30 Zone Exited roof", "40 Zone Entered roof", "80 Zone Exited hall"},
		{"0 Zone Entered hall", "60 Zone Exited hall"},
		{"0 Zone Entered hall", "59 Zone Exited hall"},
		{"300 Zone Entered shelf", "0 Zone Entered hall", "80 Zone Exited hall", "310 Zone Exited shelf"},
		{"0 Zone Entered hall"},
		{"0 Zone Entered hall", "20 Zone Entered door", "80 Zone Exited door"},
		{"0 Zone Entered hall", "30 Zone Exited ", "80 Zone Exited hall"},
	} {
		who := fmt.Sprintf(`"userId": "u%d"`, i)
		for _, step := range steps {
			var second int
			var object, verb string
			if _, err := fmt.Sscan(step, &second, &object, &verb); err != nil {
				t.Fatal(err)
			}
			zone := step[strings.LastIndexByte(step, ' ')+1:]
			l.add(1000*i+second, object+" "+verb, who, fmt.Sprintf(`"channel": "store", "store_id": "north", "zone_id": %q`, zone))
		}
		for _, category := range []string{"lamps", "chairs", "paint"} {
			l.add(1000*i+400, "Order Completed", who, fmt.Sprintf(`"order_id": "o%d %s", "product_id": "p", "category": %q, "quantity": 1, "price": 5`, i, category, category))
		}
	}
	verifyShop(t, l)
}

// TestVerifyLateMerge verifies carts of people whose card was bound to them by a
// late event, behind an order with the card: profiles merge when that event
// comes, whatever its time is.
func TestVerifyLateMerge(t *testing.T) {
	for name, at := range map[string]int{"late": 3000, "so late that no operator takes it": 0} {
		t.Run(name, func(t *testing.T) {
			l := &shopLog{}
			anonymous, card := `"anonymousId": "a"`, `"anonymousId": "", "context": {"traits": {"loyalty_id": "c"}}`
			l.add(100, "page", anonymous, `"path": "/"`)
			l.add(3010, "Product Added", anonymous, `"product_id": "lamp", "price": 20, "currency": "EUR"`)
			l.add(9000, "page", `"anonymousId": "b"`, `"path": "/"`)
			l.order(12000, card, "north", "o1", "lamps")
			l.add(13000, "page", `"anonymousId": "b"`, `"path": "/"`)
			l.add(at, "identify", `"anonymousId": "a", "traits": {"loyalty_id": "c"}`, "")
			l.add(13100, "page", `"anonymousId": "b"`, `"path": "/"`)
			verifyShop(t, l)
		})
	}
}
