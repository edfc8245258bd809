package ropo

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
)

// oracle is semantics §6 as a function of all events at once: no memory but the
// events, no order but that of facts. It knows neither merges in the middle
// (profiles are the final ones) nor what a full memory gives up, but for touches
// of events that come in order.
type oracle struct {
	cfg   Config
	venue *venue.Venue
	b     *event.Batch
	rows  []int // in the order of facts
	final func(event.Hash) event.Hash
}

// contact is a touch; seq is its place among all facts.
type contact struct {
	at, seq                int64
	row                    int
	product, sku, category string
	isOffline              bool
}

func newOracle(cfg Config, v *venue.Venue, l *pipetest.Log, lag int64, final func(event.Hash) event.Hash) *oracle {
	o := &oracle{cfg: cfg, venue: v, b: l.Batch(lag), final: final}
	for i := range o.b.N {
		if late := o.b.Mark[i] - o.b.Time(i); o.b.Mark[i] == math.MinInt64 || late <= cfg.Lookback {
			o.rows = append(o.rows, i)
		}
	}
	slices.SortFunc(o.rows, func(x, y int) int { return event.CompareTime(o.b, x, o.b, y) })
	return o
}

func (o *oracle) text(c event.Column, row int) string { return string(o.b.Text(c, row)) }
func (o *oracle) who(row int) event.Hash              { return o.final(o.b.Profile[row]) }

// contacts are all touches of a profile by (time, message id), with their seq.
func (o *oracle) contacts(who event.Hash) []contact {
	var all []contact
	for seq, row := range o.rows {
		if o.who(row) != who || who.IsZero() {
			continue
		}
		name, channel := o.text(event.Event, row), o.text(event.Channel, row)
		t := contact{at: o.b.Time(row), row: row, seq: 2 * int64(seq)}
		t.isOffline = slices.Contains([]string{"pos", "store", "beacon"}, channel)
		switch name {
		case "Tag Read", "Staff Scan":
			t.isOffline = t.isOffline || channel == ""
		case "Product Viewed", "Product Clicked", "Product Added":
		case "Product List Viewed":
			if o.text(event.Category, row) == "" {
				continue
			}
		default:
			continue
		}
		for _, x := range o.items(row) {
			if name == "Product List Viewed" {
				x = item{category: o.text(event.Category, row)}
			}
			t.product, t.sku, t.category = x.product, x.sku, x.category
			if o.cfg.MatchAny || t.product+t.sku+t.category != "" {
				all = append(all, t)
			}
			if name == "Product List Viewed" {
				break
			}
		}
	}
	all = append(all, o.stays(who)...)
	slices.SortStableFunc(all, func(x, y contact) int {
		if x.at != y.at {
			return cmp.Compare(x.at, y.at)
		}
		return event.CompareMessage(o.b, x.row, o.b, y.row)
	})
	return all
}

// stays are the touches of zones: entry + 60 s, if nothing ended the stay
// before, just behind all events at that instant.
func (o *oracle) stays(who event.Hash) (all []contact) {
	if o.venue == nil {
		return nil
	}
	pending := int64(math.MinInt64) // due of a stay in the zone
	in := -1
	for i, row := range o.rows {
		zone := o.venue.OnlyZone(o.b.Text(event.ZoneID, row))
		if o.who(row) != who || who.IsZero() || o.b.Name[row] != event.ZoneEntered || zone < 0 || len(o.venue.Zones[zone].Categories) == 0 {
			if o.who(row) == who && in >= 0 && o.ends(row, in) {
				in = -1
			}
			continue
		}
		if at := o.b.Time(row); in == zone && at <= pending {
			continue // in the same stay still
		}
		in, pending = zone, o.b.Time(row)+o.cfg.ZoneDwell
		lasts, seq := true, 2*int64(i)
		for k := i + 1; k < len(o.rows) && o.b.Time(o.rows[k]) <= pending; k++ {
			next := o.rows[k]
			seq = 2*int64(k) + 1
			if o.who(next) == who && o.ends(next, zone) {
				if lasts = o.b.Time(next) == pending; lasts {
					seq = 2*int64(k) - 1
				}
				break
			}
		}
		if !lasts {
			continue
		}
		channel := o.text(event.Channel, row)
		for _, c := range o.venue.Zones[zone].Categories {
			all = append(all, contact{at: pending, seq: seq, row: row, category: c,
				isOffline: channel == "" || slices.Contains([]string{"pos", "store", "beacon"}, channel)})
		}
	}
	return all
}

// ends reports whether the event ends a stay in the zone.
func (o *oracle) ends(row, zone int) bool {
	there := o.venue.OnlyZone(o.b.Text(event.ZoneID, row))
	switch o.text(event.Event, row) {
	case "Zone Entered":
		return there != zone
	case "Zone Exited":
		return there == zone
	case "Store Entered", "Store Exited":
		return true
	}
	return false
}

// item is a product of an event.
type item struct {
	product, sku, category string
	quantity, amount       int64
}

func (o *oracle) items(row int) (all []item) {
	b := o.b
	if p := o.text(event.ProductID, row); p != "" || b.Head[row].ItemCount == 0 {
		return []item{{p, o.text(event.SKU, row), o.text(event.Category, row), b.Num(event.Quantity, row), b.Num(event.Amount, row)}}
	}
	for i := int(b.Head[row].ItemFirst); i < int(b.Head[row].ItemFirst+b.Head[row].ItemCount); i++ {
		all = append(all, item{string(b.ItemText(event.ProductID, i)), string(b.ItemText(event.SKU, i)), string(b.ItemText(event.Category, i)),
			b.ItemNum(event.Quantity, i), b.ItemNum(event.Amount, i)})
	}
	return all
}

// purchased is an order as all its events tell it.
type purchased struct {
	id      string
	who     event.Hash
	first   int // row
	at      int64
	lines   map[string]*product
	refunds []int
}

// product is a line of an order.
type product struct {
	item
	units, money int64
	known        int // row that told the last of what is known of it
}

// orders groups the order events.
func (o *oracle) orders() (all []*purchased) {
	for seq, row := range o.rows {
		if o.b.Name[row] != event.OrderCompleted {
			continue
		}
		id, who := o.text(event.OrderID, row), o.who(row)
		var mine *purchased
		for _, p := range all {
			if id != "" && p.id == id && p.who == who && !who.IsZero() {
				mine = p
			}
		}
		isWhole := o.text(event.ProductID, row) == ""
		switch {
		case mine == nil:
			if id == "" {
				id = string(event.AppendMessageID(nil, o.b, row, []event.Origin{{Source: "log"}}))
			}
			mine = &purchased{id: id, who: who, first: row, at: o.b.Time(row), lines: map[string]*product{}}
			all = append(all, mine)
		case isWhole && o.hasWhole(mine, seq):
			continue
		}
		for _, x := range o.items(row) {
			name := cmp.Or(x.product, x.sku)
			l := mine.lines[name]
			if l == nil {
				l = &product{item: item{product: x.product}, known: -1}
				mine.lines[name] = l
			}
			if l.known < 0 || l.sku == "" && x.sku != "" || l.category == "" && x.category != "" {
				l.known = row
			}
			l.sku, l.category = cmp.Or(l.sku, x.sku), cmp.Or(l.category, x.category)
			l.units += orElse(x.quantity, 10_000)
			l.money += orElse(x.amount, 0)
		}
	}
	for _, p := range all {
		for _, row := range o.rows {
			n := o.b.Name[row]
			if (n == event.OrderRefunded || n == event.OrderCancelled) && o.who(row) == p.who && o.text(event.OrderID, row) == p.id &&
				o.b.Eff(row)-p.at <= o.cfg.Lookback {
				p.refunds = append(p.refunds, row)
			}
		}
	}
	return all
}

// hasWhole reports whether an event before seq stands for the whole order.
func (o *oracle) hasWhole(p *purchased, seq int) bool {
	return slices.ContainsFunc(o.rows[:seq], func(row int) bool {
		return o.b.Name[row] == event.OrderCompleted && o.text(event.OrderID, row) == p.id && o.who(row) == p.who && o.text(event.ProductID, row) == ""
	})
}

// net works the refunds into the lines and tells which are refunded.
func (o *oracle) net(p *purchased) map[string]bool {
	type taken struct {
		back, units, money int64
		all                bool
	}
	gone, amount, all := map[string]*taken{}, int64(0), false
	for name := range p.lines {
		gone[name] = &taken{}
	}
	for _, row := range p.refunds {
		isNamed := o.text(event.ProductID, row) != "" || o.b.Head[row].ItemCount > 0
		total := o.b.Num(event.Amount, row)
		if o.b.Name[row] == event.OrderCancelled || !isNamed && total == event.Absent {
			all = true
			continue
		}
		if !isNamed {
			amount += total
			continue
		}
		for _, x := range o.items(row) {
			g := gone[cmp.Or(x.product, x.sku)]
			switch {
			case g == nil:
			case x.quantity == event.Absent && x.amount == event.Absent:
				g.all = true
			case x.amount == event.Absent:
				g.units += x.quantity
				g.back += x.quantity
			default:
				g.back += orElse(x.quantity, 0)
				g.money += x.amount
			}
		}
	}
	total, names := int64(0), []string{}
	for name, l := range p.lines {
		if l.money > 0 {
			total += l.money
			names = append(names, name)
		}
	}
	slices.Sort(names)
	if amount > 0 && total > 0 && amount >= total {
		all = true
	}
	rest, refunded := amount, map[string]bool{}
	for name := range p.lines {
		rest -= share(amount, p.lines[name].money, total)
	}
	for name, l := range p.lines {
		g := gone[name]
		left := l.money - g.money - share(l.money, min(g.units, l.units), l.units) - share(amount, l.money, total)
		if len(names) > 0 && name == names[len(names)-1] {
			left -= rest
		}
		if all || g.all || g.back > 0 && g.back >= l.units || left < l.money && left <= 0 {
			refunded[name] = true
			l.units, l.money = 0, 0
			continue
		}
		l.units, l.money = l.units-g.back, left
	}
	return refunded
}

// share is amount × part ÷ whole, rounded down; 0 unless all are positive.
func share(amount, part, whole int64) int64 {
	if amount <= 0 || part <= 0 || whole <= 0 {
		return 0
	}
	v := new(big.Int).Mul(big.NewInt(amount), big.NewInt(part))
	return v.Quo(v, big.NewInt(whole)).Int64()
}

// visitStart looks for the beginning of the order's visit.
func (o *oracle) visitStart(p *purchased) int64 {
	store := o.text(event.StoreID, p.first)
	entered, sighted, before := int64(math.MinInt64), int64(math.MinInt64), int64(math.MinInt64)
	for _, row := range o.rows {
		at := o.b.Time(row)
		if store == "" || p.who.IsZero() || o.who(row) != p.who || o.text(event.StoreID, row) != store || at >= p.at {
			continue
		}
		switch o.text(event.Event, row) {
		case "Store Entered":
			if p.at-at <= o.cfg.Visit {
				entered = at
			}
		case "Sensor Seen", "Tag Read", "Zone Entered", "Zone Exited":
			if (before == math.MinInt64 || at-before > 30*60_000) && p.at-at <= o.cfg.Visit {
				sighted = at
			}
			before = at
		}
	}
	switch {
	case entered != math.MinInt64:
		return entered
	case sighted != math.MinInt64:
		return sighted
	}
	return p.at
}

// run gives the final rows.
func (o *oracle) run() *schema.Rows {
	out := schema.NewRows(Table)
	for _, p := range o.orders() {
		refunded := o.net(p)
		for name, l := range p.lines {
			o.write(out, p, name, l, refunded[name])
		}
	}
	return out
}

// matches are the touches of the strongest level that has any, and whether the
// memory had given up touches within the lookback.
func (o *oracle) matches(p *purchased, l *product, isOffline bool) (level string, found []contact, isCapped bool) {
	place := int64(2 * slices.Index(o.rows, p.first))
	var memory []contact
	for _, t := range o.contacts(p.who) {
		if t.seq < place || o.b.IsLate(t.row) || o.b.IsLate(p.first) {
			memory = append(memory, t)
		}
	}
	if n := len(memory) - int(o.cfg.Touches); n > 0 {
		isCapped = memory[n-1].at >= p.at-o.cfg.Lookback
		memory = memory[n:]
	}
	for _, level := range levelNames {
		found := slices.DeleteFunc(slices.Clone(memory), func(t contact) bool {
			fits := o.cfg.MatchAny
			switch level {
			case "sku":
				fits = t.product != "" && t.product == l.product || t.sku != "" && t.sku == l.sku
			case "category":
				fits = t.category != "" && t.category == l.category
			}
			if t.at < o.b.Eff(l.known)-o.cfg.Lookback {
				return true // forgotten when a later event told of the line
			}
			return !fits || t.isOffline == isOffline || t.at >= p.at || p.at-t.at > o.cfg.Lookback
		})
		if len(found) > 0 {
			return level, found, isCapped
		}
	}
	return "", nil, isCapped
}

func (o *oracle) write(out *schema.Rows, p *purchased, name string, l *product, isRefunded bool) {
	channel := o.text(event.Channel, p.first)
	isOffline := slices.Contains([]string{"pos", "store", "beacon"}, channel)
	level, found, isCapped := o.matches(p, l, isOffline)
	direction := "none"
	switch {
	case p.who.IsZero():
		direction, level, found, isCapped = "unknown", "", nil, false
	case !isOffline && o.text(event.Fulfilment, p.first) == "pickup":
		direction = "click_collect"
	case len(found) > 0 && isOffline:
		direction = "ropo"
	case len(found) > 0:
		direction = "showrooming"
	}
	start, flags := o.visitStart(p), [5]bool{}
	days := map[string]bool{}
	for _, t := range found {
		days[fmt.Sprint(math.Floor(float64(t.at)/86_400_000))] = true
		age := p.at - t.at
		if isOffline {
			age = start - t.at
		}
		flags[0] = flags[0] || isOffline && age <= 0
		flags[1] = flags[1] || isOffline && age > 0 && age <= o.cfg.OnTheWay
		isDays := !isOffline || age > o.cfg.OnTheWay
		flags[2] = flags[2] || isDays && age <= 48*hourMs
		flags[3] = flags[3] || isDays && age > 48*hourMs
		flags[4] = flags[4] || isDays && age > 7*24*hourMs
	}
	out.Begin()
	out.String(p.id)
	out.String(name)
	out.Text(p.who.AppendHex(nil))
	out.String(direction)
	out.String(channel)
	out.String(level)
	out.String(l.category)
	out.String(o.text(event.StoreID, p.first))
	out.Time(p.at)
	if len(found) > 0 {
		first, last := found[0], found[len(found)-1]
		out.String(o.text(event.Channel, last.row))
		out.String(o.text(event.DeviceType, last.row))
		out.String(o.text(event.Campaign, first.row))
		out.String(o.text(event.Campaign, last.row))
		out.Time(first.at)
		out.Time(last.at)
		out.Int(int64(len(found)))
		out.Int(int64(len(days)))
		out.Int(p.at - last.at)
	} else {
		for range 4 {
			out.String("")
		}
		out.Time(event.Absent)
		out.Time(event.Absent)
		out.Int(0)
		out.Int(0)
		out.Int(event.Absent)
	}
	for _, f := range flags {
		out.Flag(f)
	}
	out.Money(l.units)
	out.Money(l.money)
	out.String(o.text(event.Currency, p.first))
	out.Flag(isRefunded)
	out.Flag(isCapped)
	out.Int(1)
	out.Flag(false)
	out.End()
}
