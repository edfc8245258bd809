package generator

import "touchstream/pipeline/event"

var callTopics = [...]string{"enquiry", "fault", "delivery", "invoice"}

var complaintReasons = [...]string{"damaged", "late", "wrong item", "quality"}

// playCall is a call, or one back.
func (c *script) playCall() {
	c.topic = topicCall
	c.hasUser = c.p.kind == registered
	w := c.w
	w.callNumber++
	number := w.callNumber
	topic := callTopics[c.d.below(len(callTopics))]
	complains := c.pl.flags&doComplain != 0
	if complains {
		topic = "complaint"
	}
	call := func(name event.Name) *act {
		a := c.add(name)
		a.ref, a.text = number, topic
		if c.pl.flags&doOutbound != 0 {
			a.detail = "outbound"
		}
		return a
	}
	call(event.CallStarted)
	c.wait(4*second, 110*second)
	if c.pl.flags&doOutbound == 0 && c.d.permille(80) {
		call(event.CallEnded).number = -1 // hung up while waiting
		w.truth.session(c)
		return
	}
	call(event.CallConnected)
	c.wait(40*second, 8*minute)
	if complains {
		a := call(event.CaseOpened)
		a.detail = complaintReasons[c.d.below(len(complaintReasons))]
		closed := plan{kind: sceneCaseClosed, at: c.t + c.d.between(2*hour, 30*hour), ref: number, person: c.pl.person, story: noStory, store: -1}
		if closed.at < w.end {
			w.push(closed)
		}
		c.wait(10*second, 60*second)
	}
	call(event.CallEnded).number = int32(c.d.below(10))
	w.truth.session(c)
}

// Stages of a parcel.
var parcelStages = [...]string{"packed", "in_transit", "out_for_delivery", "delivered"}

// playParcel is one stage; the next is planned from it. One parcel in ten is
// delivered after the promised time.
func (c *script) playParcel() {
	c.topic = topicParcel
	a := c.add(event.ShipmentUpdated)
	a.ref, a.cents = c.pl.ref, c.pl.value
	a.text = parcelStages[c.pl.step]
	next := *c.pl
	next.step++
	if int(next.step) == len(parcelStages) {
		return
	}
	late := mix3(c.w.opt.Seed, 37, c.pl.ref)%10 == 0
	switch next.step {
	case 1:
		next.at = c.t + c.d.between(4*hour, 10*hour)
	case 2:
		next.at = c.t + c.d.between(12*hour, 20*hour)
		if late {
			next.at = c.pl.value + c.d.between(2*hour, 20*hour)
		}
	case 3:
		next.at = c.t + c.d.between(1*hour, 6*hour)
	}
	if next.at < c.w.end {
		c.w.push(next)
	}
}

// playPickup tells that an order waits at the store, or no more.
func (c *script) playPickup() {
	c.topic = topicStore
	name := event.PickupReady
	if c.pl.kind == scenePickupExpired {
		name = event.PickupExpired
		c.w.truth.pickup(c, "expired")
	} else {
		c.w.truth.pickup(c, "ready")
	}
	c.add(name).ref = c.st.order
}

// playSurvey is an answer by e-mail.
func (c *script) playSurvey() {
	c.topic = topicCRM
	c.hasUser = true
	a := c.add(event.SurveyAnswered)
	a.number = int32(c.d.pick([]int{3, 1, 2, 2, 2, 5, 6, 12, 18, 25, 24}))
	c.w.truth.session(c)
}

// playCRM tells the pipeline an account that existed before the world, and
// goes on to the next.
func (c *script) playCRM() {
	c.topic, c.hasUser = topicCRM, true
	c.add(event.Identify)
	next := *c.pl
	for next.person++; int(next.person) < len(c.w.people); next.person++ {
		p := &c.w.people[next.person]
		if p.kind == registered && p.joined {
			next.at += max(1, 2*hour/int64(len(c.w.people)))
			if next.at < c.w.end {
				c.w.push(next)
			}
			return
		}
	}
}

// planServices begins what goes on besides the stories on day n: the door
// counters and the staff.
func (w *World) planServices(n int) {
	open, _ := w.opening(n)
	for s := range stores {
		w.push(plan{kind: sceneCounter, at: open + minute, person: noPerson, story: noStory, store: int8(s), ref: uint64(n)})
		if stores[s].hasBeacons {
			w.push(plan{kind: sceneStaff, at: open + 7*second, person: noPerson, story: noStory, store: int8(s), ref: uint64(n)})
		}
	}
	w.planSurveys(n)
}

// planSurveys asks some accounts whose owners live no story today.
func (w *World) planSurveys(n int) {
	start := w.dayStart(n)
	d := newDice(w.opt.Seed, mix3(5, uint64(n), 0))
	for range 1 + len(w.people)/100 {
		i := int32(d.below(len(w.people)))
		p := &w.people[i]
		if p.kind != registered || !p.joined || p.busyUntil > start {
			continue
		}
		at := w.onlineTime(&d, n)
		p.busyUntil = at + 2*hour
		if at < w.end {
			w.push(plan{kind: sceneSurvey, at: at, person: i, story: noStory, device: noDevice, store: -1})
		}
	}
}

const (
	noPerson       = -1
	counterEvery   = minute
	staffSeenEvery = 20 * second
)

// playCounter reads the door of a store, once a minute while it is open.
func (c *script) playCounter() {
	c.topic = topicBeacon
	door := &c.w.doors[c.pl.store]
	if door.in+door.out > 0 {
		a := c.add(event.CounterRead)
		a.zone, a.sensor, a.number, a.other = zoneEntrance, sensorCounter, door.in, door.out
		door.in, door.out = 0, 0
	}
	_, closes := c.w.opening(int(c.pl.ref))
	next := *c.pl
	next.at += counterEvery
	if next.at <= closes+30*minute {
		c.w.push(next)
	}
}

// playStaff hears the tag of somebody who works there.
func (c *script) playStaff() {
	c.topic = topicStore
	c.s.phone = appendStaffDevice(c.s.phone, int(c.pl.store))
	zone := zoneDept + int((c.t/(5*minute))%departments)
	c.signal(zone, sensorBeacon, -int(c.d.between(50, 64)))
	_, closes := c.w.opening(int(c.pl.ref))
	next := *c.pl
	next.at += staffSeenEvery
	if next.at <= closes {
		c.w.push(next)
	}
}

// A bot crawls for a while, a few times a day.
const (
	botAgent     = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
	fastBotAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36"
)

// playBot is one visit of a bot: one that names itself, or one that makes more
// than 600 events in each minute for longer than two, so that a minute of the
// clock is among them.
func (c *script) playBot() {
	c.topic = topicWeb
	number := c.pl.ref
	isFast := c.pl.flags&doFast != 0
	s := c.s
	s.anonymous = appendUUID(s.anonymous, mix3(c.w.opt.Seed, 41, number), mix3(c.w.opt.Seed, 43, number))
	agent, events := botAgent, 100+c.d.below(300)
	if isFast {
		agent, events = fastBotAgent, 2300+c.d.below(200)
	}
	s.context = append(s.context, `"channel":"web","userAgent":"`+agent+`","locale":"en-US","device":{"type":"desktop"}`...)
	for range events {
		product := c.d.below(numProducts)
		if c.d.permille(200) {
			c.page(pageCategory, product/productsPerCat)
		} else {
			a := c.add(event.ProductViewed)
			a.product, a.text, a.number = int32(product), pageProduct, 1
		}
		if isFast {
			c.wait(30, 80)
		} else {
			c.wait(1*second, 5*second)
		}
	}
	c.w.truth.session(c)
	next := *c.pl
	next.at = c.t + c.d.between(8*hour, 20*hour)
	if next.at+hour < c.w.end {
		c.w.push(next)
	}
}
