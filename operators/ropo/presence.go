package ropo

import (
	"unsafe"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/venue"
)

// presenceOf is what is known of the profile in stores, for writing.
func (s *shard) presenceOf(p *profile) *presence {
	if p.presence == 0 {
		p.presence = s.presence.Alloc()
	}
	return s.presence.Mut(p.presence)
}

// seenInStores is what is known of the profile in stores, for reading.
func (s *shard) seenInStores(p *profile) *presence {
	if p.presence == 0 {
		return &nowhere
	}
	return s.presence.At(p.presence)
}

// nowhere is what is known of profiles that were never seen in a store.
var nowhere presence

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
	x := s.presenceOf(p)
	v := visit{at: r.Time(), store: s.textHash(b.Text(event.StoreID, row)), entered: r.Name == event.StoreEntered}
	isStart := v.entered
	if !v.entered {
		last, ok := s.lastSighting(x, v.store)
		isStart = !ok || v.at-last > silence
		x.sighted = s.noteSighting(x.sighted, v)
	}
	if isStart {
		x.visits = s.insertVisit(x.visits, v)
		if r.Late {
			s.revisit(p)
			s.writeChanged(id)
		}
	}
}

func (s *shard) lastSighting(x *presence, store uint64) (at int64, ok bool) {
	for _, v := range flat.Of[visit](s.arena.Get(x.sighted)) {
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
	for _, v := range flat.Of[visit](s.arena.Get(s.seenInStores(p).visits)) {
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
	x := s.presenceOf(s.profiles.MutAt(id))
	zone := s.zoneOf(b, row)
	if name == event.ZoneExited && x.zone.zone != zone+1 || name == event.ZoneEntered && x.zone.zone == zone+1 {
		return
	}
	if x.zone.zone != 0 && b.Time(row)-x.zone.entered >= s.op.cfg.ZoneDwell {
		s.stayTouch(id, x, x.zone.entered+s.op.cfg.ZoneDwell)
	}
	s.endStay(x)
	if name == event.ZoneEntered && zone >= 0 && s.isShelf(zone) {
		x.zone = zoneStay{zone: zone + 1, entered: b.Time(row)}
		x.zone.texts = s.repack(0, s.key(b, row), b.Text(event.Channel, row), b.Text(event.DeviceType, row), b.Text(event.Campaign, row))
		s.stays.Set(b.Time(row)+s.op.cfg.ZoneDwell, id)
	}
}

// isShelf reports whether a stay in the zone can be a touch.
func (s *shard) isShelf(zone int32) bool {
	z := &s.op.venue.Zones[zone]
	return len(z.Categories) > 0 || z.Kind == venue.FittingRoom && s.op.cfg.MatchAny
}

func (s *shard) endStay(x *presence) {
	s.arena.Free(x.zone.texts)
	x.zone = zoneStay{}
}

// stayDue makes the touch of a stay that has lasted.
func (s *shard) stayDue(id uint32, due int64) {
	p := s.profiles.At(id)
	if zone := s.seenInStores(p).zone; zone.zone == 0 || zone.entered+s.op.cfg.ZoneDwell != due {
		return
	}
	x := s.presenceOf(p)
	s.stayTouch(id, x, due)
	s.endStay(x)
}

func (s *shard) stayTouch(id uint32, x *presence, at int64) {
	p := s.profiles.MutAt(id)
	p.last = max(p.last, at)
	texts := s.arena.Get(x.zone.texts)
	channel := unpack(texts, touchChannel)
	t := touch{at: at, offline: len(channel) == 0 || event.IsOffline(channel)}
	c := source{channel: channel, device: unpack(texts, touchDevice), campaign: unpack(texts, touchCampaign)}
	c.setKey(unpack(texts, touchKey))
	categories := s.op.venue.Zones[x.zone.zone-1].Categories
	for _, name := range categories {
		t.category = s.textHash([]byte(name))
		s.addTouch(id, t, &c, false)
	}
	if len(categories) == 0 {
		s.addTouch(id, t, &c, false)
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
