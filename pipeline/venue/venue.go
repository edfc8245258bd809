package venue

import "time"

// None is the index of what is unknown.
const None = -1

// ZoneKind says what a zone is for.
type ZoneKind uint8

// The kinds of zones, in the order of zoneKinds.
const (
	Area ZoneKind = iota // kind: zone
	Queue
	Entrance
	FittingRoom
	StaffOnly
)

var zoneKinds = []string{"zone", "queue", "entrance", "fitting_room", "staff_only"}

// String is the kind as the file writes it.
func (k ZoneKind) String() string { return zoneKinds[k] }

// SensorKind says how a sensor sees devices.
type SensorKind uint8

// The kinds of sensors, in the order of sensorKinds.
const (
	Beacon SensorKind = iota
	WiFi
	RFID
	Counter // counts people, sees no devices
)

var sensorKinds = []string{"beacon", "wifi", "rfid", "counter"}

// String is the kind as the file writes it.
func (k SensorKind) String() string { return sensorKinds[k] }

// A Store is one venue. Its zones are Venue.Zones[Zones.From:Zones.To].
type Store struct {
	ID, Name, Country, City string

	HasPosition         bool
	Latitude, Longitude float64

	Location     *time.Location // UTC if the file gives none
	Hours        *Hours         // nil: always open
	Zones        Span
	StaffDevices []string
}

// A Span is a range of indices, To excluded.
type Span struct{ From, To int }

// A Zone is a part of a store. Its sensors are
// Venue.Sensors[Sensors.From:Sensors.To].
type Zone struct {
	ID, Name    string
	Store       int
	Kind        ZoneKind
	AreaM2      float64 // 0: unknown
	Capacity    int     // people; 0: unknown
	Staff       int
	Calibration float64 // people per device
	Categories  []string
	Neighbours  []int // zones of the same store, both ways, without repetitions
	ServesTo    []int // where the served of a queue go
	Sensors     Span
	HasCounter  bool // one of its sensors is a door counter
}

// A Sensor stands in a zone.
type Sensor struct {
	ID   string
	Kind SensorKind
	Zone int
}

// A Venue is the whole file.
type Venue struct {
	Stores  []Store
	Zones   []Zone
	Sensors []Sensor

	stores  map[string]int
	zones   map[zoneKey]int
	only    map[string]int // zone ids without their store; None if several have one
	sensors map[string]int
	staff   map[string]struct{}
}

type zoneKey struct {
	store int
	id    string
}

// Store is the index of a store, or None.
func (v *Venue) Store(id []byte) int {
	if i, ok := v.stores[string(id)]; ok {
		return i
	}
	return None
}

// Zone is the index of a store's zone, or None.
func (v *Venue) Zone(store int, id []byte) int {
	if i, ok := v.zones[zoneKey{store, string(id)}]; ok {
		return i
	}
	return None
}

// OnlyZone is the index of the zone of this id if a single store has one, else
// None.
func (v *Venue) OnlyZone(id []byte) int {
	if i, ok := v.only[string(id)]; ok {
		return i
	}
	return None
}

// Sensor is the index of a sensor, or None.
func (v *Venue) Sensor(id []byte) int {
	if i, ok := v.sensors[string(id)]; ok {
		return i
	}
	return None
}

// IsStaff reports whether a device is one of the staff's, of any store.
func (v *Venue) IsStaff(device []byte) bool {
	_, ok := v.staff[string(device)]
	return ok
}

// IsOpen reports whether the store is open at the time, in ms UTC.
func (s *Store) IsOpen(ms int64) bool {
	return s.Hours == nil || s.Hours.IsOpen(ms, s.Location)
}
