package identity

import (
	"slices"
	"strings"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// oracle is semantics §3 and its references, written over maps: nothing is
// indexed, whoever is looked for is searched.
type oracle struct {
	maxLinks int
	listed   map[event.Hash]bool
	kept     int64
	hasher   *event.Hasher

	idents map[event.Hash]*known
	refs   map[string]*mention
	gone   []*person // merged persons that were real, in the order of their merges
	turn   *pipeline.Turn
	b      *event.Batch
	r      int
	merges []pipeline.Merge
}

// person is a profile.
type person struct {
	id          event.Hash
	first       int64
	into        *person
	provisional bool
	revision    int64 // of its override
}

// known is an identifier.
type known struct {
	hash                      event.Hash
	kind                      event.Ident
	raw                       string
	in                        *person
	first, last, login, shown int64
	users                     []event.Hash
	shared                    bool
	revision                  int64
}

// mention is a reference.
type mention struct {
	who  *person
	last int64
}

func newOracle(o Options) *oracle {
	x := &oracle{maxLinks: o.MaxLinks, kept: o.ReferenceKept, hasher: o.Hasher, listed: map[event.Hash]bool{},
		idents: map[event.Hash]*known{}, refs: map[string]*mention{}}
	for _, d := range o.SharedDevices {
		x.listed[o.Hasher.Sum(byte(event.IdentAnonymous), []byte(d))] = true
		x.listed[o.Hasher.Sum(byte(event.IdentDevice), []byte(d))] = true
	}
	return x
}

func (o *oracle) Spec() pipeline.Spec { return pipeline.Spec{Tables: Tables()} }
func (o *oracle) State(*flat.Parts)   {}
func (o *oracle) Entries() int        { return 0 }
func (o *oracle) Bytes() int          { return 0 }

func (o *oracle) Resolve(t *pipeline.Turn, b *event.Batch, rows []uint32, merges []pipeline.Merge) []pipeline.Merge {
	o.turn, o.b, o.merges = t, b, merges
	for _, row := range rows {
		o.r = int(row)
		who := o.refer(o.link())
		if who == nil {
			b.Profile[row] = event.Hash{}
			continue
		}
		who.first = min(who.first, o.at())
		b.Profile[row] = who.id
	}
	return o.merges
}

func (o *oracle) Advance(t *pipeline.Turn) {
	for key, m := range o.refs {
		if m.last+o.kept < t.Watermark {
			delete(o.refs, key)
		}
	}
}

func (o *oracle) at() int64 { return o.b.Time(o.r) }

func (p *person) now() *person {
	for p.into != nil {
		p = p.into
	}
	return p
}

// user is the user_id of a person, zero if there is none.
func (o *oracle) user(p *person) event.Hash {
	for h, k := range o.idents {
		if k.kind == event.IdentUser && k.in == p {
			return h
		}
	}
	return event.Hash{}
}

// carried are the identifiers of the event, strongest first.
func (o *oracle) carried() (all []event.Hash, kinds []event.Ident) {
	for k := range event.Ident(event.NumIdents) {
		if h := o.b.Ident[k][o.r]; !h.IsZero() {
			all, kinds = append(all, h), append(kinds, k)
		}
	}
	return all, kinds
}

func (o *oracle) isShared(h event.Hash) bool {
	k := o.idents[h]
	return k == nil && o.listed[h] || k != nil && k.shared
}

// link takes up the event's identifiers and gives the person it belongs to.
func (o *oracle) link() *person {
	all, kinds := o.carried()
	if len(all) == 0 {
		return nil
	}
	user := o.b.Ident[event.IdentUser][o.r]
	linking := slices.DeleteFunc(slices.Clone(all), o.isShared)
	owner := all[0]
	if len(linking) > 0 {
		owner = linking[0]
	}
	base := o.meet(linking, user)
	for i, h := range all {
		k := o.idents[h]
		switch {
		case k == nil:
			k = &known{hash: h, kind: kinds[i], first: o.at(), last: o.at(), login: o.at(), in: base, shared: o.listed[h]}
			if k.shared {
				k.in = o.birth(h)
			}
			if raw := kinds[i]; raw == event.IdentUser || raw == event.IdentLoyalty || raw == event.IdentDevice {
				k.raw = string(o.b.Text(raw.Column(), o.r))
			}
			o.idents[h] = k
			o.see(k, user)
			o.show(k)
			continue
		default:
			k.first, k.last = min(k.first, o.at()), max(k.last, o.at())
			if day(o.at()) > day(k.shown) {
				o.show(k)
			}
			if o.see(k, user) > o.maxLinks {
				old := k.in
				k.in, k.shared, k.login, k.users = o.birth(h), true, o.at(), nil
				o.conflict(k.in, old, k.kind, "shared")
				o.show(k)
			}
		}
		if !k.shared {
			base = o.join(k, base, i > 0)
		}
	}
	return o.idents[owner].in
}

// meet is the person that the event's identifiers go to.
func (o *oracle) meet(linking []event.Hash, user event.Hash) *person {
	for _, h := range linking {
		if k := o.idents[h]; k != nil {
			if other := o.user(k.in); user.IsZero() || other.IsZero() || other == user {
				return k.in
			}
		}
	}
	if len(linking) == 0 {
		return nil
	}
	return o.birth(linking[0])
}

func (o *oracle) birth(h event.Hash) *person {
	return &person{id: o.hasher.Mix(event.TagProfile, h, o.b.Message[o.r]), first: o.at()}
}

// see counts the user_ids that an identifier is seen with.
func (o *oracle) see(k *known, user event.Hash) int {
	if k.kind != event.IdentUser && !k.shared && !user.IsZero() && !slices.Contains(k.users, user) {
		k.users = append(k.users, user)
	}
	return len(k.users)
}

func (o *oracle) join(k *known, base *person, beside bool) *person {
	if k.in == base {
		o.login(k, base, beside)
		return base
	}
	if o.user(k.in).IsZero() || o.user(base).IsZero() {
		to, from := base, k.in
		if from.first < to.first || from.first == to.first && from.id.Less(to.id) {
			to, from = from, to
		}
		o.row(outMerges, o.at(), from.id, to.id, k.kind.String(), o.message())
		o.merge(to, from)
		o.login(k, to, beside)
		return to
	}
	if o.at() < k.login {
		o.conflict(base, k.in, k.kind, "kept_newer")
		return base
	}
	old := k.in
	k.in, k.login = base, o.at()
	o.conflict(base, old, k.kind, "moved")
	o.show(k)
	return base
}

// login notes when an identifier was last seen beside a stronger one of a
// person who logged in.
func (o *oracle) login(k *known, p *person, beside bool) {
	if beside && !o.user(p).IsZero() {
		k.login = max(k.login, o.at())
	}
}

func (o *oracle) merge(to, from *person) {
	o.merges = append(o.merges, pipeline.Merge{Old: from.id, Current: to.id, At: max(o.b.Time(o.r), o.b.Mark[o.r])})
	from.into, to.first = to, min(to.first, from.first)
	var moved []*known
	for _, k := range o.idents {
		if k.in == from {
			k.in = to
			moved = append(moved, k)
		}
	}
	for _, k := range moved {
		o.show(k)
	}
	if !from.provisional {
		o.gone = append(o.gone, from)
	}
	for _, p := range o.gone {
		if p.now() == to && (p == from || slices.Contains(o.path(p), from)) {
			p.revision++
			o.row(outOverrides, p.id, to.id, p.revision)
		}
	}
}

// path are the persons that p has become one after the other.
func (o *oracle) path(p *person) (all []*person) {
	for ; p.into != nil; p = p.into {
		all = append(all, p)
	}
	return all
}

// refer gives the event the person that its references decide for.
func (o *oracle) refer(own *person) *person {
	var names []string
	for _, c := range []event.Column{event.OrderID, event.CallID, event.CaseID, event.ShipmentID} {
		if v := o.b.Text(c, o.r); len(v) > 0 {
			names = append(names, c.String()+" "+string(v))
		}
	}
	if len(names) == 0 {
		return own
	}
	var found *person
	for _, isProvisional := range []bool{false, true} {
		for _, n := range names {
			if m := o.refs[n]; found == nil && m != nil && o.at() <= m.last+o.kept && m.who.now().provisional == isProvisional {
				found = m.who.now()
			}
		}
	}
	name := string(o.b.Text(event.Event, o.r))
	continues := slices.Contains([]string{"Order Updated", "Order Refunded", "Order Cancelled", "Call Connected", "Call Ended", "Case Closed"}, name) ||
		strings.HasPrefix(name, "Shipment ") || strings.HasPrefix(name, "Pickup ")
	who := own
	switch {
	case own == nil && found != nil:
		who = found
	case own == nil:
		who = &person{id: event.Hash{Hi: o.b.Message[o.r].Hi | 1}, first: o.at(), provisional: true}
	case continues && found != nil && !found.provisional:
		who = found
	}
	for _, n := range names {
		m := o.refs[n]
		if m == nil || o.at() > m.last+o.kept {
			o.refs[n] = &mention{who, o.at()}
			continue
		}
		m.last = max(m.last, o.at())
		if old := m.who.now(); old != who && old.provisional {
			if who.provisional {
				old, who = who, old
			}
			o.merge(who, old)
		}
	}
	return who
}

func (o *oracle) message() []byte {
	return event.AppendMessageID(nil, o.b, o.r, o.turn.Origins)
}

func (o *oracle) conflict(mine, other *person, kind event.Ident, rule string) {
	o.row(outConflicts, o.at(), mine.id, other.id, kind.String(), o.message(), rule)
}

// show writes the identifier's row.
func (o *oracle) show(k *known) {
	k.revision++
	k.shown = k.last
	value := k.raw
	if value == "" {
		value = k.hash.String()
	}
	o.row(outIdentities, k.in.id, k.kind.String(), value, k.first, k.last, k.revision)
}

// row writes a row of a table.
func (o *oracle) row(table int, vals ...any) {
	out := o.turn.Out(table)
	out.Begin()
	for i, v := range vals {
		switch v := v.(type) {
		case event.Hash:
			out.Text(v.AppendHex(nil))
		case string:
			out.String(v)
		case []byte:
			out.Text(v)
		case int64:
			if out.Table.Columns[i].Type == schema.Time {
				out.Time(v)
			} else {
				out.Int(v)
			}
		}
	}
	out.End()
}
