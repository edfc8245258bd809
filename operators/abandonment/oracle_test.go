package abandonment

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"touchstream/pipeline/event"
	"touchstream/pipeline/money"
	"touchstream/pipeline/pipetest"
	"touchstream/pipeline/schema"
)

// oracle is semantics §7 for logs without late events and merges, written over
// maps and lists: before each event of a person it asks what is past.
type oracle struct {
	cfg     Config
	b       *event.Batch
	people  map[event.Hash]*person
	out     *schema.Rows
	trigger []string
}

type person struct {
	hash     event.Hash
	episodes []*story
	units    map[string]int64
	price    map[string]int64
	names    []string // products in the order in which they came
	currency string
}

// story is an episode.
type story struct {
	opening                int // row
	stage                  stage
	last                   map[stage]int64
	visit                  int64
	state                  string
	firedAt, closedAt      int64
	closedBy               string
	revenue                int64
	order                  string
	form, field, cartID    string
	names, viewed          []string
	items, value           int64
	currency               string
	isBot, hasFired, whole bool
}

func (s *story) due(cfg *Config) int64 {
	return max(s.last[s.stage], s.visit) + cfg.After[s.stage]
}

func (o *oracle) run(l *pipetest.Log, lag int64) string {
	o.b = l.Batch(lag)
	o.people, o.out = map[event.Hash]*person{}, schema.NewRows(Table)
	rows := make([]int, o.b.N)
	for i := range rows {
		rows[i] = i
	}
	slices.SortFunc(rows, func(x, y int) int { return event.CompareTime(o.b, x, o.b, y) })
	for _, row := range rows {
		if o.b.Profile[row].IsZero() {
			continue
		}
		p := o.people[o.b.Profile[row]]
		if p == nil {
			p = &person{hash: o.b.Profile[row], units: map[string]int64{}, price: map[string]int64{}}
			o.people[p.hash] = p
		}
		o.pass(p, o.b.Time(row))
		o.event(p, row)
	}
	for _, p := range o.people {
		o.pass(p, math.MaxInt64)
		for _, s := range p.episodes {
			if s.hasFired {
				o.write(p, s)
			}
		}
	}
	slices.Sort(o.trigger)
	return strings.TrimPrefix(pipetest.Text(l, o.out), "(none)\n") + strings.Join(o.trigger, "")
}

// pass lets fire and expire what is past at time t.
func (o *oracle) pass(p *person, t int64) {
	for _, s := range p.episodes {
		if s.state == "open" && s.due(&o.cfg) < t {
			s.state, s.hasFired, s.firedAt = "fired", true, s.due(&o.cfg)
			o.keep(p, s)
			o.tell(p, s, "fired", s.firedAt)
		}
		if s.state == "fired" && s.firedAt+o.cfg.Recovery < t {
			s.state, s.closedAt = "expired", s.firedAt+o.cfg.Recovery
		}
	}
}

// keep notes the cart as it stands.
func (o *oracle) keep(p *person, s *story) {
	if s.stage == formStage {
		return
	}
	s.items, s.value, s.names, s.currency = 0, 0, nil, p.currency
	for _, n := range p.names {
		if u := p.units[n]; u > 0 {
			v, _ := money.Mul(u, p.price[n])
			s.items, s.value, s.names = s.items+u, s.value+v, append(s.names, n)
		}
	}
}

func (o *oracle) tell(p *person, s *story, kind string, due int64) {
	if s.isBot {
		return
	}
	o.trigger = append(o.trigger, fmt.Sprintf("triggers: trigger=abandonment.%s profile_id=%s entity=%s due_at=%s\n",
		kind, p.hash, o.id(s), pipetest.FormatTime(due)))
}

func (o *oracle) id(s *story) event.Hash {
	return idOf(pipetest.Hasher(), s.stage == formStage, o.b.Message[s.opening])
}

func (o *oracle) text(c event.Column, row int) string { return string(o.b.Text(c, row)) }

// current is the open episode of the family.
func (p *person) current(form string, isForm bool) *story {
	for _, s := range p.episodes {
		if s.state == "open" && (s.stage == formStage) == isForm && (!isForm || s.form == form) {
			return s
		}
	}
	return nil
}

func (o *oracle) event(p *person, row int) {
	at := o.b.Time(row)
	switch role := roleOf(o.b.Name[row]); role {
	case browseRole, cartRole, checkoutRole:
		if role == cartRole && o.change(p, row) {
			if s := p.current("", false); s != nil && (s.stage >= cartStage || o.cfg.After[cartStage] > 0) {
				s.state = "emptied"
			}
			return
		}
		st := role.stage()
		s := p.current("", false)
		if o.cfg.After[st] == 0 || s == nil && o.b.Name[row] == event.ProductRemoved && o.units(p) == 0 {
			return
		}
		s = o.touch(p, s, st, row)
		if id := o.text(event.CartID, row); id != "" {
			s.cartID = id
		}
		if id := o.text(event.ProductID, row); role == browseRole && o.b.Name[row] != event.ProductListViewed && id != "" && !slices.Contains(s.viewed, id) {
			s.viewed = append(s.viewed, id)
		}
	case formRole:
		if o.cfg.After[formStage] == 0 {
			return
		}
		form := o.text(event.FormID, row)
		s := o.touch(p, p.current(form, true), formStage, row)
		s.form = form
		if f := o.text(event.Field, row); f != "" {
			s.field = f
		}
	case submitRole:
		if s := p.current(o.text(event.FormID, row), true); s != nil {
			s.state = "cancelled"
			return
		}
		for _, s := range slices.Backward(p.episodes) {
			if s.state == "fired" && s.stage == formStage && s.form == o.text(event.FormID, row) {
				o.recover(p, s, row)
				return
			}
		}
	case storeRole:
		for _, s := range p.episodes {
			if s.state == "open" {
				s.visit = at
			}
		}
	case orderRole:
		o.order(p, row)
	}
}

func (o *oracle) touch(p *person, s *story, st stage, row int) *story {
	if s == nil {
		s = &story{opening: row, stage: st, last: map[stage]int64{}, visit: event.Absent, state: "open"}
		p.episodes = append(p.episodes, s)
	}
	s.stage = max(s.stage, st)
	s.last[st] = o.b.Time(row)
	s.isBot = s.isBot || o.b.Head[row].Flags&event.IsBot != 0
	return s
}

func (o *oracle) units(p *person) int64 {
	sum := int64(0)
	for _, u := range p.units {
		sum += u
	}
	return sum
}

// change applies the cart rules and reports whether that emptied the cart.
func (o *oracle) change(p *person, row int) bool {
	before := o.units(p)
	id, q := o.text(event.ProductID, row), o.b.Num(event.Quantity, row)
	cur, price := o.text(event.Currency, row), o.b.Num(event.Price, row)
	if cur != "" && price != event.Absent && p.currency == "" {
		p.currency = cur
	}
	if cur != "" && cur != p.currency {
		price = event.Absent
	}
	switch o.b.Name[row] {
	case event.CartViewed:
		return false
	case event.ProductRemoved:
		if !slices.Contains(p.names, id) {
			return false
		}
		if q == event.Absent {
			q = p.units[id]
		}
		p.units[id] = max(0, p.units[id]-q)
	default:
		if q == event.Absent {
			q = money.Scale
		}
		p.units[id] += q
		if !slices.Contains(p.names, id) {
			p.names = append(p.names, id)
		}
	}
	if price != event.Absent {
		p.price[id] = price
	}
	if before > 0 && o.units(p) == 0 {
		p.currency = ""
		return true
	}
	return false
}

func (o *oracle) recover(p *person, s *story, row int) {
	s.state, s.closedAt, s.closedBy = "recovered", o.b.Time(row), o.text(event.Channel, row)
	o.tell(p, s, "recovered", s.closedAt)
}

func (o *oracle) order(p *person, row int) {
	id, at := o.text(event.OrderID, row), o.b.Time(row)
	isLine := o.text(event.ProductID, row) != ""
	add := func(s *story) {
		if a, cur := o.b.Num(event.Amount, row), o.text(event.Currency, row); a != event.Absent {
			if s.currency == "" {
				s.currency = cur
			}
			if cur == "" || cur == s.currency {
				s.revenue += a
			}
		}
	}
	for _, s := range p.episodes {
		if s.state == "recovered" && s.order == id && at <= s.closedAt+o.cfg.Recovery {
			if isLine && !s.whole {
				add(s)
			}
			return
		}
	}
	if s := p.current("", false); s != nil {
		s.state = "cancelled"
	}
	clear(p.units)
	p.currency = ""
	fired := slices.DeleteFunc(slices.Clone(p.episodes), func(s *story) bool {
		return s.state != "fired" || s.stage == formStage || s.firedAt >= at
	})
	if len(fired) > 0 {
		s := slices.MaxFunc(fired, func(x, y *story) int { return cmp.Compare(x.firedAt, y.firedAt) })
		s.order, s.whole = id, !isLine
		o.recover(p, s, row)
		add(s)
	}
}

func (o *oracle) write(p *person, s *story) {
	closedAt := int64(event.Absent)
	if s.state != "fired" {
		closedAt = s.closedAt
	}
	names := s.names
	if len(names) == 0 {
		names = s.viewed
	}
	out := o.out
	out.Begin()
	out.String(o.id(s).String())
	out.String(p.hash.String())
	out.String(s.stage.String())
	out.String(s.cartID)
	out.String(s.form)
	out.String(s.field)
	out.Time(o.b.Time(s.opening))
	out.Time(s.firedAt)
	out.Time(s.firedAt)
	out.Time(closedAt)
	out.String(s.state)
	out.String(s.closedBy)
	out.Money(s.items)
	out.Texts(len(names), func(i int) []byte { return []byte(names[i]) })
	out.Money(s.value)
	out.Money(s.revenue)
	out.String(s.currency)
	out.Int(1)
	out.Flag(false)
	out.End()
}
