package ropo

import (
	"encoding/binary"
	"unsafe"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/venue"
)

// textHash is the hash by which products, skus, categories and stores are
// compared; 0 is absent.
func (s *shard) textHash(v []byte) uint64 {
	if len(v) == 0 {
		return 0
	}
	return s.turn.Hasher.Sum(event.TagText, v).Lo
}

// categoryHashes keeps the hashes of categories, which are few and come again
// and again.
type categoryHashes [64]struct {
	text string
	hash uint64
}

// categoryBytesMax bounds what is kept.
const categoryBytesMax = 64

func (c *categoryHashes) hash(s *shard, v []byte) uint64 {
	n := len(v)
	if n == 0 || n > categoryBytesMax {
		return s.textHash(v)
	}
	at := &c[(int(v[0])^int(v[n/2])<<2^int(v[n-1])<<4^n)%len(c)]
	if at.text != string(v) {
		at.text, at.hash = string(v), s.textHash(v)
	}
	return at.hash
}

// key writes what sorts like the row's message id: positions by number, before
// texts. It is lent until the next call.
func (s *shard) key(b *event.Batch, row int) []byte {
	if b.Head[row].Flags&event.IsPositional == 0 {
		s.id = append(append(s.id[:0], 1), b.Text(event.MessageID, row)...)
		return s.id
	}
	s.id = binary.BigEndian.AppendUint32(append(s.id[:0], 0), b.Origin[row])
	s.id = binary.BigEndian.AppendUint64(s.id, uint64(b.Offset[row]))
	s.id = binary.BigEndian.AppendUint32(s.id, uint32(b.Element[row]))
	return s.id
}

func (s *shard) touchRow(id uint32, r *event.Row) {
	b, row := r.At()
	head, channel := &b.Head[row], b.Text(event.Channel, row)
	t := touch{at: r.Time(), offline: event.IsOffline(channel)}
	if len(channel) == 0 {
		t.offline = r.Name == event.TagRead || r.Name == event.Custom
	}
	s.scratch = pack(s.scratch, s.key(b, row), channel, b.Text(event.DeviceType, row), b.Text(event.Campaign, row))
	if head.ItemCount == 0 || head.Product != 0 || r.Name == event.ProductListViewed {
		t.product, t.sku = head.Product, head.SKU
		t.category = s.categories.hash(s, b.Text(event.Category, row))
		s.addTouch(id, t, s.scratch, r.Late)
		return
	}
	for i := int(head.ItemFirst); i < int(head.ItemFirst+head.ItemCount); i++ {
		t.product = s.textHash(b.ItemText(event.ProductID, i))
		t.sku = s.textHash(b.ItemText(event.SKU, i))
		t.category = s.textHash(b.ItemText(event.Category, i))
		s.addTouch(id, t, s.scratch, r.Late)
	}
}

// addTouch remembers a touch. One that comes late also adds to the orders
// behind it; any other is the newest of all.
func (s *shard) addTouch(id uint32, t touch, texts []byte, isLate bool) {
	if t.product|t.sku|t.category == 0 && !s.op.cfg.MatchAny {
		return
	}
	t.texts = s.arena.Put(texts)
	p := s.profiles.MutAt(id)
	if isLate {
		s.matchOrders(p, &t)
		s.keepTouch(p, t)
		s.writeChanged(id)
		return
	}
	s.keepTouch(p, t)
}

const touchBytes = int(unsafe.Sizeof(touch{}))

// keepTouch inserts the touch in order; over the cap the oldest goes.
func (s *shard) keepTouch(p *profile, t touch) {
	touches := s.touchesOf(p)
	n := len(touches)
	at := n
	for at > 0 && s.touchLess(&t, &touches[at-1]) {
		at--
	}
	if n < int(s.op.cfg.Touches) {
		if n*touchBytes == p.touches.Len() {
			p.touches = s.arena.Resize(p.touches, min(max(2*n, 2), int(s.op.cfg.Touches))*touchBytes)
		}
		p.held++
		touches = flat.Of[touch](s.arena.Mut(p.touches))
		copy(touches[at+1:], touches[at:n])
		touches[at] = t
		return
	}
	gone := t
	if at > 0 {
		touches = flat.Of[touch](s.arena.Mut(p.touches))
		gone = touches[0]
		copy(touches, touches[1:at])
		touches[at-1] = t
	}
	p.dropped = max(p.dropped, gone.at)
	s.arena.Free(gone.texts)
}

// touchLess orders touches by (time, message id).
func (s *shard) touchLess(a, b *touch) bool {
	return s.earlier(a.at, unpack(s.arena.Get(a.texts), touchKey), b.at, b.texts, touchKey)
}

// isSighting reports whether the row shows the person in a store.
func (s *shard) isSighting(r *event.Row) bool {
	switch r.Name {
	case event.StoreEntered, event.SensorSeen, event.TagRead, event.ZoneEntered, event.ZoneExited:
		return len(r.Batch.Text(event.StoreID, int(r.Index))) > 0
	}
	return false
}

const (
	visitsMax = 16
	// silence begins a new visit at the next sighting, ms.
	silence = 30 * 60_000
)

// sight notes visit starts: Store Entered, or a sighting after 30 min without one.
func (s *shard) sight(id uint32, r *event.Row) {
	b, row := r.At()
	p := s.profiles.MutAt(id)
	v := visit{at: r.Time(), store: s.textHash(b.Text(event.StoreID, row)), entered: r.Name == event.StoreEntered}
	isStart := v.entered
	if !v.entered {
		last, ok := s.lastSighting(p, v.store)
		isStart = !ok || v.at-last > silence
		p.sighted = s.noteSighting(p.sighted, v)
	}
	if isStart {
		p.visits = s.insertVisit(p.visits, v)
		if r.Late {
			s.revisit(p)
			s.writeChanged(id)
		}
	}
}

func (s *shard) lastSighting(p *profile, store uint64) (at int64, ok bool) {
	for _, v := range flat.Of[visit](s.arena.Get(p.sighted)) {
		if v.store == store {
			return v.at, true
		}
	}
	return 0, false
}

// noteSighting keeps the last sighting of each store.
func (s *shard) noteSighting(r flat.Ref, v visit) flat.Ref {
	all := flat.Of[visit](s.arena.Get(r))
	for i := range all {
		if all[i].store != v.store {
			continue
		}
		if v.at <= all[i].at {
			return r
		}
		all = flat.Of[visit](s.arena.Mut(r))
		n := i + 1
		for ; n < len(all) && all[n].at <= v.at; n++ {
			all[n-1] = all[n]
		}
		all[n-1] = v
		return r
	}
	return s.insertVisit(r, v)
}

const visitBytes = int(unsafe.Sizeof(visit{}))

// insertVisit inserts by time; over the cap the oldest goes.
func (s *shard) insertVisit(r flat.Ref, v visit) flat.Ref {
	all := flat.Of[visit](s.arena.Get(r))
	at := len(all)
	for at > 0 && all[at-1].at > v.at {
		at--
	}
	if len(all) < visitsMax {
		r = s.arena.Resize(r, (len(all)+1)*visitBytes)
		all = flat.Of[visit](s.arena.Mut(r))
		copy(all[at+1:], all[at:])
		all[at] = v
		return r
	}
	if at > 0 {
		all = flat.Of[visit](s.arena.Mut(r))
		copy(all, all[1:at])
		all[at-1] = v
	}
	return r
}

// visitStart is when the visit of an order began: the latest Store Entered in
// its store, else the latest first sighting there, else the order itself.
func (s *shard) visitStart(p *profile, store uint64, at int64) int64 {
	if store == 0 {
		return at
	}
	start, entered := at, false
	for _, v := range flat.Of[visit](s.arena.Get(p.visits)) {
		if v.store != store || v.at >= at || at-v.at > s.op.cfg.Visit {
			continue
		}
		if v.entered || !entered {
			start, entered = v.at, v.entered
		}
	}
	return start
}

// stay follows the zone a person is in: long enough in a category's zone is a
// touch of its categories, dated at the end of the minimum stay.
func (s *shard) stay(id uint32, r *event.Row) {
	if s.op.venue == nil || r.Late {
		return
	}
	name := r.Name
	if name != event.ZoneEntered && name != event.ZoneExited && name != event.StoreExited && name != event.StoreEntered {
		return
	}
	b, row := r.At()
	p := s.profiles.MutAt(id)
	zone := s.zoneOf(b, row)
	if name == event.ZoneExited && p.zone.zone != zone+1 || name == event.ZoneEntered && p.zone.zone == zone+1 {
		return
	}
	if p.zone.zone != 0 && b.Time(row)-p.zone.entered >= s.op.cfg.ZoneDwell {
		s.stayTouch(id, p.zone.entered+s.op.cfg.ZoneDwell)
	}
	s.endStay(p)
	if name == event.ZoneEntered && zone >= 0 && s.isShelf(zone) {
		p.zone = zoneStay{zone: zone + 1, entered: b.Time(row)}
		p.zone.texts = s.repack(0, s.key(b, row), b.Text(event.Channel, row), b.Text(event.DeviceType, row), b.Text(event.Campaign, row))
		s.stays.Set(b.Time(row)+s.op.cfg.ZoneDwell, id)
	}
}

// isShelf reports whether a stay in the zone can be a touch.
func (s *shard) isShelf(zone int32) bool {
	z := &s.op.venue.Zones[zone]
	return len(z.Categories) > 0 || z.Kind == venue.FittingRoom && s.op.cfg.MatchAny
}

func (s *shard) endStay(p *profile) {
	s.arena.Free(p.zone.texts)
	p.zone = zoneStay{}
}

// stayDue makes the touch of a stay that has lasted.
func (s *shard) stayDue(id uint32, due int64) {
	p := s.profiles.MutAt(id)
	if p.zone.zone == 0 || p.zone.entered+s.op.cfg.ZoneDwell != due {
		return
	}
	s.stayTouch(id, due)
	s.endStay(p)
}

func (s *shard) stayTouch(id uint32, at int64) {
	p := s.profiles.MutAt(id)
	p.last = max(p.last, at)
	s.scratch = append(s.scratch[:0], s.arena.Get(p.zone.texts)...)
	channel := unpack(s.scratch, touchChannel)
	t := touch{at: at, offline: len(channel) == 0 || event.IsOffline(channel)}
	categories := s.op.venue.Zones[p.zone.zone-1].Categories
	for _, c := range categories {
		t.category = s.textHash([]byte(c))
		s.addTouch(id, t, s.scratch, false)
	}
	if len(categories) == 0 {
		s.addTouch(id, t, s.scratch, false)
	}
}

// zoneOf finds the row's zone in the venue, -1 if it is not there.
func (s *shard) zoneOf(b *event.Batch, row int) int32 {
	zone := b.Text(event.ZoneID, row)
	if store := s.op.venue.Store(b.Text(event.StoreID, row)); store >= 0 {
		return int32(s.op.venue.Zone(store, zone))
	}
	return int32(s.op.venue.OnlyZone(zone))
}
