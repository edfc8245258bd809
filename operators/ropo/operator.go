package ropo

import (
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
)

// Operator finds research before purchases.
type Operator struct {
	cfg    Config
	shards int
	venue  *venue.Venue // nil: no category zones
}

// New makes the operator. The venue may be nil.
func New(cfg Config, shards int, v *venue.Venue) *Operator {
	return &Operator{cfg: cfg, shards: shards, venue: v}
}

// Name is the operator's key in the configuration.
func (o *Operator) Name() string { return "ropo" }

// Spec tells that ropo sees the events of a profile in time order.
func (o *Operator) Spec() pipeline.Spec {
	return pipeline.Spec{
		Key: pipeline.ByProfile, Order: pipeline.InTime,
		Needs: event.Want{Items: true, Columns: event.SetOf(event.Channel, event.DeviceType, event.Campaign, event.ProductID, event.SKU,
			event.Category, event.Quantity, event.Price, event.Amount, event.Currency, event.OrderID, event.Fulfilment, event.StoreID,
			event.ZoneID, event.MessageID)},
		Tables: []*schema.Table{Table},
	}
}

// Takes reports whether a late row is within the lookback and matters.
func (o *Operator) Takes(b *event.Batch, row int) bool {
	return o.kind(b, row, b.Name[row]) != other && b.Mark[row]-b.Time(row) <= o.cfg.Lookback
}

// rowKind is what a row means to ropo.
type rowKind uint8

const (
	other rowKind = iota
	touchRow
	orderRow
	refundRow
	placeRow
)

// kinds are what rows mean by their names; of some kind looks at more.
var kinds = [event.NumNames]rowKind{
	event.ProductViewed: touchRow, event.ProductClicked: touchRow, event.ProductAdded: touchRow,
	event.ProductListViewed: touchRow, event.TagRead: touchRow, event.Custom: touchRow,
	event.OrderCompleted: orderRow, event.OrderRefunded: refundRow, event.OrderCancelled: refundRow,
	event.StoreEntered: placeRow, event.StoreExited: placeRow, event.SensorSeen: placeRow,
	event.ZoneEntered: placeRow, event.ZoneExited: placeRow,
}

func (o *Operator) kind(b *event.Batch, row int, name event.Name) rowKind {
	switch {
	case name == event.ProductListViewed && len(b.Text(event.Category, row)) == 0:
		return other
	case name == event.Custom && string(b.Text(event.Event, row)) != "Staff Scan":
		return other
	}
	return kinds[name]
}

// shard is the state of one shard.
type shard struct {
	op       *Operator
	profiles *flat.Table[profile]
	orders   *flat.Slab[order]
	byOrder  *flat.Table[uint32] // orders by profile and id
	lines    *flat.Slab[line]
	touches  *flat.Slab[touch]
	traits   *flat.Table[trait]
	presence *flat.Slab[presence]
	arena    *flat.Arena
	timers   *flat.Timers // forget
	stays    *flat.Timers // zone stays

	ahead      ahead
	categories categoryHashes
	recent     recentTraits
	turn       *pipeline.Turn
	now        int64 // effective time of the row at work
	nobody     bool  // the order at work has no profile
	scratch    []byte
	id         []byte
	touchID    []byte
	other      []byte
	bought     []purchase
	written    []byte
}

// NewShard makes the state of one shard.
func (o *Operator) NewShard(n int) pipeline.Shard {
	return &shard{
		op: o, profiles: flat.NewTable[profile](max(1, int(o.cfg.MaxProfiles)/o.shards), uint64(n)), orders: flat.NewSlab[order](),
		byOrder: flat.NewTable[uint32](0, uint64(n)), lines: flat.NewSlab[line](), touches: flat.NewSlab[touch](), traits: flat.NewTable[trait](0, uint64(n)),
		presence: flat.NewSlab[presence](), arena: flat.NewArena(), timers: flat.NewTimers(), stays: flat.NewTimers(),
	}
}

// Entries is the number of profiles.
func (s *shard) Entries() int { return s.profiles.Len() }

// Bytes is the memory of the state.
func (s *shard) Bytes() int {
	return s.profiles.Bytes() + s.orders.Bytes() + s.byOrder.Bytes() + s.lines.Bytes() + s.touches.Bytes() + s.traits.Bytes() +
		s.presence.Bytes() + s.arena.Bytes() + s.timers.Bytes() + s.stays.Bytes()
}

// State lists what a snapshot saves.
func (s *shard) State(p *flat.Parts) {
	p.Add(s.profiles, s.orders, s.byOrder, s.lines, s.touches, s.traits, s.presence, s.arena, s.timers, s.stays)
}

// since is the time from which touches and orders are remembered.
func (s *shard) since() int64 {
	if s.now < math.MinInt64+s.op.cfg.Lookback {
		return math.MinInt64
	}
	return s.now - s.op.cfg.Lookback
}

// Fold takes rows in time order.
func (s *shard) Fold(t *pipeline.Turn, rows []event.Row) {
	s.turn = t
	for len(rows) > 0 {
		n := min(len(rows), aheadRows)
		s.lookAhead(rows[:n])
		for i := range rows[:n] {
			r := &rows[i]
			s.fire(r.Eff)
			s.now = r.Eff
			kind := s.ahead.kinds[i]
			if kind == other {
				continue
			}
			if r.Late {
				if r.Eff-r.Time() > s.op.cfg.Lookback {
					continue
				}
				t.Count.Late++
			}
			s.row(r, kind, s.ahead.ids[s.ahead.place[i]])
		}
		rows = rows[n:]
	}
}

// row folds a row that matters; hint is what was its profile's id before the
// rows that came since.
func (s *shard) row(r *event.Row, kind rowKind, hint uint32) {
	b, row := r.At()
	h := b.Profile[row]
	if h.IsZero() {
		if kind == orderRow {
			s.unknownOrder(b, row)
		}
		return
	}
	id := s.profiles.Again(flat.Key(h), hint)
	if id == 0 {
		for s.profiles.Full() && s.evict() {
		}
		id = s.profileOf(h, r.Time())
	} else {
		s.seen(id, r.Time())
	}
	if s.isSighting(r) {
		s.sight(id, r)
	}
	switch kind {
	case touchRow:
		s.touchRow(id, r)
	case orderRow:
		s.orderRow(id, b, row)
	case refundRow:
		s.refundRow(id, b, row)
	}
	s.stay(id, r)
}

// profileOf finds or makes the profile's entry and keeps it alive.
func (s *shard) profileOf(h event.Hash, at int64) uint32 {
	id, isNew := s.profiles.PutID(flat.Key{Hi: h.Hi, Lo: h.Lo})
	p := s.profiles.MutAt(id)
	if isNew {
		p.dropped, p.last = math.MinInt64, at
		p.forget = at + s.op.cfg.Lookback
		s.timers.Set(p.forget, id)
	}
	p.last = max(p.last, at)
	return id
}

// seen keeps a profile alive.
func (s *shard) seen(id uint32, at int64) {
	p := s.profiles.MutAt(id)
	p.last = max(p.last, at)
}

// Advance fires what is due before the watermark.
func (s *shard) Advance(t *pipeline.Turn) {
	s.turn = t
	s.fire(t.Watermark)
}

func (s *shard) fire(before int64) {
	for s.stays.IsDue(before) {
		due, id, ok := s.stays.PopDue(before)
		if !ok {
			break
		}
		if s.profiles.Live(id) {
			s.stayDue(id, due)
		}
	}
	for s.timers.IsDue(before) {
		due, id, ok := s.timers.PopDue(before)
		if !ok {
			return
		}
		if s.profiles.Live(id) && s.profiles.At(id).forget == due {
			s.age(id, due)
		}
	}
}

// age lets go what is older than the lookback, and the profile when nothing is
// left.
func (s *shard) age(id uint32, now int64) {
	p := s.profiles.MutAt(id)
	if now < p.last+s.op.cfg.Lookback {
		p.forget = p.last + s.op.cfg.Lookback
		s.timers.Set(p.forget, id)
		s.dropOld(id, now-s.op.cfg.Lookback)
		return
	}
	s.forget(id)
	s.profiles.DeleteID(id)
}

func (s *shard) evict() bool {
	for {
		due, id, ok := s.timers.PopDue(math.MaxInt64)
		if !ok {
			return false
		}
		if !s.profiles.Live(id) || s.profiles.At(id).forget != due {
			continue
		}
		p := s.profiles.MutAt(id)
		if alive := p.last + s.op.cfg.Lookback; alive > due {
			p.forget = alive
			s.timers.Set(alive, id)
			continue
		}
		s.forget(id)
		s.profiles.Evict(id)
		s.turn.Count.Evicted++
		return true
	}
}

// forget frees all that a profile holds.
func (s *shard) forget(id uint32) {
	p := s.profiles.MutAt(id)
	for p.touches > 0 {
		s.dropOldest(p)
	}
	if p.presence != 0 {
		x := s.presence.At(p.presence)
		s.arena.Free(x.visits)
		s.arena.Free(x.sighted)
		s.arena.Free(x.zone.texts)
		s.presence.Free(p.presence)
		p.presence = 0
	}
	for p.orders != 0 {
		s.removeOrder(id, 0)
	}
}

// dropOld lets touches and orders before a time go.
func (s *shard) dropOld(id uint32, before int64) {
	p := s.profiles.MutAt(id)
	for p.touches > 0 && s.touches.At(p.oldest).at < before {
		s.dropOldest(p)
	}
	s.dropOrders(id, before)
}
