package abandonment

import (
	"encoding/binary"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// profile is what is known of a person beside the episodes: with its key a cache
// line.
type profile struct {
	newest     uint32   // newest episode by opening, 0: none
	goods      flat.Ref // currency and cart, see cart.CutUnit
	cartAt     int64    // last change of the cart
	lastSeen   int64
	lastEnd    int64 // newest order or emptying, event.Absent: none
	lastSubmit int64 // newest Form Submitted, event.Absent: none
}

// state is where an episode stands.
type state uint8

const (
	open state = iota
	fired
	cancelled
	emptied
	recovered
	retracted
	expired
)

// String is the state's name in the table.
func (s state) String() string {
	return [...]string{"open", "fired", "cancelled", "emptied", "recovered", "retracted", "expired"}[s]
}

// episode is one time of activity: two cache lines, the first for what activity
// changes.
type episode struct {
	opened   int64
	last     [formStage]int64 // last activity by stage; of a form in last[0]
	visit    int64            // last Store Entered or Exited
	due      int64
	timer    int64 // earliest timer set, math.MaxInt64: none
	profile  uint32
	older    uint32
	viewed   flat.Ref // products looked at: length and text each
	texts    flat.Ref // see text.go
	id       event.Hash
	closedAt int64
	early    int64 // due of the early timer, event.Absent: none
	revision uint32
	state    state
	stage    stage
	isAhead  bool // fired, but a late event moved its due past the watermark
	isNews   bool // the closing is still to be announced by a trigger
	isBot    bool
	isDirty  bool // in the list of rows to write at the end of the instant
	isWhole  bool // the order came as a whole, not in lines
}

func (e *episode) isForm() bool { return e.stage == formStage }

// isCurrent reports whether activity goes on in the episode.
func (e *episode) isCurrent() bool { return e.state == open || e.isAhead }

// isFired reports whether the episode fired and no event has closed it.
func (e *episode) isFired() bool { return (e.state == fired || e.state == expired) && !e.isAhead }

// holds reports whether an event at time t falls into the episode.
func (e *episode) holds(t int64) bool {
	switch e.state {
	case open, fired, expired, recovered:
		return e.opened <= t && t <= e.due
	}
	return e.opened <= t && t <= e.closedAt
}

// activity is the time of the stage's last activity.
func (e *episode) activity() int64 {
	if e.isForm() {
		return e.last[0]
	}
	return e.last[e.stage]
}

// plan gives the due that the episode's activity asks for.
func (e *episode) plan(cfg *Config) int64 {
	return max(e.activity(), e.visit) + cfg.After[e.stage]
}

// next is when a timer has to look at the episode.
func (e *episode) next(cfg *Config) int64 {
	switch {
	case e.isCurrent():
		return e.due
	case e.state == fired:
		return e.due + cfg.Recovery
	}
	return e.closedAt + cfg.Recovery
}

// idOf is the id of an episode: a hash of its family and opening message.
func idOf(h *event.Hasher, isForm bool, message event.Hash) event.Hash {
	var key [17]byte
	if isForm {
		key[0] = 1
	}
	binary.BigEndian.PutUint64(key[1:], message.Hi)
	binary.BigEndian.PutUint64(key[9:], message.Lo)
	return h.Sum(event.TagFact, key[:])
}
