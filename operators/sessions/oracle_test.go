package sessions

import (
	"bytes"
	"cmp"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
)

// oracle is semantics §4 written over lists: it keeps every event of every
// session and works out a row from all of them.
type oracle struct {
	cfg      Config
	lateness int64
	b        *event.Batch
	devices  map[event.Hash][]*visit
	seq      map[int]int // place in the folded order, by row
}

// visit is a session: its events and the system events that fell into it.
type visit struct {
	rows, system []int
	isCut        bool
}

func (o *oracle) start(v *visit) int64 { return o.b.Time(o.sorted(v)[0]) }

func (o *oracle) end(v *visit) int64 { s := o.sorted(v); return o.b.Time(s[len(s)-1]) }

func (o *oracle) sorted(v *visit) []int {
	return slices.SortedFunc(slices.Values(v.rows), o.compare)
}

func (o *oracle) compare(x, y int) int {
	if c := cmp.Compare(o.b.Time(x), o.b.Time(y)); c != 0 {
		return c
	}
	return cmp.Compare(o.seq[x], o.seq[y])
}

// run folds all rows in the engine's order and writes the sessions.
func (o *oracle) run(l *pipetest.Log, lag int64) *schema.Rows {
	o.b = l.Batch(lag)
	o.devices, o.seq = map[event.Hash][]*visit{}, map[int]int{}
	rows := make([]int, o.b.N)
	for i := range rows {
		rows[i] = i
	}
	slices.SortFunc(rows, func(x, y int) int {
		if c := cmp.Compare(o.b.Eff(x), o.b.Eff(y)); c != 0 {
			return c
		}
		return event.CompareOrder(o.b, x, o.b, y)
	})
	for i, row := range rows {
		o.seq[row] = i
		late := o.b.Time(row) < o.b.Mark[row]
		if o.b.Head[row].Device.IsZero() || late && o.b.Mark[row] > o.b.Time(row)+o.cfg.Gap+o.lateness {
			continue
		}
		if o.b.Name[row].IsSystem() {
			o.system(row)
		} else {
			o.place(row)
		}
	}
	out := schema.NewRows(Table)
	for device, visits := range o.devices {
		o.sort(device)
		for i, v := range visits {
			var before *visit
			if i > 0 {
				before = visits[i-1]
			}
			o.write(out, device, v, before)
		}
	}
	return out
}

func (o *oracle) sort(device event.Hash) {
	slices.SortFunc(o.devices[device], func(x, y *visit) int { return cmp.Compare(o.start(x), o.start(y)) })
}

func (o *oracle) near(apart int64) bool {
	return apart < o.cfg.Gap || apart == o.cfg.Gap && o.cfg.GapInclusive
}

func (o *oracle) system(row int) {
	at := o.b.Time(row)
	for _, v := range o.devices[o.b.Head[row].Device] {
		inside := o.start(v) <= at && at <= o.end(v)
		behind := at > o.end(v) && o.near(at-o.end(v)) && at-o.start(v) < o.cfg.MaxDuration
		if next := o.next(row); inside || behind && (next == nil || o.start(next) > at) && v == o.last(row) {
			v.system = append(v.system, row)
		}
	}
}

// last is the device's newest session that begins at or before the row, next
// the one after it.
func (o *oracle) last(row int) *visit {
	var found *visit
	for _, v := range o.devices[o.b.Head[row].Device] {
		if o.start(v) <= o.b.Time(row) {
			found = v
		}
	}
	return found
}

func (o *oracle) next(row int) *visit {
	for _, v := range o.devices[o.b.Head[row].Device] {
		if o.start(v) > o.b.Time(row) {
			return v
		}
	}
	return nil
}

func (o *oracle) place(row int) {
	device, at := o.b.Head[row].Device, o.b.Time(row)
	defer o.sort(device)
	left, right := o.last(row), o.next(row)
	if left != nil && !o.near(at-o.end(left)) && at > o.end(left) {
		left = nil
	}
	if right != nil && !o.near(o.start(right)-at) {
		right = nil
	}
	fitsLeft := left != nil && (at <= o.end(left) || at-o.start(left) < o.cfg.MaxDuration)
	fitsRight := right != nil && o.end(right)-at < o.cfg.MaxDuration
	switch {
	case left != nil && at <= o.end(left):
		left.rows = append(left.rows, row)
	case left != nil && right != nil && o.end(right)-o.start(left) < o.cfg.MaxDuration:
		left.rows = append(append(left.rows, right.rows...), row)
		left.system = append(left.system, right.system...)
		left.isCut = left.isCut || right.isCut
		o.devices[device] = slices.DeleteFunc(o.devices[device], func(v *visit) bool { return v == right })
	case fitsLeft:
		left.rows = append(left.rows, row)
		if right != nil {
			left.isCut, right.isCut = true, true
		}
	case fitsRight:
		right.rows = append(right.rows, row)
		if left != nil {
			left.isCut, right.isCut = true, true
		}
	default:
		v := &visit{rows: []int{row}, isCut: left != nil || right != nil}
		if left != nil {
			left.isCut = true
		}
		if right != nil {
			right.isCut = true
		}
		o.devices[device] = append(o.devices[device], v)
	}
}

// first is the text of the earliest event that has one.
func (o *oracle) first(rows []int, get func(row int) []byte) []byte {
	for _, r := range rows {
		if v := get(r); len(v) > 0 {
			return v
		}
	}
	return nil
}

func (o *oracle) column(rows []int, c event.Column) []byte {
	return o.first(rows, func(r int) []byte { return o.b.Text(c, r) })
}

func (o *oracle) count(rows []int, names ...event.Name) int64 {
	n := int64(0)
	for _, r := range rows {
		if slices.Contains(names, o.b.Name[r]) {
			n++
		}
	}
	return n
}

// profile is that of the last event with a user or card, else of the last with any.
func (o *oracle) profile(v *visit) event.Hash {
	all := append(slices.Clone(v.rows), v.system...)
	slices.SortFunc(all, o.compare)
	var known, any event.Hash
	for _, r := range all {
		if p := o.b.Profile[r]; !p.IsZero() {
			any = p
			if !o.b.Ident[event.IdentUser][r].IsZero() || !o.b.Ident[event.IdentLoyalty][r].IsZero() {
				known = p
			}
		}
	}
	if known.IsZero() {
		return any
	}
	return known
}

func (o *oracle) products(rows []int) int {
	set := map[string]bool{}
	for _, r := range rows {
		if p := o.b.Text(event.ProductID, r); len(p) > 0 {
			set[string(p)] = true
		}
		for i := range int(o.b.Head[r].ItemCount) {
			set[string(o.b.ItemText(event.ProductID, int(o.b.Head[r].ItemFirst)+i))] = true
		}
	}
	return len(set)
}

// trade gives orders, revenue and currency.
func (o *oracle) trade(rows []int) (orders int, revenue int64, currency []byte) {
	b := o.b
	currency = o.first(rows, func(r int) []byte {
		n := b.Name[r]
		changes := n == event.ProductAdded || n == event.ProductRemoved || n == event.CartViewed
		if n == event.OrderCompleted && b.Num(event.Amount, r) != event.Absent || changes && b.Num(event.Price, r) != event.Absent {
			return b.Text(event.Currency, r)
		}
		return nil
	})
	ids, wholes := map[string]bool{}, map[string]bool{}
	for _, r := range rows {
		if b.Name[r] != event.OrderCompleted {
			continue
		}
		id := string(b.Text(event.OrderID, r))
		if id == "" {
			id = b.Message[r].String()
		}
		ids[id] = true
		if len(b.Text(event.ProductID, r)) == 0 {
			if wholes[id] {
				continue
			}
			wholes[id] = true
		}
		cur := b.Text(event.Currency, r)
		if a := b.Num(event.Amount, r); a != event.Absent && (len(cur) == 0 || bytes.Equal(cur, currency)) {
			revenue += a
		}
	}
	return len(ids), revenue, currency
}

// cart follows the session's cart: most units, highest and last value. Prices
// in another currency than the session's are not known.
func (o *oracle) cart(rows []int, currency []byte) (items, value, last int64) {
	units, price := map[string]int64{}, map[string]int64{}
	for _, r := range rows {
		p, q := string(o.b.Text(event.ProductID, r)), o.b.Num(event.Quantity, r)
		switch o.b.Name[r] {
		case event.ProductAdded:
			if q == event.Absent {
				q = money.Scale
			}
			units[p] += q
		case event.ProductRemoved:
			if _, in := price[p]; !in && units[p] == 0 {
				continue
			}
			if q == event.Absent {
				q = units[p]
			}
			units[p] = max(0, units[p]-q)
		case event.OrderCompleted:
			clear(units)
			continue
		default:
			continue
		}
		cur := o.b.Text(event.Currency, r)
		if v := o.b.Num(event.Price, r); v != event.Absent && (len(cur) == 0 || bytes.Equal(cur, currency)) {
			price[p] = v
		}
		n, sum := int64(0), int64(0)
		for p, u := range units {
			v, _ := money.Mul(u, price[p])
			n, sum = n+u, sum+v
		}
		items, value, last = max(items, n), max(value, sum), sum
	}
	if len(rows) > 0 && len(units) == 0 {
		last = 0
	}
	return items, value, last
}

func (o *oracle) write(out *schema.Rows, device event.Hash, v, before *visit) {
	b, rows := o.b, o.sorted(v)
	first := rows[0]
	kind := b.Head[first].DeviceKind
	engaged, late := int64(0), int64(0)
	users := map[event.Hash]bool{}
	for i, r := range rows {
		if i > 0 {
			engaged += min(o.cfg.EngagedGap, b.Time(r)-b.Time(rows[i-1]))
		}
		if b.IsLate(r) {
			late++
		}
	}
	for _, r := range append(slices.Clone(rows), v.system...) {
		if u := b.Ident[event.IdentUser][r]; !u.IsZero() {
			users[u] = true
		}
	}
	orders, revenue, cur := o.trade(rows)
	items, value, last := o.cart(rows, cur)
	distinct := o.products(rows)
	backwards := slices.Clone(rows)
	slices.Reverse(backwards)

	out.Begin()
	out.UUID(idOf(pipetest.Hasher(), b.Time(first), device, b.Message[first]))
	out.Text(o.profile(v).AppendHex(nil))
	out.String(kind.String() + ":" + string(b.Text(kind.Column(), first)))
	out.Text(o.column(rows, event.Channel))
	out.Time(b.Time(first))
	out.Time(o.end(v))
	out.Int(engaged)
	out.Int(int64(len(rows)))
	out.Int(o.count(rows, event.Page, event.Screen))
	out.Int(o.count(rows, event.ProductViewed))
	out.Int(int64(min(distinct, int(o.cfg.Products))))
	out.Int(o.count(rows, event.ProductsSearched))
	out.Int(o.count(rows, event.ProductAdded))
	out.Int(o.count(rows, event.ProductRemoved))
	out.Money(items)
	out.Money(value)
	out.Money(last)
	out.Flag(o.count(rows, event.CheckoutStarted) > 0)
	out.Int(int64(orders))
	out.Money(revenue)
	out.Text(cur)
	out.Text(o.column(rows, event.PagePath))
	out.Text(o.column(backwards, event.PagePath))
	for _, c := range []event.Column{event.Referrer, event.Campaign, event.DeviceType, event.Country, event.City, event.StoreID} {
		out.Text(o.column(rows, c))
	}
	out.Flag(int64(len(rows))-o.count(rows, event.PagePing) == 1)
	out.Flag(before == nil || b.Time(first)-o.end(before) > o.cfg.NewAfter)
	out.Flag(len(users) > 1)
	out.Flag(v.isCut)
	out.Flag(distinct > int(o.cfg.Products))
	out.Flag(false)
	out.Int(late)
	out.Int(1)
	out.Flag(false)
	out.End()
}
