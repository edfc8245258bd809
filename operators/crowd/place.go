package crowd

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
)

// place is where a row was made. Timeout is the presence timeout of the
// sensor's kind; sensor 0 is none.
type place struct {
	store, zone uint32
	sensor      uint64
	timeout     int64
}

// locate finds the place of a row, false if it is unknown. A sensor decides
// where a sighting was, a zone where everything else was.
func (s *shard) locate(b *event.Batch, row int) (place, bool) {
	storeID, zoneID, sensorID := b.Text(event.StoreID, row), b.Text(event.ZoneID, row), b.Text(event.SensorID, row)
	if len(storeID) == 0 && s.op.venue != nil || len(zoneID)+len(sensorID) == 0 {
		return place{}, false
	}
	name := b.Name[row]
	p := place{timeout: s.cfg.PresenceTimeout.Beacon}
	if name == event.TagRead {
		p.timeout = s.cfg.PresenceTimeout.RFID
	}
	bySensor := len(zoneID) == 0 || name == event.SensorSeen && len(sensorID) > 0
	if s.op.venue == nil {
		s.locateByName(&p, storeID, zoneID, sensorID)
		return p, true
	}
	v := s.op.venue
	sensor, at := venue.None, venue.None
	if len(sensorID) > 0 {
		if sensor = v.Sensor(sensorID); sensor != venue.None {
			p.sensor, p.timeout = uint64(sensor)+1, s.timeoutOf(v.Sensors[sensor].Kind)
		}
	}
	switch {
	case !bySensor:
		if st := v.Store(storeID); st != venue.None {
			at = v.Zone(st, zoneID)
		}
	case sensor != venue.None:
		if zone := v.Sensors[sensor].Zone; v.Stores[v.Zones[zone].Store].ID == string(storeID) {
			at = zone
		}
	}
	if at == venue.None {
		return p, false
	}
	key := flat.Key{Lo: uint64(at)}
	if id := s.zones.ID(key); id != 0 {
		p.zone, p.store = id, s.zones.At(id).store
		return p, true
	}
	st := v.Zones[at].Store
	id, isNew := s.stores.PutID(flat.Key{Lo: uint64(st)})
	if isNew {
		s.stores.MutAt(id).index = int32(st)
	}
	p.store = id
	p.zone = s.zoneOf(key, id, int32(at), nil)
	return p, true
}

// locateByName finds places without a venue file: a sensor without a zone is
// one.
func (s *shard) locateByName(p *place, storeID, zoneID, sensorID []byte) {
	h := s.turn.Hasher
	storeHash := h.Sum(event.TagText, storeID)
	id, isNew := s.stores.PutID(flat.Key{Hi: storeHash.Hi, Lo: storeHash.Lo})
	if isNew {
		st := s.stores.MutAt(id)
		st.index, st.name = -1, s.arena.Put(storeID)
	}
	p.store = id
	if len(sensorID) > 0 {
		p.sensor = h.Sum(event.TagText, sensorID).Lo | 1
	}
	if len(zoneID) == 0 {
		zoneID = sensorID
	}
	key := h.Sum(event.TagText, zoneID)
	p.zone = s.zoneOf(flat.Key{Hi: key.Hi ^ storeHash.Hi, Lo: key.Lo ^ storeHash.Lo}, id, -1, zoneID)
}

func (s *shard) timeoutOf(k venue.SensorKind) int64 {
	switch k {
	case venue.WiFi:
		return s.cfg.PresenceTimeout.WiFi
	case venue.RFID:
		return s.cfg.PresenceTimeout.RFID
	}
	return s.cfg.PresenceTimeout.Beacon
}

// zoneOf gives the zone's id; a new one gets a cell for each window length.
func (s *shard) zoneOf(key flat.Key, storeID uint32, index int32, name []byte) uint32 {
	id, isNew := s.zones.PutID(key)
	if !isNew {
		return id
	}
	z := s.zones.MutAt(id)
	z.store, z.index, z.name = storeID, index, s.arena.Put(name)
	z.counted = index >= 0 && s.op.venue.Zones[index].HasCounter
	for i := len(s.grids) - 1; i >= 0; i-- {
		c := s.cells.Alloc()
		m := s.cells.Mut(c)
		m.zone, m.next = id, z.cells
		z.cells = c
	}
	return id
}

// putStore writes the store's id as events name it.
func (s *shard) putStore(out *schema.Rows, id uint32) {
	if st := s.stores.At(id); st.index >= 0 {
		out.String(s.op.venue.Stores[st.index].ID)
	} else {
		out.Text(s.arena.Get(st.name))
	}
}

// putZone writes the zone's id as events name it.
func (s *shard) putZone(out *schema.Rows, id uint32) {
	if z := s.zones.At(id); z.index >= 0 {
		out.String(s.op.venue.Zones[z.index].ID)
	} else {
		out.Text(s.arena.Get(z.name))
	}
}
