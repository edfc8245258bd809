package generator

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"testing"
)

func itoa(n int) string { return strconv.Itoa(n) }

// seen is a record as an outsider reads it.
type seen struct {
	Type, Event, MessageID, AnonymousID, UserID string
	Traits                                      struct {
		Email, Phone string
		LoyaltyID    string `json:"loyalty_id"`
	}
	Context struct {
		Device struct{ ID string }
	}
	Properties struct {
		Channel, Email, Phone, Category, Currency, Fulfilment string
		Total, Price                                          float64
		Quantity                                              int
		OrderID                                               string `json:"order_id"`
		StoreID                                               string `json:"store_id"`
		ZoneID                                                string `json:"zone_id"`
		DeviceID                                              string `json:"device_id"`
		SensorID                                              string `json:"sensor_id"`
		CountIn                                               int    `json:"count_in"`
		LoyaltyID                                             string `json:"loyalty_id"`
		PaymentToken                                          string `json:"payment_token"`
		ProductID                                             string `json:"product_id"`
		Products                                              []struct {
			ProductID string `json:"product_id"`
			Category  string
			Price     float64
			Quantity  int
		}
	}
	at, delay int64
}

// ids are the identifiers of an event, the strongest first.
func (s *seen) ids() []string {
	var ids []string
	add := func(kind, value string) {
		if value != "" {
			ids = append(ids, kind+":"+value)
		}
	}
	p := &s.Properties
	add("user_id", s.UserID)
	add("loyalty_id", s.Traits.LoyaltyID+p.LoyaltyID)
	add("email", strings.ToLower(strings.TrimSpace(s.Traits.Email+p.Email)))
	add("phone", s.Traits.Phone+p.Phone)
	add("payment_token", p.PaymentToken)
	add("anonymous_id", s.AnonymousID)
	add("device_id", s.Context.Device.ID+p.DeviceID)
	return ids
}

// sessionKey is the key by semantics §4.
func (s *seen) sessionKey() string {
	switch p := &s.Properties; {
	case s.AnonymousID != "":
		return "anonymous_id:" + s.AnonymousID
	case s.Context.Device.ID+p.DeviceID != "":
		return "device_id:" + s.Context.Device.ID + p.DeviceID
	case s.UserID != "":
		return "user_id:" + s.UserID
	case p.LoyaltyID != "":
		return "loyalty_id:" + p.LoyaltyID
	}
	return ""
}

func (s *seen) isSystem() bool {
	switch s.Event {
	case "Sensor Seen", "Counter Read", "Message Sent", "Shipment Updated", "Pickup Ready", "Pickup Expired", "Order Updated", "Order Refunded", "Order Cancelled", "Case Closed":
		return true
	}
	return s.Type == "identify"
}

// observed is a world seen from outside, without what noise added, by time.
type observed struct {
	events []seen
	dir    string
	root   map[string]string // union-find over identifiers
}

func observe(t *testing.T, o Options) *observed {
	w := &observed{dir: t.TempDir(), root: map[string]string{}}
	run(t, o, w.dir, func(r *Record) {
		if r.Kind != Event {
			return
		}
		var s seen
		if err := json.Unmarshal(r.Value, &s); err != nil {
			t.Fatal(err)
		}
		s.at, s.delay = r.TimeMS, r.ArrivalMS-r.TimeMS
		w.events = append(w.events, s)
		if ids := s.ids(); len(ids) > 0 {
			for _, id := range ids[1:] {
				w.root[w.find(id)] = w.find(ids[0])
			}
		}
	})
	sort.SliceStable(w.events, func(i, j int) bool { return w.events[i].at < w.events[j].at })
	return w
}

func (w *observed) find(id string) string {
	for w.root[id] != "" && w.root[id] != id {
		id = w.root[id]
	}
	return id
}

// profile is the connected set that the event belongs to in the end.
func (w *observed) profile(s *seen) string {
	if ids := s.ids(); len(ids) > 0 {
		return w.find(ids[0])
	}
	return ""
}

// table gives the named columns of a truth table, joined, one text per row.
func (w *observed) table(t *testing.T, name string, columns ...string) []string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(readTruth(t, w.dir, name))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at := map[string]int{}
	for i, c := range rows[0] {
		at[c] = i
	}
	var list []string
	for _, row := range rows[1:] {
		var cells []string
		for _, c := range columns {
			i, has := at[c]
			if !has {
				t.Fatalf("%s has no column %s", name, c)
			}
			cells = append(cells, row[i])
		}
		list = append(list, strings.Join(cells, " "))
	}
	return list
}

// compare reports the rows that only one side has.
func compare(t *testing.T, truth, counted []string) {
	t.Helper()
	n := map[string]int{}
	for _, row := range truth {
		n[row]++
	}
	for _, row := range counted {
		n[row]--
	}
	var faults []string
	for row, k := range n {
		if k != 0 {
			faults = append(faults, fmt.Sprintf("%+d %s", k, row))
		}
	}
	sort.Slice(faults, func(i, j int) bool {
		return faults[i][strings.IndexByte(faults[i], ' '):] < faults[j][strings.IndexByte(faults[j], ' '):]
	})
	if len(faults) > 0 {
		t.Errorf("%d rows differ (+ only in the truth, - only in the stream) of %d and %d:\n%s",
			len(faults), len(truth), len(counted), strings.Join(faults[:min(len(faults), 12)], "\n"))
	}
	if len(truth) < 10 {
		t.Errorf("only %d rows", len(truth))
	}
}

func clock(at int64) string {
	if at == 0 {
		return ""
	}
	var s stamp
	return string(s.append(nil, at))
}

func money(v float64) string { return string(appendCents(nil, int64(v*100+0.5))) }

func TestTruthOfWorld(t *testing.T) {
	w := observe(t, small())
	t.Run("sessions", func(t *testing.T) {
		compare(t, w.table(t, "sessions", "device_key", "start", "end", "events", "orders"), w.sessions())
	})
	t.Run("presence", func(t *testing.T) {
		var zones []string
		for _, row := range w.table(t, "presence", "seen_by", "zone_id", "device_id", "from", "to") {
			if rest, is := strings.CutPrefix(row, "zones "); is {
				zones = append(zones, rest)
			}
		}
		compare(t, zones, w.presence())
	})
	t.Run("doors", func(t *testing.T) {
		counted := 0
		for i := range w.events {
			counted += w.events[i].Properties.CountIn
		}
		if visits := len(w.table(t, "visits", "person")); counted != visits {
			t.Errorf("the doors counted %d people, the truth has %d visits", counted, visits)
		}
	})
	t.Run("forms", func(t *testing.T) {
		compare(t, w.table(t, "forms", "device_key", "opened_at", "left"), w.forms())
	})
	t.Run("orders", func(t *testing.T) {
		compare(t, w.table(t, "orders", "order_id", "product_id", "channel", "ordered_at", "fulfilment", "quantity", "revenue"), w.lines())
	})
	t.Run("ropo", func(t *testing.T) {
		compare(t, w.table(t, "orders", "order_id", "product_id", "direction", "match_level", "touches", "first_touch_at", "last_touch_at",
			"lag_in_store", "lag_on_the_way", "lag_1d", "lag_2d_plus", "lag_7d_plus"), w.ropo(t))
	})
	t.Run("carts", func(t *testing.T) {
		compare(t, w.table(t, "carts", "stage", "opened_at", "last_activity_at", "due_at", "items", "value", "outcome", "closed_at"), w.carts(t))
	})
}
