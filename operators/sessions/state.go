package sessions

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// device is what is known of a device; it outlives its sessions.
type device struct {
	lastEnd int64  // end of the newest session that is forgotten, event.Absent: none
	newest  uint32 // newest session in memory, 0: none
	timed   bool   // an expiry timer is set
}

// marks are the flags of a session.
type marks uint16

const (
	isShared marks = 1 << iota
	isCut
	isCapped
	isBot
	hasCheckout
	isIdentified // profile comes from a user_id or loyalty_id
	wasNew       // is_new_visitor in the newest row
	isDirty      // changed since the newest row
	isGone       // joined another one or forgotten; freed with its last timer
	closeSet     // a close timer is set
	forgetSet    // a forget timer is set
	earlySet     // an early timer is set
)

const timersSet = closeSet | forgetSet | earlySet

// session is the fixed part of a session's state.
type session struct {
	start, end   int64
	profile      event.Hash
	profileAt    int64
	id           [16]byte
	engaged      int64
	user         uint64   // of the first user_id, 0: none
	texts        flat.Ref // see text.go
	exit         flat.Ref // time (8 bytes) and path of the last page
	products     flat.Ref // []uint64, hashes
	device       uint32
	older        uint32 // the device's session before this one, 0: none in memory
	trade        uint32 // 0: no search, cart or order yet
	events       uint32
	pings        uint32
	pageViews    uint32
	productViews uint32
	late         uint32
	revision     uint32 // of the newest row, 0: none
	minute       int32  // the newest minute, and its events
	minuteEvents uint32
	marks        marks
	have         uint16 // set of texts that are there
}

// trade is the part of a session that only shoppers need.
type trade struct {
	searches, adds, removes   uint32
	orderCount                uint32
	currency                  uint32   // hash, 0: none
	itemsMax, valueMax, value int64    // of the cart
	cart                      flat.Ref // see package cart
	orders                    flat.Ref // []order
}

func (s *session) is(m marks) bool { return s.marks&m != 0 }

// setProfile takes a profile seen at time t.
func (s *session) setProfile(p event.Hash, t int64, identified bool) bool {
	if p.IsZero() || s.is(isIdentified) && !identified {
		return false
	}
	if !s.profile.IsZero() && identified == s.is(isIdentified) && t < s.profileAt {
		return false
	}
	changed := p != s.profile
	s.profile, s.profileAt = p, t
	if identified {
		s.marks |= isIdentified
	}
	return changed
}

// setUser takes a user id seen in the session.
func (s *session) setUser(user uint64) bool {
	switch {
	case user == 0 || user == s.user || s.user != 0 && s.is(isShared):
		return false
	case s.user == 0:
		s.user = user
		return false
	}
	s.marks |= isShared
	return true
}

// nextMinute counts an event of a minute and gives the minute's events so far.
func (s *session) nextMinute(minute int32) uint32 {
	switch {
	case s.minuteEvents == 0 || minute > s.minute:
		s.minute, s.minuteEvents = minute, 1
	case minute == s.minute:
		s.minuteEvents++
	}
	return s.minuteEvents
}
