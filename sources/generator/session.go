package generator

import "touchstream/pipeline/event"

// Keys of sessions: what identifies the device of an act.
const (
	keyAnonymous = iota
	keyPhone
	keyCard
	keyUser
	numKeys
	keyNone = -1
)

func sessionKey(s *scene, a *act) int {
	if a.isSilent || a.name.IsSystem() {
		return keyNone
	}
	switch {
	case a.topic == topicWeb || a.topic == topicApp:
		return keyAnonymous
	case a.name == event.PickupCompleted:
		return keyNone
	case a.topic == topicStore && len(s.phone) > 0:
		return keyPhone
	case a.topic == topicPOS && a.till == tillCard:
		return keyCard
	case (a.topic == topicCall || a.topic == topicCRM) && len(s.user) > 0:
		return keyUser
	}
	return keyNone
}

// session writes one row per device that acted in the scene: the plan keeps
// the scenes of a device more than a session's gap apart.
func (t *Truth) session(c *script) {
	if t == nil {
		return
	}
	for key := range numKeys {
		t.sessionOf(c, key)
	}
}

func (t *Truth) sessionOf(c *script, key int) {
	var first, last *act
	events, orders, late, tooLate, cents := 0, 0, 0, 0, int64(0)
	for i := range c.s.acts {
		a := &c.s.acts[i]
		if sessionKey(c.s, a) != key {
			continue
		}
		if a.isTooOld {
			tooLate++
			continue
		}
		if first == nil {
			first = a
		}
		last = a
		events++
		if a.delay > 0 {
			late++
		}
		if a.name == event.OrderCompleted {
			orders++
			cents += a.cents
		}
	}
	if first == nil {
		return
	}
	t.begin()
	t.sessionKey(c, key)
	t.text(c.w.channel(first))
	t.time(first.at)
	t.time(last.at)
	t.number(int64(events))
	t.number(int64(orders))
	t.cents(cents)
	t.flag(c.pl.kind == sceneBot)
	t.number(int64(late))
	t.number(int64(tooLate))
	t.end(tableSessions)
}

func (t *Truth) sessionKey(c *script, key int) {
	switch key {
	case keyAnonymous:
		t.row = append(append(t.row, "anonymous_id:"...), c.s.anonymous...)
	case keyPhone:
		t.row = append(append(t.row, "device_id:"...), c.s.phone...)
	case keyCard:
		t.row = c.w.appendCard(append(t.row, "loyalty_id:"...), c.pl.person)
	case keyUser:
		t.row = append(append(t.row, "user_id:"...), c.s.user...)
	}
	t.row = append(t.row, ',')
}
