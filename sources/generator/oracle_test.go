package generator

import (
	"fmt"
	"sort"
	"strconv"
	"testing"
)

// The oracles below read the events of an observed world as semantics says,
// the slow way, to see that the truth has one right answer.

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

// presence pairs what the app says of zones.
func (w *observed) presence() []string {
	entered := map[string]int64{}
	var rows []string
	for i := range w.events {
		e := &w.events[i]
		p := &e.Properties
		switch e.Event {
		case "Zone Entered":
			entered[p.DeviceID+p.ZoneID] = e.at
		case "Zone Exited":
			rows = append(rows, fmt.Sprintf("%s %s %s %s", p.ZoneID, p.DeviceID, clock(entered[p.DeviceID+p.ZoneID]), clock(e.at)))
		}
	}
	return rows
}

func (w *observed) forms() []string {
	opened := map[string]int64{}
	var rows []string
	for i := range w.events {
		e := &w.events[i]
		switch e.Event {
		case "Form Started":
			if at, has := opened[e.AnonymousID]; has {
				rows = append(rows, fmt.Sprintf("%s %s true", e.sessionKey(), clock(at)))
			}
			opened[e.AnonymousID] = e.at
		case "Form Submitted":
			rows = append(rows, fmt.Sprintf("%s %s false", e.sessionKey(), clock(opened[e.AnonymousID])))
			delete(opened, e.AnonymousID)
		}
	}
	for id, at := range opened {
		rows = append(rows, fmt.Sprintf("anonymous_id:%s %s true", id, clock(at)))
	}
	return rows
}
