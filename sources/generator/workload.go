package generator

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"

	"touchstream/pipeline/event"
)

// Workloads are the names that Workload knows.
func Workloads() []string { return []string{"web", "crowd", "zipf", "keys-10k", "keys-1M", "keys-10M"} }

// Workload gives an endless stream of one simple kind for benchmarks. Event
// times begin at DefaultStart; no record is bad or a duplicate.
//
//   - web: Segment JSON of about 400 bytes, one event a millisecond, 20,000
//     sessions at a time of 12 events each, one record in ten up to 5 s late.
//   - zipf: as web, but by a million visitors who never end and whose activity
//     follows Zipf's law: the first has 20 % of the events.
//   - keys-10k, keys-1M, keys-10M: as web, but so many sessions are live at a
//     gap of 30 minutes. The first 10,000, million or 10 million events are one
//     of each session. Seven in ten go on, with an event in 5 minutes on
//     average; the others have had their last event.
//   - crowd: sightings of 100,000 phones, each every 10 s, by the beacons of
//     50 zones (AppendArenaVenue).
func Workload(name string, seed uint64) (Stream, error) {
	switch name {
	case "web":
		return newClicks(seed, webSessions), nil
	case "zipf":
		w := newClicks(seed, zipfVisitors)
		w.zipf = rand.NewZipf(rand.New(&w.d.pcg), zipfExponent, 1, zipfVisitors-1)
		return w, nil
	case "keys-10k":
		return newKeys(seed, 10_000), nil
	case "keys-1M":
		return newKeys(seed, 1_000_000), nil
	case "keys-10M":
		return newKeys(seed, 10_000_000), nil
	case "crowd":
		return newSightings(seed), nil
	}
	return nil, fmt.Errorf("generator: unknown workload %q; there are %s", name, strings.Join(Workloads(), ", "))
}

const (
	webSessions  = 20_000
	webLateShare = 100 // permille
	webLateMax   = 5 * second

	zipfVisitors = 1_000_000
	// zipfExponent makes the sum of 1/k^exponent over all visitors 5.
	zipfExponent = 1.2153

	// keysRound is the time in which the sessions that go on have an event each,
	// on average. Of n such sessions 6/12·n end within the gap of 30 minutes and
	// are still live, and 1/12·n have not begun: 17/12·n are live.
	keysRound  = 5 * minute
	keysStride = 6_700_417 // a prime that divides none of the numbers of sessions

	arenaDevices = 100_000
	arenaZones   = 50
	arenaEvery   = 10 * second
	arenaStride  = 38_501 // has no divisor in common with arenaDevices
	arenaMoves   = 20     // permille of the sightings
)

// clickPath are the events of a session; one that does not buy looks at
// products instead of the last three.
var clickPath = [...]event.Name{
	event.Page, event.ProductListViewed, event.Page, event.ProductViewed, event.PagePing, event.Page,
	event.ProductViewed, event.ProductAdded, event.Page, event.CartViewed, event.CheckoutStarted, event.OrderCompleted,
}

type clickSlot struct {
	visitor uint32
	step    uint8
	product uint16
}

// clicks are the sessions of a web shop.
type clicks struct {
	seed     uint64
	d        dice
	zipf     *rand.Zipf // nil: any slot is as likely, and sessions end
	slots    []clickSlot
	visitors uint32
	opening  int64 // the first records are one of each visitor
	round    int64 // event time in which there are as many records as slots, ms
	records  int64
	stamp    stamp
	products [][]byte
}

// newClicks begins with so many sessions at a time, one event a millisecond.
func newClicks(seed uint64, sessions int) *clicks {
	c := &clicks{seed: seed, d: newDice(seed, 101), visitors: uint32(sessions), round: int64(sessions)}
	catalog := newCatalog()
	for i := range catalog.products {
		p := &catalog.products[i]
		j := append([]byte(`"product_id":"`), p.id...)
		j = append(j, `","category":"`...)
		j = append(j, categoryNames[p.category]...)
		j = append(j, `","price":`...)
		c.products = append(c.products, appendCents(j, p.cents))
	}
	c.slots = make([]clickSlot, sessions)
	for i := range c.slots {
		c.slots[i] = clickSlot{visitor: uint32(i), step: uint8(c.d.below(len(clickPath)))}
	}
	return c
}

// newKeys begins with one event of each of so many sessions.
func newKeys(seed uint64, live int) *clicks {
	c := newClicks(seed, live*12/17)
	c.visitors, c.opening, c.round = uint32(live), int64(live), keysRound
	return c
}

// Next gives the next record; there always is one.
func (c *clicks) Next(rec *Record) bool {
	at := DefaultStart + c.records*c.round/int64(len(c.slots))
	rec.Topic, rec.ArrivalMS, rec.Kind = topics[topicWeb], at, Event
	s := c.slot()
	if c.d.permille(webLateShare) {
		at = max(DefaultStart, at-c.d.between(1, webLateMax))
	}
	rec.TimeMS = at
	c.records++
	if s.step == 0 {
		s.product = uint16(c.d.below(numProducts))
	}
	c.write(rec, s, at)
	s.step++
	if int(s.step) == len(clickPath) {
		s.step = 0
		if c.zipf == nil {
			s.visitor = c.visitors
			c.visitors++
		}
	}
	return true
}

// slot is where the next event happens.
func (c *clicks) slot() *clickSlot {
	switch {
	case c.records < c.opening:
		visitor := c.records * keysStride % c.opening
		if visitor < int64(len(c.slots)) {
			return &c.slots[visitor]
		}
		return &clickSlot{visitor: uint32(visitor), step: uint8(len(clickPath) - 2), product: uint16(c.d.below(numProducts))}
	case c.zipf != nil:
		return &c.slots[c.zipf.Uint64()]
	}
	return &c.slots[c.d.below(len(c.slots))]
}

func (c *clicks) write(rec *Record, s *clickSlot, at int64) {
	name := clickPath[s.step]
	buys := mix3(c.seed, 103, uint64(s.visitor))%5 == 0
	if s.step >= 9 && !buys {
		name = event.ProductViewed
		s.product = (s.product + 1) % numProducts
	}
	v := rec.Value[:0]
	if name == event.Page {
		v = append(v, `{"type":"page"`...)
	} else {
		v = append(v, `{"type":"track","event":"`...)
		v = append(v, name.String()...)
		v = append(v, '"')
	}
	v = append(v, `,"messageId":"`...)
	v = appendUUID(v, mix3(c.seed, 107, uint64(c.records)), mix(uint64(c.records)))
	v = append(v, `","timestamp":"`...)
	v = c.stamp.append(v, at)
	v = append(v, `","anonymousId":"`...)
	from := len(v)
	v = appendUUID(v, mix3(c.seed, 109, uint64(s.visitor)), mix(uint64(s.visitor)+c.seed))
	rec.Key = append(rec.Key[:0], v[from:]...)
	if s.visitor%3 == 0 {
		v = append(v, `","userId":"u`...)
		v = appendPadded(v, uint64(s.visitor), 8)
	}
	v = append(v, `","properties":{"channel":"web"`...)
	product := c.products[s.product]
	switch name {
	case event.ProductListViewed:
		v = textField(v, "category", categoryNames[s.product/productsPerCat])
	case event.ProductViewed, event.ProductAdded:
		v = append(v, ',')
		v = append(v, product...)
		v = append(v, `,"quantity":1,"currency":"`+currency+`"`...)
	case event.CartViewed, event.CheckoutStarted, event.OrderCompleted:
		if name == event.OrderCompleted {
			v = refField(v, "order_id", "O-", uint64(c.records))
		}
		v = append(v, `,"currency":"`+currency+`","products":[{`...)
		v = append(v, product...)
		v = append(v, `,"quantity":1}]`...)
	}
	v = append(v, `},"context":{"userAgent":"Mozilla/5.0 (X11; Linux x86_64) Chrome/134.0.0.0","locale":"pl-PL","device":{"type":"desktop"},"page":{"path":"/p/`...)
	v = strconv.AppendUint(v, uint64(s.product), 10)
	rec.Value = append(v, `"}}}`...)
}

// sightings are the phones of a crowd in one place with many zones.
type sightings struct {
	seed    uint64
	d       dice
	zones   []uint8
	records int64
	stamp   stamp
}

func newSightings(seed uint64) *sightings {
	s := &sightings{seed: seed, d: newDice(seed, 113), zones: make([]uint8, arenaDevices)}
	for i := range s.zones {
		s.zones[i] = uint8(s.d.below(arenaZones))
	}
	return s
}

// Next gives the next record; there always is one.
func (s *sightings) Next(rec *Record) bool {
	device := uint64(s.records) * arenaStride % arenaDevices
	at := DefaultStart + s.records*arenaEvery/arenaDevices
	s.records++
	if zone := &s.zones[device]; s.d.permille(arenaMoves) {
		*zone = uint8((int(*zone) + arenaZones + 1 - 2*s.d.below(2)) % arenaZones)
	}
	rec.Topic, rec.TimeMS, rec.ArrivalMS, rec.Kind = topics[topicBeacon], at, at, Event
	v := append(rec.Value[:0], `{"type":"track","event":"Sensor Seen","messageId":"`...)
	v = appendUUID(v, mix3(s.seed, 127, uint64(s.records)), mix(uint64(s.records)))
	v = append(v, `","timestamp":"`...)
	v = s.stamp.append(v, at)
	v = append(v, `","properties":{"channel":"beacon","device_id":"`...)
	from := len(v)
	v = appendHex(append(v, "d-"...), mix3(s.seed, 131, device))
	rec.Key = append(rec.Key[:0], v[from:]...)
	v = append(v, `","store_id":"ARENA","sensor_id":"ARENA-Z`...)
	v = appendPadded(v, uint64(s.zones[device]), 2)
	v = append(v, `-B"`...)
	v = numberField(v, "rssi", -int32(s.d.between(50, 64)))
	rec.Value = append(v, `}}`...)
	return true
}

// AppendArenaVenue appends the venue file of the crowd workload.
func AppendArenaVenue(dst []byte) []byte {
	dst = append(dst, "stores:\n  - id: ARENA\n    name: Arena\n    time_zone: "+zoneName+"\n    zones:\n"...)
	for z := range arenaZones {
		id := "ARENA-Z" + pad(uint64(z), 2)
		dst = append(dst, "      - {id: "+id+", kind: zone, area_m2: 4000, capacity: 6000, sensors: [{id: "+id+"-B, kind: beacon}]}\n"...)
	}
	return dst
}
