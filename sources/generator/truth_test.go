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
		LoyaltyID                                             string `json:"loyalty_id"`
		PaymentToken                                          string `json:"payment_token"`
		ProductID                                             string `json:"product_id"`
		CartID                                                string `json:"cart_id"`
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

// sessions splits each device's events at gaps of more than 30 minutes.
func (w *observed) sessions() []string {
	type open struct {
		start, end, events, orders int64
	}
	sessions := map[string]open{}
	var rows []string
	emit := func(key string, s open) {
		rows = append(rows, fmt.Sprintf("%s %s %s %d %d", key, clock(s.start), clock(s.end), s.events, s.orders))
	}
	for i := range w.events {
		e := &w.events[i]
		key := e.sessionKey()
		if key == "" || e.isSystem() || e.delay > 2*hour {
			continue
		}
		s, has := sessions[key]
		if has && e.at-s.end > 30*minute {
			emit(key, s)
			has = false
		}
		if !has {
			s = open{start: e.at}
		}
		s.end = e.at
		s.events++
		if e.Event == "Order Completed" {
			s.orders++
		}
		sessions[key] = s
	}
	for key, s := range sessions {
		emit(key, s)
	}
	return rows
}

func (w *observed) lines() []string {
	var rows []string
	for i := range w.events {
		e := &w.events[i]
		if e.Event != "Order Completed" {
			continue
		}
		p := &e.Properties
		for _, l := range p.Products {
			rows = append(rows, fmt.Sprintf("%s %s %s %s %s %d %s", p.OrderID, l.ProductID, p.Channel, clock(e.at), p.Fulfilment, l.Quantity, money(l.Price*float64(l.Quantity))))
		}
	}
	return rows
}

// touched is a touch as semantics §6 counts it.
type touched struct {
	at                int64
	online            bool
	product, category string
}

// touches gives each profile's touches by time, and its entries of stores.
func (w *observed) touches() (map[string][]touched, map[string][]seen) {
	list, entries := map[string][]touched{}, map[string][]seen{}
	inside := map[string]*seen{}
	for i := range w.events {
		e := &w.events[i]
		id, p := w.profile(e), &e.Properties
		switch e.Event {
		case "Product Viewed", "Product Clicked", "Product Added":
			list[id] = append(list[id], touched{e.at, true, p.ProductID, p.Category})
		case "Product List Viewed":
			list[id] = append(list[id], touched{e.at, true, "", p.Category})
		case "Tag Read":
			list[id] = append(list[id], touched{e.at, false, p.ProductID, p.Category})
		case "Store Entered":
			entries[id] = append(entries[id], *e)
		case "Zone Entered":
			inside[p.DeviceID] = e
		case "Zone Exited":
			z, _ := strconv.Atoi(p.ZoneID[len(p.ZoneID)-2:])
			from := inside[p.DeviceID].at
			if e.at-from < 60*second || z < zoneDept || z >= zoneFitting {
				continue
			}
			for k := range catsPerDept {
				list[id] = append(list[id], touched{from + 60*second, false, "", categoryNames[(z-zoneDept)*catsPerDept+k]})
			}
		}
	}
	for id := range list {
		sort.SliceStable(list[id], func(i, j int) bool { return list[id][i].at < list[id][j].at })
	}
	return list, entries
}

// ropo judges each order's products by the touches of its profile.
func (w *observed) ropo(t *testing.T) []string {
	list, entries := w.touches()
	var rows []string
	for i := range w.events {
		e := &w.events[i]
		if e.Event != "Order Completed" {
			continue
		}
		id, p := w.profile(e), &e.Properties
		start := e.at
		for _, s := range entries[id] {
			if s.Properties.StoreID == p.StoreID && s.at <= e.at && s.at >= e.at-4*hour {
				start = s.at
			}
		}
		before := 0
		for before < len(list[id]) && list[id][before].at < e.at {
			before++
		}
		memory := list[id][max(0, before-64):before]
		for _, l := range p.Products {
			rows = append(rows, judgeLine(e, id, l.ProductID, l.Category, memory, start))
		}
	}
	return rows
}

func judgeLine(e *seen, id, product, category string, memory []touched, start int64) string {
	p := &e.Properties
	isTill := p.Channel == "pos"
	var sku, cat []touched
	for _, m := range memory {
		if m.online != isTill || m.at < e.at-30*day {
			continue
		}
		if m.product == product {
			sku = append(sku, m)
		}
		if m.category == category {
			cat = append(cat, m)
		}
	}
	level, match := "sku", sku
	if len(sku) == 0 {
		level, match = "category", cat
	}
	direction := directionNone
	switch {
	case id == "":
		direction = directionUnknown
	case p.Fulfilment == "pickup":
		direction = directionClickCollect
	case len(match) > 0 && isTill:
		direction = directionROPO
	case len(match) > 0:
		direction = directionShowrooming
	}
	var first, last int64
	var flags [5]bool
	for i, m := range match {
		if i == 0 {
			first = m.at
		}
		last = m.at
		if !isTill {
			start = e.at
		}
		age := start - m.at
		flags[0] = flags[0] || isTill && age <= 0
		flags[1] = flags[1] || isTill && age > 0 && age <= 2*hour
		flags[2] = flags[2] || age > 2*hour && age <= 48*hour
		flags[3] = flags[3] || age > 48*hour
		flags[4] = flags[4] || age > 7*day
	}
	if direction != directionROPO && direction != directionShowrooming {
		level, match, first, last, flags = "", nil, 0, 0, [5]bool{}
	}
	return fmt.Sprintf("%s %s %s %s %d %s %s %t %t %t %t %t", p.OrderID, product, direction, level, len(match), clock(first), clock(last),
		flags[0], flags[1], flags[2], flags[3], flags[4])
}

// episode is a cart as semantics §7 follows it.
type episode struct {
	stage             string
	opened, last, due int64
	units             map[string]int
	price             map[string]float64
	isOpen            bool
}

func (e *episode) row(outcome string, closed int64) string {
	units, value := 0, 0.0
	for id, n := range e.units {
		units += n
		value += float64(n) * e.price[id]
	}
	return fmt.Sprintf("%s %s %s %s %d %s %s %s", e.stage, clock(e.opened), clock(e.last), clock(e.due), units, money(value), outcome, clock(closed))
}

// act deepens the episode or opens one.
func (e *episode) act(stage string, at int64) {
	if !e.isOpen {
		e.isOpen, e.opened, e.stage = true, at, "cart"
	}
	if stage == "cart" && e.stage == "checkout" {
		return
	}
	after := hour
	if stage == "checkout" {
		after = 30 * minute
	}
	e.stage, e.last, e.due = stage, at, at+after
}

// carts follows the carts of each profile with `cart: 1h, checkout: 30m`.
func (w *observed) carts(t *testing.T) []string {
	type state struct {
		now   episode
		fired *episode
	}
	states := map[string]*state{}
	var rows []string
	for i := range w.events {
		e := &w.events[i]
		id := w.profile(e)
		if id == "" {
			continue
		}
		s := states[id]
		if s == nil {
			s = &state{}
			s.now.units, s.now.price = map[string]int{}, map[string]float64{}
			states[id] = s
		}
		if s.now.isOpen && e.at > s.now.due {
			if s.fired != nil {
				rows = append(rows, s.fired.row(outcomeExpired, 0))
			}
			fired := s.now
			fired.units = map[string]int{}
			for k, n := range s.now.units {
				fired.units[k] = n
			}
			s.fired, s.now.isOpen = &fired, false
		}
		rows = s.now.follow(t, e, rows)
		if e.Event == "Order Completed" {
			if s.fired != nil && e.at-s.fired.due <= 7*day {
				rows = append(rows, s.fired.row(outcomeRecovered, e.at))
				s.fired = nil
			}
			s.now.isOpen = false
			clear(s.now.units)
		}
	}
	for _, s := range states {
		if s.fired != nil {
			rows = append(rows, s.fired.row(outcomeExpired, 0))
		}
		if s.now.isOpen {
			rows = append(rows, s.now.row(outcomeExpired, 0))
		}
	}
	return rows
}

// follow takes one event and adds the row of an episode that it ends.
func (n *episode) follow(t *testing.T, e *seen, rows []string) []string {
	p := &e.Properties
	switch e.Event {
	case "Product Added":
		n.units[p.ProductID] += p.Quantity
		n.price[p.ProductID] = p.Price
		n.act("cart", e.at)
	case "Product Removed":
		n.units[p.ProductID] -= p.Quantity
		n.act("cart", e.at)
		left := 0
		for _, k := range n.units {
			left += k
		}
		if left == 0 {
			n.isOpen = false
			return append(rows, n.row(outcomeEmptied, e.at))
		}
	case "Cart Viewed":
		clear(n.units)
		for _, l := range p.Products {
			n.units[l.ProductID] = l.Quantity
			n.price[l.ProductID] = l.Price
		}
		n.act("cart", e.at)
	case "Checkout Started", "Checkout Step Viewed", "Checkout Step Completed", "Payment Info Entered":
		n.act("checkout", e.at)
	case "Order Completed":
		if n.isOpen {
			return append(rows, n.row(outcomeCancelled, e.at))
		}
	case "Store Entered", "Store Exited":
		if n.isOpen {
			t.Errorf("%s at %s while a cart is open", e.Event, clock(e.at))
		}
	}
	return rows
}
