package venue

import (
	"slices"
	"strings"
	"time"

	"touchstream/pipeline/config"
)

// Load reads a venue file. The error is config.Faults: all that is wrong, with
// positions.
func Load(path string, lookup func(string) (string, bool)) (*Venue, error) {
	f, err := config.Load(path, lookup)
	if err != nil {
		return nil, err
	}
	return read(f)
}

// Parse reads the text of a venue file; the name stands in faults.
func Parse(name string, text []byte, lookup func(string) (string, bool)) (*Venue, error) {
	f, err := config.Parse(name, text, lookup)
	if err != nil {
		return nil, err
	}
	return read(f)
}

// Docs describes the keys of a venue file.
func Docs() []config.Doc { return config.Describe(newReader()) }

func read(f *config.File) (*Venue, error) {
	r := newReader()
	if err := f.Read(r); err != nil {
		return nil, err
	}
	return r.venue, nil
}

// reader makes a Venue while the keys are declared.
type reader struct {
	venue *Venue
	links []link
}

// link is a zone named by another one, found when all zones are known.
type link struct {
	section *config.Section
	key     string
	zone    int
	ids     []string
}

func newReader() *reader {
	return &reader{venue: &Venue{
		stores:  make(map[string]int),
		zones:   make(map[zoneKey]int),
		only:    make(map[string]int),
		sensors: make(map[string]int),
		staff:   make(map[string]struct{}),
	}}
}

// Declare declares the keys of the file.
func (r *reader) Declare(s *config.Section) {
	s.Sections("stores", "The stores.", r.store)
	if len(r.venue.Stores) == 0 {
		s.Fault("stores", "at least one store is required")
	}
	for _, l := range r.links {
		r.connect(l)
	}
}

func (r *reader) store(_ int, s *config.Section) {
	v, at := r.venue, len(r.venue.Stores)
	v.Stores = append(v.Stores, Store{})
	var st Store
	s.String("id", &st.ID, "", "The store, as store_id of events.").Required().NonEmpty()
	if other, ok := v.stores[st.ID]; ok {
		s.Fault("id", "store %q is given twice, first as stores[%d]", st.ID, other)
	} else if st.ID != "" {
		v.stores[st.ID] = at
	}
	s.String("name", &st.Name, "", "Its name.")
	s.String("country", &st.Country, "", "Its country.")
	s.String("city", &st.City, "", "Its city.")
	s.Float("latitude", &st.Latitude, 0, "Degrees north.").Min(-90).Max(90)
	s.Float("longitude", &st.Longitude, 0, "Degrees east.").Min(-180).Max(180)
	st.HasPosition = s.Has("latitude") && s.Has("longitude")
	if s.Has("latitude") != s.Has("longitude") {
		s.Fault("", "latitude and longitude are given together or not at all")
	}
	st.Location = location(s)
	st.Hours = DeclareHours(s, "opening_hours", `Weekly hours in local time: {mon-fri: "09:00-21:00", sun: closed}; left out: always open.`)
	s.Strings("staff_devices", &st.StaffDevices, nil, "Devices of the staff, which are not counted.").NonEmptyElements()
	for _, device := range st.StaffDevices {
		v.staff[device] = struct{}{}
	}
	st.Zones.From = len(v.Zones)
	s.Sections("zones", "The store's zones.", func(_ int, s *config.Section) { r.zone(s, at) })
	st.Zones.To = len(v.Zones)
	v.Stores[at] = st
}

func location(s *config.Section) *time.Location {
	var name string
	s.String("time_zone", &name, "UTC", "The store's time zone, such as Europe/Warsaw.")
	loc, err := time.LoadLocation(name)
	if err != nil || name == "" || strings.EqualFold(name, "local") {
		s.Fault("time_zone", "a time zone such as Europe/Warsaw is expected, found %q", name)
		return time.UTC
	}
	return loc
}

func (r *reader) zone(s *config.Section, store int) {
	v, at := r.venue, len(r.venue.Zones)
	v.Zones = append(v.Zones, Zone{})
	z := Zone{Store: store}
	s.String("id", &z.ID, "", "The zone, as zone_id of events; unique in its store.").Required().NonEmpty()
	r.nameZone(s, &z, at)
	s.String("name", &z.Name, "", "Its name.")
	var kind string
	s.Enum("kind", &kind, "zone", "What it is for.", zoneKinds...)
	z.Kind = ZoneKind(slices.Index(zoneKinds, kind))
	s.Float("area_m2", &z.AreaM2, 0, "Its area in square metres; left out: no density.")
	if s.Has("area_m2") && z.AreaM2 <= 0 {
		s.Check(func() { s.Fault("area_m2", "must be positive, found %v", z.AreaM2) }, "area_m2")
	}
	s.Int("capacity", &z.Capacity, 0, "People that it holds; 0: unknown.").Min(0)
	s.Int("staff", &z.Staff, 0, "People of the staff that usually stand there.").Min(0)
	s.Float("calibration", &z.Calibration, 1, "People per device seen.").Positive()
	s.Strings("categories", &z.Categories, nil, "Categories of products that are shown there.").NonEmptyElements()
	var neighbours, servesTo []string
	s.Strings("neighbours", &neighbours, nil, "Zones next to it, of the same store.")
	s.Strings("serves_to", &servesTo, nil, "Zones into which the served of a queue go, of the same store.")
	r.links = append(r.links, link{s, "neighbours", at, neighbours}, link{s, "serves_to", at, servesTo})
	z.Sensors.From = len(v.Sensors)
	s.Sections("sensors", "The zone's sensors.", func(_ int, s *config.Section) {
		z.HasCounter = r.sensor(s, at) == Counter || z.HasCounter
	})
	z.Sensors.To = len(v.Sensors)
	v.Zones[at] = z
}

func (r *reader) nameZone(s *config.Section, z *Zone, at int) {
	if z.ID == "" {
		return
	}
	v, key := r.venue, zoneKey{z.Store, z.ID}
	if _, ok := v.zones[key]; ok {
		s.Fault("id", "zone %q is given twice in this store", z.ID)
		return
	}
	v.zones[key] = at
	if _, ok := v.only[z.ID]; ok {
		v.only[z.ID] = None
	} else {
		v.only[z.ID] = at
	}
}

func (r *reader) sensor(s *config.Section, zone int) SensorKind {
	v, at := r.venue, len(r.venue.Sensors)
	sensor := Sensor{Zone: zone}
	s.String("id", &sensor.ID, "", "The sensor, as sensor_id of events; unique in the file.").Required().NonEmpty()
	var kind string
	s.Enum("kind", &kind, "beacon", "How it sees.", sensorKinds...)
	sensor.Kind = SensorKind(slices.Index(sensorKinds, kind))
	if _, ok := v.sensors[sensor.ID]; ok {
		s.Fault("id", "sensor %q is given twice in the file", sensor.ID)
	} else if sensor.ID != "" {
		v.sensors[sensor.ID] = at
	}
	v.Sensors = append(v.Sensors, sensor)
	return sensor.Kind
}

// connect finds the zones that a zone names.
func (r *reader) connect(l link) {
	v := r.venue
	zone := &v.Zones[l.zone]
	for _, id := range l.ids {
		other, ok := v.zones[zoneKey{zone.Store, id}]
		switch {
		case !ok:
			l.section.Fault(l.key, "zone %q is not in store %q", id, v.Stores[zone.Store].ID)
		case other == l.zone:
			l.section.Fault(l.key, "zone %q names itself", id)
		case l.key == "serves_to":
			zone.ServesTo = addOnce(zone.ServesTo, other)
		default:
			zone.Neighbours = addOnce(zone.Neighbours, other)
			v.Zones[other].Neighbours = addOnce(v.Zones[other].Neighbours, l.zone)
		}
	}
}

func addOnce(list []int, n int) []int {
	if slices.Contains(list, n) {
		return list
	}
	return append(list, n)
}
