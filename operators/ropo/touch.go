package ropo

import (
	"bytes"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// textHash is the hash by which products, skus, categories and stores are
// compared; 0 is absent.
func (s *shard) textHash(v []byte) uint64 {
	if len(v) == 0 {
		return 0
	}
	return s.turn.Hasher.Sum(event.TagText, v).Lo
}

func (s *shard) touchRow(id uint32, b *event.Batch, row int) {
	channel := b.Text(event.Channel, row)
	t := touch{at: b.Time(row), offline: event.IsOffline(channel)}
	if len(channel) == 0 {
		t.offline = b.Name[row] == event.TagRead || b.Name[row] == event.Custom
	}
	message := event.AppendMessageID(s.id[:0], b, row, s.turn.Origins)
	s.id = message
	if b.ItemCount[row] == 0 || b.Name[row] == event.ProductListViewed {
		t.product = s.textHash(b.Text(event.ProductID, row))
		t.sku = s.textHash(b.Text(event.SKU, row))
		t.category = s.textHash(b.Text(event.Category, row))
		s.addTouch(id, t, message, channel, b.Text(event.DeviceType, row), b.Text(event.Campaign, row))
		return
	}
	for i := int(b.ItemFirst[row]); i < int(b.ItemFirst[row]+b.ItemCount[row]); i++ {
		t.product = s.textHash(b.ItemText(event.ProductID, i))
		t.sku = s.textHash(b.ItemText(event.SKU, i))
		t.category = s.textHash(b.ItemText(event.Category, i))
		s.addTouch(id, t, message, channel, b.Text(event.DeviceType, row), b.Text(event.Campaign, row))
	}
}

// addTouch remembers a touch and adds it to the orders behind it.
func (s *shard) addTouch(id uint32, t touch, message, channel, device, campaign []byte) {
	if t.product|t.sku|t.category == 0 {
		return
	}
	t.texts, s.scratch = pack(s.arena, s.scratch, message, channel, device, campaign)
	s.matchOrders(id, &t)
	if !s.keepTouch(id, t) {
		s.arena.Free(t.texts)
	}
}

// keepTouch inserts the touch in order; over the cap the oldest goes.
func (s *shard) keepTouch(id uint32, t touch) bool {
	p := s.profiles.MutAt(id)
	touches := flat.Of[touch](s.arena.Get(p.touches))
	at := len(touches)
	for at > 0 && s.touchLess(&t, &touches[at-1]) {
		at--
	}
	full := len(touches) >= int(s.op.cfg.Touches)
	if full && at == 0 {
		p.dropped = max(p.dropped, t.at)
		return false
	}
	p.touches = s.arena.Resize(p.touches, (len(touches)+1)*len(flat.Bytes([]touch{t})))
	touches = flat.Of[touch](s.arena.Mut(p.touches))
	copy(touches[at+1:], touches[at:])
	touches[at] = t
	if full {
		p.dropped = max(p.dropped, touches[0].at)
		s.arena.Free(touches[0].texts)
		p.touches = s.arena.Replace(p.touches, flat.Bytes(touches[1:]))
	}
	return true
}

// touchLess orders touches by (time, message id).
func (s *shard) touchLess(a, b *touch) bool {
	if a.at != b.at {
		return a.at < b.at
	}
	return bytes.Compare(unpack(s.arena.Get(a.texts), touchMessage), unpack(s.arena.Get(b.texts), touchMessage)) < 0
}

// isSighting reports whether the row shows the person in a store.
func (s *shard) isSighting(b *event.Batch, row int) bool {
	switch b.Name[row] {
	case event.StoreEntered, event.SensorSeen, event.TagRead, event.ZoneEntered, event.ZoneExited:
		return len(b.Text(event.StoreID, row)) > 0
	}
	return false
}

const (
	visitsMax = 16
	// silence begins a new visit at the next sighting, ms.
	silence = 30 * 60_000
)

// sight notes visit starts: Store Entered, or a sighting after 30 min without one.
func (s *shard) sight(id uint32, b *event.Batch, row int) {
	p := s.profiles.MutAt(id)
	v := visit{at: b.Time(row), store: s.textHash(b.Text(event.StoreID, row)), entered: b.Name[row] == event.StoreEntered}
	if v.entered {
		p.visits = s.insertVisit(p.visits, v)
		return
	}
	seen := flat.Of[visit](s.arena.Mut(p.sighted))
	i := slices.IndexFunc(seen, func(o visit) bool { return o.store == v.store })
	if i < 0 || v.at-seen[i].at > silence {
		p.visits = s.insertVisit(p.visits, v)
	}
	switch {
	case i < 0:
		p.sighted = s.insertVisit(p.sighted, v)
	case v.at > seen[i].at:
		seen[i].at = v.at
	}
}

func (s *shard) insertVisit(r flat.Ref, v visit) flat.Ref {
	old := flat.Of[visit](s.arena.Get(r))
	at := len(old)
	for at > 0 && old[at-1].at > v.at {
		at--
	}
	all := slices.Insert(slices.Clone(old), at, v)
	if len(all) > visitsMax {
		all = all[1:]
	}
	return s.arena.Replace(r, flat.Bytes(all))
}

// visitStart is when the visit of an order began: the latest Store Entered in
// its store, else the latest first sighting there, else the order itself.
func (s *shard) visitStart(p *profile, store uint64, at int64) int64 {
	if store == 0 {
		return at
	}
	start, entered := at, false
	for _, v := range flat.Of[visit](s.arena.Get(p.visits)) {
		if v.store != store || v.at > at || at-v.at > s.op.cfg.Visit {
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
func (s *shard) stay(id uint32, b *event.Batch, row int) {
	if s.op.venue == nil || b.IsLate(row) {
		return
	}
	name := b.Name[row]
	if name != event.ZoneEntered && name != event.ZoneExited && name != event.StoreExited && name != event.StoreEntered {
		return
	}
	p := s.profiles.MutAt(id)
	zone := s.zoneOf(b, row)
	if name == event.ZoneExited && p.zone.zone != zone+1 || name == event.ZoneEntered && p.zone.zone == zone+1 {
		return
	}
	if p.zone.zone != 0 && b.Time(row)-p.zone.entered >= s.op.cfg.ZoneDwell {
		s.stayTouch(id, p.zone.entered+s.op.cfg.ZoneDwell)
	}
	s.endStay(p)
	if name == event.ZoneEntered && zone >= 0 && len(s.op.venue.Zones[zone].Categories) > 0 {
		message := event.AppendMessageID(s.id[:0], b, row, s.turn.Origins)
		s.id = message
		p.zone = zoneStay{zone: zone + 1, entered: b.Time(row)}
		p.zone.texts, s.scratch = pack(s.arena, s.scratch, message, b.Text(event.Channel, row), b.Text(event.DeviceType, row), b.Text(event.Campaign, row))
		s.stays.Set(b.Time(row)+s.op.cfg.ZoneDwell, id)
	}
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
	p := s.profiles.At(id)
	z := &s.op.venue.Zones[p.zone.zone-1]
	texts := s.arena.Get(p.zone.texts)
	message, channel := bytes.Clone(unpack(texts, touchMessage)), bytes.Clone(unpack(texts, touchChannel))
	device, campaign := bytes.Clone(unpack(texts, touchDevice)), bytes.Clone(unpack(texts, touchCampaign))
	for _, c := range z.Categories {
		t := touch{at: at, category: s.textHash([]byte(c)), offline: len(channel) == 0 || event.IsOffline(channel)}
		s.addTouch(id, t, message, channel, device, campaign)
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
