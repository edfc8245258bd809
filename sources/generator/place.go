package generator

import "strconv"

const (
	numStores = 5
	// Zones of every store: an entrance with a door counter, one per
	// department, a fitting room, the queue, the tills, the back room.
	zoneEntrance = 0
	zoneDept     = 1
	zoneFitting  = zoneDept + departments
	zoneQueue    = zoneFitting + 1
	zoneTill     = zoneQueue + 1
	zoneBack     = zoneTill + 1
	numZones     = zoneBack + 1
)

// store is a place. Two of the five follow phones by beacons, the others by
// zone events of the app and by tags.
type store struct {
	id, name, city      string
	latitude, longitude string
	hasBeacons          bool
}

var stores = [numStores]store{
	{"ST01", "Warszawa Centrum", "Warszawa", "52.2297", "21.0122", false},
	{"ST02", "Warszawa Północ", "Warszawa", "52.2900", "20.9600", true},
	{"ST03", "Kraków Rynek", "Kraków", "50.0614", "19.9366", false},
	{"ST04", "Gdańsk Port", "Gdańsk", "54.3520", "18.6466", true},
	{"ST05", "Wrocław Most", "Wrocław", "51.1079", "17.0385", false},
}

var departmentNames = [departments]string{"Shoes", "Clothing", "Electronics", "Household", "Home", "Beauty", "Sport", "Play and read"}

// zoneText gives the name and the kind of a zone.
func zoneText(z int) (name, kind string) {
	switch {
	case z == zoneEntrance:
		return "Entrance", "entrance"
	case z == zoneFitting:
		return "Fitting room", "fitting_room"
	case z == zoneQueue:
		return "Queue", "queue"
	case z == zoneTill:
		return "Tills", "zone"
	case z == zoneBack:
		return "Back room", "staff_only"
	}
	return departmentNames[z-zoneDept], "zone"
}

func zoneOf(category int) int { return zoneDept + category/catsPerDept }

// appendZoneID writes an id that is unique in the venue.
func appendZoneID(dst []byte, s, z int) []byte {
	dst = append(dst, stores[s].id...)
	dst = append(dst, "-Z"...)
	return appendPadded(dst, uint64(z), 2)
}

// Kinds of sensors, the last letter of a sensor's id.
const (
	sensorBeacon  = 'B'
	sensorWifi    = 'W'
	sensorRFID    = 'R'
	sensorCounter = 'C'
)

func appendSensorID(dst []byte, s, z int, kind byte) []byte {
	dst = appendZoneID(dst, s, z)
	return append(dst, '-', kind)
}

// hasWifi tells which zones of a store with beacons have a Wi-Fi sensor, which
// sees the phones of people without the app.
func hasWifi(z int) bool { return z >= zoneDept && z < zoneFitting && (z-zoneDept)%3 == 0 }

func appendStaffDevice(dst []byte, s int) []byte {
	dst = append(dst, "staff-"...)
	return append(dst, stores[s].id...)
}

// AppendVenue appends the venue file that describes the world's stores.
func AppendVenue(dst []byte) []byte {
	dst = append(dst, "stores:\n"...)
	for s := range stores {
		dst = appendStore(dst, s)
	}
	return dst
}

func appendStore(dst []byte, s int) []byte {
	st := &stores[s]
	dst = append(dst, "  - id: "+st.id+"\n    name: "+st.name+"\n    country: PL\n    city: "+st.city+
		"\n    latitude: "+st.latitude+"\n    longitude: "+st.longitude+"\n    time_zone: "+zoneName+
		"\n    opening_hours: {mon-sat: \"09:00-21:00\", sun: \"10:00-18:00\"}\n    staff_devices: ["...)
	dst = appendStaffDevice(dst, s)
	dst = append(dst, "]\n    zones:\n"...)
	for z := range numZones {
		dst = appendZone(dst, s, z)
	}
	return dst
}

func appendZone(dst []byte, s, z int) []byte {
	name, kind := zoneText(z)
	area, capacity, staff := 90+10*((s+z)%5), 60, 1
	switch z {
	case zoneEntrance:
		area, capacity, staff = 25, 20, 0
	case zoneFitting:
		area, capacity = 30, 10
	case zoneQueue:
		area, capacity, staff = 20, 15, 0
	case zoneTill:
		area, capacity, staff = 25, 12, 4
	case zoneBack:
		area, capacity, staff = 60, 10, 2
	}
	dst = append(dst, "      - id: "...)
	dst = appendZoneID(dst, s, z)
	dst = append(dst, "\n        name: "+name+"\n        kind: "+kind+"\n        area_m2: "...)
	dst = strconv.AppendInt(dst, int64(area), 10)
	dst = append(dst, "\n        capacity: "...)
	dst = strconv.AppendInt(dst, int64(capacity), 10)
	dst = append(dst, "\n        staff: "...)
	dst = strconv.AppendInt(dst, int64(staff), 10)
	if z >= zoneDept && z < zoneFitting {
		dst = append(dst, "\n        categories: ["...)
		for c := range catsPerDept {
			if c > 0 {
				dst = append(dst, ", "...)
			}
			dst = append(dst, categoryNames[(z-zoneDept)*catsPerDept+c]...)
		}
		dst = append(dst, ']')
	}
	dst = append(dst, "\n        neighbours: ["...)
	first := true
	for n := range numZones {
		if !areNeighbours(z, n) {
			continue
		}
		if !first {
			dst = append(dst, ", "...)
		}
		first = false
		dst = appendZoneID(dst, s, n)
	}
	dst = append(dst, ']')
	if z == zoneQueue {
		dst = append(dst, "\n        serves_to: ["...)
		dst = appendZoneID(dst, s, zoneTill)
		dst = append(dst, ']')
	}
	return appendSensors(dst, s, z)
}

// areNeighbours: the departments stand in a row behind the entrance, the
// fitting room at the second, the queue before the tills at the last, the
// back room behind the tills.
func areNeighbours(a, b int) bool {
	if a > b {
		a, b = b, a
	}
	switch {
	case a == b:
		return false
	case b == zoneFitting:
		return a == zoneDept+1
	case b == zoneQueue:
		return a == zoneFitting-1
	case b == zoneTill:
		return a == zoneQueue || a == zoneEntrance
	case b == zoneBack:
		return a == zoneTill
	}
	return b == a+1
}

func appendSensors(dst []byte, s, z int) []byte {
	sensor := func(kind byte, text string) {
		dst = append(dst, "\n          - {id: "...)
		dst = appendSensorID(dst, s, z, kind)
		dst = append(dst, ", kind: "+text+"}"...)
	}
	if z == zoneBack {
		return append(dst, '\n')
	}
	if z != zoneEntrance && !stores[s].hasBeacons && z >= zoneQueue {
		return append(dst, '\n')
	}
	dst = append(dst, "\n        sensors:"...)
	switch {
	case z == zoneEntrance:
		sensor(sensorCounter, "counter")
	case stores[s].hasBeacons:
		sensor(sensorBeacon, "beacon")
		if hasWifi(z) {
			sensor(sensorWifi, "wifi")
		}
	default:
		sensor(sensorRFID, "rfid")
	}
	return append(dst, '\n')
}
