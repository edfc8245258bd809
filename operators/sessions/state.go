package sessions

import (
	"encoding/binary"

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
	hasActed     // there was an event other than Page Ping
	hasActedMore // there were more of them
)

const timersSet = closeSet | forgetSet | earlySet

// session is the fixed part of a session's state: two cache lines, the first for
// what nearly every event changes.
type session struct {
	start, end   int64
	profile      event.Hash
	profileAt    int64
	engaged      int64
	user         uint64   // of the first user_id, 0: none
	recent       flat.Ref // see recent.go
	texts        flat.Ref // see text.go
	idLow        uint64   // see name
	device       uint32
	older        uint32 // the device's session before this one, 0: none in memory
	trade        uint32 // 0: no search, cart or order yet
	events       uint32
	pageViews    uint32
	productViews uint32
	late         uint32
	revision     uint32 // of the newest row, 0: none
	minute       int32  // the newest minute, and its events
	minuteEvents uint32
	idHigh       uint16
	marks        marks
	have         uint16 // set of texts that are there
	products     uint16
}

func (s *session) is(m marks) bool { return s.marks&m != 0 }

// act notes an event other than Page Ping.
func (s *session) act() { s.marks |= hasActed | s.marks&hasActed<<1 }

// name makes the session's id from the message that begins it.
func (s *session) name(hasher *event.Hasher, device, message event.Hash) {
	h := hasher.Mix(event.TagSession, device, message)
	s.idHigh, s.idLow = uint16(h.Hi&0x0fff), h.Lo>>2
}

// id is a UUIDv7: 48 bits of the time of the start, the rest from the hash of
// key and message.
func (s *session) id() [16]byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:], uint64(s.start)<<16|0x7000|uint64(s.idHigh))
	binary.BigEndian.PutUint64(id[8:], 1<<63|s.idLow)
	return id
}

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
