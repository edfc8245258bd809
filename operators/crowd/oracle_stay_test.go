package crowd

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/venue"
)

// The oracle first finds the stays of each device on its own, then looks at
// every window of every zone and counts the stays in it.

// spot is a zone of a store.
type spot struct{ store, zone string }

// oracleStay is a device's time in a zone, [from, to).
type oracleStay struct {
	device     string
	spot       spot
	from, to   int64
	last       int64 // sighting
	isExit     bool
	explicitAt int64 // from when an event named the zone
	order      int   // of the event that began it
}

type oracleMove struct {
	store, from, to string
	at, transit     int64
}

type oracleSignal struct {
	mean  float64
	heard int64
	wins  int
}

// oracle holds what it found.
type oracle struct {
	cfg     Config
	venue   *venue.Venue
	stays   []oracleStay
	moves   []oracleMove
	counts  map[spot][]oracleCount
	resets  map[string]int64 // found before
	unknown int64
	late    int64
}

type oracleCount struct {
	at, in, out int64
	order       int
}

// oracleEvent is one event as the oracle reads it.
type oracleEvent struct {
	name         event.Name
	at           int64
	store        string
	zone, sensor string
	timeout      int64
	device       string
	rssi         float64
	in, out      int64
	order        int
}

func runOracle(cfg Config, v *venue.Venue, b *event.Batch) *oracle {
	o := &oracle{cfg: cfg, venue: v, counts: map[spot][]oracleCount{}, resets: map[string]int64{}}
	rows := make([]int, 0, b.N)
	for row := range b.N {
		switch b.Name[row] {
		case event.ZoneEntered, event.ZoneExited, event.TagRead, event.SensorSeen, event.CounterRead:
		default:
			continue
		}
		if b.IsLate(row) {
			o.late++
			continue
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(x, y int) int { return event.CompareTime(b, x, b, y) })
	devices := map[[2]string][]oracleEvent{}
	for i, row := range rows {
		e, isStaff, ok := o.read(b, row)
		e.order = i
		switch {
		case !ok:
			o.unknown++
		case e.name == event.CounterRead:
			at := spot{e.store, e.zone}
			o.counts[at] = append(o.counts[at], oracleCount{e.at, max(e.in, 0), max(e.out, 0), i})
		case isStaff:
		case e.device == "":
			o.unknown++
		default:
			k := [2]string{e.store, e.device}
			devices[k] = append(devices[k], e)
		}
	}
	for k, events := range devices {
		o.follow(k[0], k[1], events)
	}
	return o
}

func (o *oracle) read(b *event.Batch, row int) (e oracleEvent, isStaff, ok bool) {
	text := func(c event.Column) string { return string(b.Text(c, row)) }
	e = oracleEvent{
		name: b.Name[row], at: b.Time(row), store: text(event.StoreID), zone: text(event.ZoneID), sensor: text(event.SensorID),
		rssi: b.Real(event.RSSI, row), in: b.Num(event.CountIn, row), out: b.Num(event.CountOut, row),
	}
	isStaff = text(event.StaffID) != ""
	for _, c := range []event.Column{event.DeviceID, event.AnonymousID, event.UserID, event.LoyaltyID} {
		id := text(c)
		if id != "" && e.device == "" {
			e.device = c.String() + ":" + id
		}
		if id != "" && o.venue != nil {
			for _, st := range o.venue.Stores {
				isStaff = isStaff || slices.Contains(st.StaffDevices, id)
			}
		}
	}
	t := o.cfg.PresenceTimeout
	e.timeout = t.Beacon
	if e.name == event.TagRead {
		e.timeout = t.RFID
	}
	if o.venue == nil {
		if e.zone == "" {
			e.zone = e.sensor
		}
		return e, isStaff, e.zone != ""
	}
	known := false
	for _, s := range o.venue.Sensors {
		if s.ID != e.sensor {
			continue
		}
		e.timeout = map[venue.SensorKind]int64{venue.WiFi: t.WiFi, venue.RFID: t.RFID}[s.Kind]
		if e.timeout == 0 {
			e.timeout = t.Beacon
		}
		if z := o.venue.Zones[s.Zone]; e.zone == "" || e.name == event.SensorSeen {
			e.zone = z.ID
			known = o.venue.Stores[z.Store].ID == e.store
			return e, isStaff, known
		}
	}
	if e.sensor != "" && e.name == event.SensorSeen {
		return e, isStaff, false
	}
	return e, isStaff, o.zone(spot{e.store, e.zone}) != nil
}

func (o *oracle) zone(at spot) *venue.Zone {
	if o.venue == nil {
		return nil
	}
	for i := range o.venue.Zones {
		if z := &o.venue.Zones[i]; z.ID == at.zone && o.venue.Stores[z.Store].ID == at.store {
			return z
		}
	}
	return nil
}

// follow finds the stays of one device in one store.
func (o *oracle) follow(store, device string, events []oracleEvent) {
	f := &follower{o: o, store: store, device: device, signals: map[string]*oracleSignal{}, timeouts: map[string]int64{}}
	for _, e := range events {
		f.wait(e.at)
		f.take(e)
	}
	f.wait(math.MaxInt64)
}

type follower struct {
	o             *oracle
	store, device string
	stay          *oracleStay // nil: in no zone
	isFixed       bool
	since, last   int64
	timeout       int64
	current       string
	signals       map[string]*oracleSignal
	timeouts      map[string]int64
	former        *oracleStay
}

// wait lets happen what is due before t.
func (f *follower) wait(t int64) {
	for f.stay != nil {
		leave := f.last + f.timeout
		if f.stay.explicitAt != math.MaxInt64 {
			leave = f.last + f.o.cfg.ZoneTimeout
		}
		fixed, reset := int64(math.MaxInt64), f.o.nextReset(f.store, f.o.cfg.ResetAt, f.since)
		if f.o.cfg.FixedAfter > 0 && !f.isFixed {
			fixed = f.since + f.o.cfg.FixedAfter
		}
		due := min(leave, fixed, reset)
		switch {
		case due >= t:
			return
		case due == leave:
			f.end(due, true)
			f.gone()
		case due == fixed:
			f.end(due, false)
			f.isFixed = true
			f.former = nil
		default:
			f.end(due, false)
			f.gone()
			f.former = nil
		}
	}
}

// end closes the stay for the counts.
func (f *follower) end(at int64, isExit bool) {
	if f.isFixed {
		f.former = nil
		return
	}
	s := *f.stay
	s.to, s.last, s.isExit = at, f.last, isExit
	f.o.stays = append(f.o.stays, s)
	f.former = &s
}

func (f *follower) gone() {
	f.stay, f.isFixed, f.current = nil, false, ""
	clear(f.signals)
}

func (f *follower) take(e oracleEvent) {
	switch e.name {
	case event.ZoneExited:
		if f.stay != nil && f.stay.spot.zone == e.zone {
			f.last = e.at
			f.end(e.at, true)
			f.gone()
		}
	case event.SensorSeen:
		if f.moves(e) {
			f.enter(e, false)
		} else {
			f.last, f.timeout = e.at, e.timeout
		}
	default:
		if f.stay == nil || f.stay.spot.zone != e.zone {
			f.current = ""
			f.resetWins()
		}
		f.enter(e, true)
	}
}

func (f *follower) resetWins() {
	for _, s := range f.signals {
		s.wins = 0
	}
}

func (f *follower) isSilent(sensor string, t int64) bool {
	s := f.signals[sensor]
	return s == nil || t-s.heard > f.timeouts[sensor]
}

// moves reports whether the sighting says that the device is in its zone.
func (f *follower) moves(e oracleEvent) bool {
	if e.sensor == "" || math.IsNaN(e.rssi) {
		if f.stay == nil || f.stay.spot.zone != e.zone {
			f.current = ""
			f.resetWins()
		}
		return true
	}
	if f.isSilent(e.sensor, e.at) {
		f.signals[e.sensor] = &oracleSignal{mean: e.rssi}
		f.timeouts[e.sensor] = e.timeout
	} else {
		f.signals[e.sensor].mean += 0.5 * (e.rssi - f.signals[e.sensor].mean)
	}
	s := f.signals[e.sensor]
	s.heard = e.at
	if f.stay == nil || f.current == "" && f.stay.spot.zone == e.zone {
		f.current = e.sensor
		return true
	}
	if f.current == e.sensor {
		return true
	}
	if !f.isSilent(f.current, e.at) && s.mean-f.signals[f.current].mean < f.o.cfg.RSSI.SwitchDB {
		s.wins = 0
		return false
	}
	s.wins++
	if s.wins < f.o.cfg.RSSI.Readings {
		return false
	}
	f.current = e.sensor
	f.resetWins()
	return true
}

func (f *follower) enter(e oracleEvent, isExplicit bool) {
	if f.stay != nil && f.stay.spot.zone == e.zone {
		if isExplicit {
			f.stay.explicitAt = min(f.stay.explicitAt, e.at)
		}
		f.last, f.timeout = e.at, e.timeout
		return
	}
	if f.stay == nil {
		f.since = e.at
	} else {
		f.end(e.at, true)
	}
	if f.former != nil && f.former.spot.zone != e.zone && e.at-f.former.to <= f.timeout {
		f.o.moves = append(f.o.moves, oracleMove{f.store, f.former.spot.zone, e.zone, e.at, e.at - f.former.last})
	}
	f.former = nil
	f.stay = &oracleStay{device: f.device, spot: spot{f.store, e.zone}, from: e.at, explicitAt: math.MaxInt64, order: e.order}
	if isExplicit {
		f.stay.explicitAt = e.at
	}
	f.last, f.timeout = e.at, e.timeout
}

// nextReset is the first time at t or later at which the store's clocks come to
// the time of day: minute by minute, the first one of the day that is not before it.
func (o *oracle) nextReset(store string, timeOfDay, t int64) int64 {
	if timeOfDay < 0 {
		return math.MaxInt64
	}
	loc := time.UTC
	if o.venue != nil {
		for _, st := range o.venue.Stores {
			if st.ID == store {
				loc = st.Location
			}
		}
	}
	best := int64(math.MaxInt64)
	year, month, day := time.UnixMilli(t).UTC().Date()
	for d := -2; d <= 2; d++ {
		date := time.Date(year, month, day+d, 0, 0, 0, 0, time.UTC)
		key := fmt.Sprint(loc, timeOfDay, date)
		if at, ok := o.resets[key]; ok {
			if at >= t {
				best = min(best, at)
			}
			continue
		}
		for at := date.Add(-16 * time.Hour); at.Before(date.Add(40 * time.Hour)); at = at.Add(time.Minute) {
			local := at.In(loc)
			same := local.Year() == date.Year() && local.YearDay() == date.YearDay()
			if same && int64(local.Hour()*60+local.Minute())*60_000 >= timeOfDay {
				o.resets[key] = at.UnixMilli()
				if at.UnixMilli() >= t {
					best = min(best, at.UnixMilli())
				}
				break
			}
		}
	}
	return best
}

func sortedSpots[V any](m map[spot]V) []spot {
	var all []spot
	for k := range m {
		all = append(all, k)
	}
	slices.SortFunc(all, func(a, b spot) int { return cmp.Or(cmp.Compare(a.store, b.store), cmp.Compare(a.zone, b.zone)) })
	return all
}
