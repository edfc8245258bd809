package generator

import (
	"strconv"

	"touchstream/pipeline/event"
)

// act is one event of a scene before it is written as JSON.
type act struct {
	at int64
	// delay is the time by which the phone delivers it too late.
	delay    int64
	cents    int64
	ref      uint64
	text     string
	detail   string
	name     event.Name
	topic    uint8
	device   int8
	hasUser  bool
	isTooOld bool // so late that no session takes it
	isSilent bool // is no record: somebody passes the door unseen
	till     uint8
	sensor   byte
	store    int8
	zone     int8
	category int8
	number   int32 // units, results, step, score, signal, people
	other    int32
	product  int32
	from, to uint8 // lines of the scene
}

// scene is a plan under way: its acts in time order and the texts they share.
type scene struct {
	id     uint64
	person int32
	next   int
	acts   []act
	lines  []line
	// anonymous, user and phone are identifiers as text, context the JSON that
	// online events share.
	anonymous, user, phone, context []byte
	story                           int32
}

func (s *scene) reset(id uint64, person, story int32) {
	*s = scene{
		id: id, person: person, story: story, acts: s.acts[:0], lines: s.lines[:0],
		anonymous: s.anonymous[:0], user: s.user[:0], phone: s.phone[:0], context: s.context[:0],
	}
}

// script writes a scene. There is one in a world; it is used again.
type script struct {
	w  *World
	s  *scene
	d  dice
	t  int64
	pl *plan
	p  *person
	st *story

	topic   uint8
	device  int
	hasUser bool
	cart    cart
	hasCart bool
	// orders and cents are what the scene's session bought.
	orders int
	cents  int64
}

// wait lets lo to hi milliseconds pass.
func (c *script) wait(lo, hi int64) { c.t += c.d.between(lo, hi) }

// add appends an event of the moment; what it returns is valid until the next.
func (c *script) add(name event.Name) *act {
	c.s.acts = append(c.s.acts, act{
		at: c.t, name: name, topic: c.topic, device: int8(c.device), hasUser: c.hasUser,
		product: -1, category: -1, store: c.pl.store, zone: -1,
	})
	return &c.s.acts[len(c.s.acts)-1]
}

// expand makes the acts of a plan in a scene of its own and puts the scene on
// stage.
func (w *World) expand(pl *plan) {
	index := w.newScene()
	s := &w.scenes[index]
	s.reset(pl.seq, pl.person, pl.story)
	c := &w.script
	*c = script{w: w, s: s, t: pl.at, pl: pl, d: newDice(w.opt.Seed, mix3(3, pl.seq, uint64(pl.person))), topic: topicWeb, device: noDevice}
	if pl.person >= 0 {
		c.p = &w.people[pl.person]
		c.st = &w.blank
		if pl.story != noStory {
			c.st = &w.stories[pl.story]
		}
		if c.p.kind == registered {
			s.user = w.appendUser(s.user, pl.person)
		}
	}
	c.play()
	if pl.story != noStory {
		w.endScene(pl.story)
	}
	if len(s.acts) == 0 {
		w.freeScenes = append(w.freeScenes, index)
		return
	}
	w.stage.push(turn{at: s.acts[0].at, seq: s.id, index: index})
}

func (c *script) play() {
	switch c.pl.kind {
	case sceneShop:
		c.playShop()
	case sceneVisit:
		c.playVisit()
	case sceneCall:
		c.playCall()
	case sceneParcel:
		c.playParcel()
	case scenePickupReady, scenePickupExpired:
		c.playPickup()
	case sceneRefund, sceneCancel:
		c.playReturn()
	case sceneCaseClosed:
		c.topic = topicCall
		c.add(event.CaseClosed).ref = c.pl.ref
	case sceneSurvey:
		c.playSurvey()
	case sceneCRM:
		c.playCRM()
	case sceneBot:
		c.playBot()
	case sceneCounter:
		c.playCounter()
	case sceneStaff:
		c.playStaff()
	}
}

var userAgents = [numDevices][2]string{
	{"TouchShop/5.2 (iPhone; iOS 18.3)", "TouchShop/5.1 (Android 15; Pixel 8)"},
	{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Safari/605.1.15"},
	{"Mozilla/5.0 (iPad; CPU OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 14; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/133.0.0.0 Safari/537.36"},
	{"Mozilla/5.0 (iPhone; CPU iPhone OS 18_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.3 Mobile/15E148 Safari/604.1",
		"Mozilla/5.0 (Linux; Android 15; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/134.0.0.0 Mobile Safari/537.36"},
}

// campaign brings a session; most sessions have none.
type campaign struct{ name, source, medium, referrer string }

var campaigns = [...]campaign{
	{"spring_sale", "google", "cpc", "https://www.google.com/"},
	{"newsletter_10", "newsletter", "email", ""},
	{"retarget", "facebook", "social", "https://www.facebook.com/"},
	{"influencer_may", "instagram", "social", "https://www.instagram.com/"},
}

// online prepares a session on a device.
func (c *script) online(device int) {
	c.device, c.topic = device, topicWeb
	if device == deviceApp {
		c.topic = topicApp
	}
	s, w := c.s, c.w
	s.anonymous = w.appendAnonymous(s.anonymous[:0], c.pl.person, device)
	c.hasUser = c.p.kind == registered && c.p.isLinked(device)
	agent := userAgents[device][mix3(w.opt.Seed, 29, uint64(c.pl.person))&1]
	city := &stores[c.p.home]
	x := append(s.context[:0], `"channel":"`...)
	x = append(x, topics[c.topic]...)
	x = append(x, `","userAgent":"`...)
	x = append(x, agent...)
	x = append(x, `","locale":"pl-PL","timezone":"`+zoneName+`","device":{"type":"`...)
	x = append(x, deviceTypes[device]...)
	if device == deviceApp {
		x = append(x, `","id":"`...)
		x = w.appendPhoneDevice(x, c.pl.person)
	}
	x = append(x, `"},"location":{"country":"PL","city":`...)
	x = appendText(x, city.city)
	x = append(x, `,"latitude":`...)
	x = append(x, city.latitude...)
	x = append(x, `,"longitude":`...)
	x = append(x, city.longitude...)
	x = append(x, '}')
	if c.pl.kind == sceneShop && c.d.permille(300) {
		k := &campaigns[c.d.below(len(campaigns))]
		x = appendCampaign(x, k)
	}
	s.context = x
}

func appendCampaign(x []byte, k *campaign) []byte {
	x = append(x, `,"campaign":{"name":"`...)
	x = append(x, k.name...)
	x = append(x, `","source":"`...)
	x = append(x, k.source...)
	x = append(x, `","medium":"`...)
	x = append(x, k.medium...)
	x = append(x, `"}`...)
	if k.referrer == "" {
		return x
	}
	x = append(x, `,"referrer":{"url":"`...)
	x = append(x, k.referrer...)
	return append(x, `"}`...)
}

// appendOrderID writes the id of an order.
func appendOrderID(dst []byte, number uint64) []byte {
	dst = append(dst, "O-"...)
	return strconv.AppendUint(dst, number, 10)
}
