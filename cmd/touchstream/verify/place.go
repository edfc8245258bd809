package verify

import "touchstream/pipeline/venue"

// zoneRow is a zone of the venue file, as events of NamedStore name it.
type zoneRow struct {
	NamedStore                string // Store, or "" for the only zone of this id
	Store, ID, Kind, TimeZone string
	AreaM2                    float64 // 0: unknown
	Capacity                  int     // 0: unknown
	Calibration               float64
	HasCounter                bool
	Categories                []string
}

// sensorRow is a sensor of the venue file.
type sensorRow struct {
	ID, Store, Zone, Kind string
	Presence              int64 // ms after a sighting
}

// Zones are the zones of the venue file, those whose id no other store has a
// second time without their store; one without a name if there is none, as SQL
// has no list of no values.
func (p *Params) Zones() []zoneRow {
	out := []zoneRow{{}}
	if p.Venue == nil {
		return out
	}
	for _, z := range p.Venue.Zones {
		s := &p.Venue.Stores[z.Store]
		row := zoneRow{NamedStore: s.ID, Store: s.ID, ID: z.ID, Kind: z.Kind.String(), TimeZone: s.Location.String(), AreaM2: z.AreaM2, Capacity: z.Capacity,
			Calibration: z.Calibration, HasCounter: z.HasCounter, Categories: z.Categories}
		out = append(out, row)
		if p.Venue.OnlyZone([]byte(z.ID)) != venue.None {
			row.NamedStore = ""
			out = append(out, row)
		}
	}
	return out
}

// Stores are the ids of the venue file's stores; one without a name if there is
// none.
func (p *Params) Stores() []string {
	if p.Venue == nil {
		return []string{""}
	}
	out := []string{}
	for i := range p.Venue.Stores {
		out = append(out, p.Venue.Stores[i].ID)
	}
	return out
}

// Sensors are the sensors of the venue file, and one without a name.
func (p *Params) Sensors() []sensorRow {
	out := []sensorRow{{}}
	if p.Venue == nil {
		return out
	}
	for _, s := range p.Venue.Sensors {
		z := &p.Venue.Zones[s.Zone]
		out = append(out, sensorRow{ID: s.ID, Store: p.Venue.Stores[z.Store].ID, Zone: z.ID, Kind: s.Kind.String(), Presence: p.presence(s.Kind)})
	}
	return out
}

// presence is how long a device stays after a sensor has seen it.
func (p *Params) presence(k venue.SensorKind) int64 {
	if p.Crowd == nil {
		return 0
	}
	switch k {
	case venue.Beacon:
		return p.Crowd.PresenceTimeout.Beacon
	case venue.WiFi:
		return p.Crowd.PresenceTimeout.WiFi
	case venue.RFID:
		return p.Crowd.PresenceTimeout.RFID
	}
	return 0
}

// stages are the statements that fill the temporary tables, in their order.
func (p *Params) stages() []string {
	out := []string{"late", "ties", "events"}
	if p.Ropo != nil || p.Crowd != nil {
		out = append(out, "zones", "sensors")
	}
	if p.Ropo != nil {
		out = append(out, "purchases")
	}
	if p.Sessions != nil {
		out = append(out, "runs", "spans")
	}
	if p.Abandonment != nil {
		out = append(out, "unsure", "activity")
		if p.Abandonment.Policy == "any_order" {
			out = append(out, "episodes")
		}
	}
	if p.Crowd != nil && p.crowdWhy() == "" {
		out = append(out, "stays", "readings")
	}
	return out
}
