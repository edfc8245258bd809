package generator

import (
	"slices"

	"touchstream/pipeline/event"
)

// How a store sees a visitor.
const (
	seenByNobody = iota
	seenByZones  // the app reports each zone
	seenByBeacon // the phone hears beacons, with a signal strength
	seenByWifi   // the phone of somebody without the app is heard here and there
)

var seenNames = [...]string{"nobody", "zones", "beacon", "wifi"}

// visit is a script's stay in a store.
type visit struct {
	seen    int
	zone    int
	entered int64
}

// playVisit is a walk through a store.
func (c *script) playVisit() {
	f := c.pl.flags
	v := visit{zone: -1}
	v.seen = c.senses(f)
	c.topic = topicStore
	if f&doApp != 0 {
		c.online(deviceApp)
		c.topic, c.device, c.hasUser = topicStore, noDevice, false
	}
	from := c.t
	c.door(event.StoreEntered, v.seen)
	c.wait(4*second, 12*second)
	for range c.d.below(3) {
		c.enter(&v, zoneDept+c.d.below(departments))
		c.dwell(&v, c.d.between(12*second, 45*second))
		c.leave(&v)
	}
	c.browseShelves(&v)
	c.payOrCollect(&v)
	c.door(event.StoreExited, v.seen)
	slices.SortStableFunc(c.s.acts, func(a, b act) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	c.w.truth.visit(c, v.seen, from, c.t)
	c.w.truth.session(c)
}

func (c *script) senses(f uint32) int {
	hasBeacons := stores[c.pl.store].hasBeacons
	switch {
	case f&(doPhone|doApp) != 0:
		c.s.phone = c.w.appendPhoneDevice(c.s.phone, c.pl.person)
		if hasBeacons {
			return seenByBeacon
		}
		return seenByZones
	case hasBeacons && c.d.permille(500):
		// A phone without the app changes its address for each visit.
		c.s.phone = appendHex(append(c.s.phone, "m-"...), mix3(c.w.opt.Seed, 31, c.s.id))
		return seenByWifi
	}
	return seenByNobody
}

// door adds an entry or exit; only the app reports it, the counter sees all.
func (c *script) door(name event.Name, seen int) {
	a := c.add(name)
	a.isSilent = seen != seenByZones && seen != seenByBeacon
}

// enter goes into a zone.
func (c *script) enter(v *visit, zone int) {
	v.zone, v.entered = zone, c.t
	if v.seen == seenByZones {
		c.add(event.ZoneEntered).zone = int8(zone)
	}
}

// dwell stays in the zone; sensors hear the phone meanwhile.
func (c *script) dwell(v *visit, ms int64) {
	until := c.t + ms
	switch v.seen {
	case seenByBeacon:
		for c.t < until {
			c.signal(v.zone, sensorBeacon, -int(c.d.between(50, 62)))
			if other := v.zone + 1 - 2*c.d.below(2); c.d.permille(200) && other >= zoneDept && other <= zoneTill {
				c.signal(other, sensorBeacon, -int(c.d.between(78, 92)))
			}
			c.wait(6*second, 11*second)
		}
	case seenByWifi:
		for hasWifi(v.zone) && c.t < until {
			c.signal(v.zone, sensorWifi, -int(c.d.between(48, 66)))
			c.wait(20*second, 60*second)
		}
	}
	c.t = until
}

func (c *script) signal(zone int, sensor byte, rssi int) {
	a := c.add(event.SensorSeen)
	a.topic, a.zone, a.sensor, a.number = topicBeacon, int8(zone), sensor, int32(rssi)
}

// leave goes out of the zone and towards the next.
func (c *script) leave(v *visit) {
	if v.seen == seenByZones {
		c.add(event.ZoneExited).zone = int8(v.zone)
	}
	if v.seen != seenByWifi || hasWifi(v.zone) {
		c.w.truth.presence(c, v.seen, v.zone, v.entered, c.t)
	}
	if c.t-v.entered >= 60*second {
		c.touchZone(v)
	}
	c.wait(3*second, 10*second)
}

// touchZone notes that the person stood before the shelves of a department.
func (c *script) touchZone(v *visit) {
	if v.zone < zoneDept || v.zone >= zoneFitting || v.seen != seenByZones && v.seen != seenByBeacon {
		return
	}
	for k := range catsPerDept {
		category := (v.zone-zoneDept)*catsPerDept + k
		c.p.markTouched(category, int((c.t-c.w.opt.StartMS)/day))
		if v.seen == seenByZones {
			c.st.touchCategory(false, category, v.entered+60*second, c.pl.lag, noDevice)
		}
	}
}

// browseShelves spends time at the story's department, and in the fitting room
// if something is tried.
func (c *script) browseShelves(v *visit) {
	zone := zoneDept + c.d.below(departments)
	if c.st.count > 0 {
		zone = zoneOf(c.st.items[0].category)
	}
	c.enter(v, zone)
	c.dwell(v, c.d.between(50*second, 150*second))
	if c.pl.flags&doApp != 0 {
		c.useApp(v)
	}
	c.dwell(v, c.d.between(40*second, 150*second))
	c.leave(v)
	if c.pl.flags&doTryOn == 0 {
		return
	}
	product := c.st.items[0].product
	c.enter(v, zoneFitting)
	c.dwell(v, c.d.between(10*second, 40*second))
	a := c.add(event.TagRead)
	a.zone, a.sensor, a.product = zoneFitting, sensorRFID, int32(product)
	c.st.touchProduct(false, product, c.t, c.pl.lag, noDevice)
	c.dwell(v, c.d.between(90*second, 240*second))
	c.leave(v)
}

// useApp looks the story's product up on the phone, before the shelf.
func (c *script) useApp(v *visit) {
	from := c.t
	c.topic, c.device, c.hasUser = topicApp, deviceApp, c.p.isLinked(deviceApp)
	planned := c.pl.lag
	c.pl.lag = lagInStore
	c.page(pageHome, -1)
	c.viewProduct(c.st.items[0].seen)
	c.pl.lag = planned
	c.topic, c.device, c.hasUser = topicStore, noDevice, false
	// The beacons hear the phone all the while.
	used := c.t - from
	c.t = from
	c.dwell(v, used)
}

// payOrCollect queues and goes to the till, where the visit has a reason to.
func (c *script) payOrCollect(v *visit) {
	f := c.pl.flags
	walksOff := f&(doBuy|doCollect) == 0 && c.d.permille(60)
	if f&(doBuy|doCollect) == 0 && !walksOff {
		return
	}
	wait := c.d.between(20*second, 120*second)
	if weekday((c.t/day)*day) == 6 {
		wait = c.d.between(40*second, 270*second)
	}
	c.enter(v, zoneQueue)
	c.dwell(v, wait)
	c.leave(v)
	if walksOff {
		return
	}
	c.enter(v, zoneTill)
	c.dwell(v, c.d.between(20*second, 60*second))
	if f&doBuy != 0 {
		c.topic = topicPOS
		a := c.add(event.OrderCompleted)
		a.till = c.pl.till
		c.order(a)
		c.topic = topicStore
	} else {
		a := c.add(event.PickupCompleted)
		a.ref = c.st.order
		c.w.truth.pickup(c, "collected")
	}
	c.dwell(v, c.d.between(10*second, 30*second))
	c.leave(v)
}
