package sessions

import (
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// shard is the state of one shard.
type shard struct {
	op  *Operator
	cfg *Config
	env *Env

	devices  *flat.Table[device]
	sessions *flat.Slab[session]
	trades   *flat.Slab[trade]
	arena    *flat.Arena
	alive    int // sessions that are not gone
	aliveMax int

	closing *flat.Timers // close and forget timers of sessions
	early   *flat.Timers
	expiry  *flat.Timers // of devices without sessions

	ahead   ahead
	drafts  []draft
	scratch []byte
	key     []byte
	cart    cart.Cart
	other   cart.Cart
}

func newShard(o *Operator, n int) *shard {
	shards := max(1, o.env.Shards)
	each := func(total int64) int { return int((total + int64(shards) - 1) / int64(shards)) }
	return &shard{
		op: o, cfg: &o.cfg, env: &o.env,
		devices:  flat.NewTable[device](each(o.cfg.MaxDevices), uint64(n)),
		sessions: flat.NewSlab[session](),
		trades:   flat.NewSlab[trade](),
		arena:    flat.NewArena(),
		aliveMax: each(o.cfg.MaxSessions),
		closing:  flat.NewTimers(), early: flat.NewTimers(), expiry: flat.NewTimers(),
	}
}

// Entries counts the sessions and devices in memory.
func (h *shard) Entries() int { return h.alive + h.devices.Len() }

// Bytes is the memory of the state.
func (h *shard) Bytes() int {
	return h.devices.Bytes() + h.sessions.Bytes() + h.trades.Bytes() + h.arena.Bytes() +
		h.closing.Bytes() + h.early.Bytes() + h.expiry.Bytes()
}

// State lists what a snapshot saves.
func (h *shard) State(p *flat.Parts) {
	p.Add(h.devices, h.sessions, h.trades, h.arena, h.closing, h.early, h.expiry)
	flat.Var(p, &h.alive)
}

// Fold takes rows in time order.
func (h *shard) Fold(t *pipeline.Turn, rows []event.Row) {
	touchRows(rows[:min(len(rows), aheadRows)])
	for len(rows) > 0 {
		n := min(len(rows), aheadRows)
		touchRows(rows[n:min(len(rows), n+aheadRows)])
		h.lookAhead(rows[:n])
		for i := range rows[:n] {
			r := &rows[i]
			h.fire(t, r.Eff)
			if r.Late && !h.op.Takes(r.At()) {
				continue
			}
			deviceID := h.devices.Again(h.ahead.keys[i], h.ahead.ids[i])
			if r.Name.IsSystem() {
				h.foldSystem(r, deviceID)
			} else {
				h.fold(t, r, deviceID)
			}
		}
		rows = rows[n:]
	}
}

// Advance fires the timers that the watermark has passed.
func (h *shard) Advance(t *pipeline.Turn) { h.fire(t, t.Watermark) }

// Timers of sessions have the slab's id and a bit that tells the two kinds apart.
const (
	closeTimer  = 0
	forgetTimer = 1
)

// fire runs the timers that are due before the given time, in order: at one
// instant sessions close, are forgotten, show themselves early, devices expire.
func (h *shard) fire(t *pipeline.Turn, before int64) {
	for h.closing.IsDue(before) || h.early.IsDue(before) || h.expiry.IsDue(before) {
		next := [3]int64{math.MaxInt64, math.MaxInt64, math.MaxInt64}
		for i, q := range [3]*flat.Timers{h.closing, h.early, h.expiry} {
			if due, ok := q.Min(); ok {
				next[i] = due
			}
		}
		switch due := min(next[0], next[1], next[2]); {
		case due >= before:
			return
		case due == next[0]:
			_, id, _ := h.closing.PopDue(before)
			h.fireSession(t, id, due)
		case due == next[1]:
			_, id, _ := h.early.PopDue(before)
			h.fireEarly(t, id)
		default:
			_, id, _ := h.expiry.PopDue(before)
			h.fireDevice(id, due)
		}
	}
}

func (h *shard) fireSession(t *pipeline.Turn, timer uint32, due int64) {
	id := timer >> 1
	s := h.sessions.Mut(id)
	if timer&1 == forgetTimer {
		s.marks &^= forgetSet
		if at := h.forgetAt(s); !s.is(isGone) && at > due {
			h.setTimer(id, s, at, forgetTimer)
			return
		}
		if !s.is(isGone) {
			h.forget(id, s)
		}
		h.release(id, s)
		return
	}
	s.marks &^= closeSet
	if s.is(isGone) {
		h.release(id, s)
		return
	}
	if at := s.end + h.cfg.Gap; at > due {
		h.setTimer(id, s, at, closeTimer)
		return
	}
	if s.is(isDirty) {
		h.emit(t, s, false)
	}
	if !s.is(forgetSet) {
		h.setTimer(id, s, h.forgetAt(s), forgetTimer)
	}
}

// forgetAt is the last instant at which an event could join the session.
func (h *shard) forgetAt(s *session) int64 { return s.end + 2*h.cfg.Gap + h.env.AllowedLateness }

func (h *shard) setTimer(id uint32, s *session, due int64, kind uint32) {
	if kind == closeTimer {
		s.marks |= closeSet
	} else {
		s.marks |= forgetSet
	}
	h.closing.Set(due, id<<1|kind)
}

// touch notes that the session's row changed at the effective time eff.
func (h *shard) touch(id uint32, s *session, eff int64) {
	s.marks |= isDirty
	if !s.is(closeSet) {
		h.setTimer(id, s, s.end+h.cfg.Gap, closeTimer)
	}
	if every := h.cfg.Early; every > 0 && !s.is(earlySet) && eff < math.MaxInt64-every {
		due := eff - eff%every
		if due < eff {
			due += every
		}
		s.marks |= earlySet
		h.early.Set(due, id)
	}
}

func (h *shard) fireEarly(t *pipeline.Turn, id uint32) {
	s := h.sessions.Mut(id)
	s.marks &^= earlySet
	switch {
	case s.is(isGone):
		h.release(id, s)
	case s.is(isDirty):
		h.emit(t, s, false)
	}
}

// forget takes the session out of its device's list and frees what it holds.
// Its slot is freed by release, once no timer names it.
func (h *shard) forget(id uint32, s *session) {
	deviceID := s.device
	d := h.devices.MutAt(deviceID)
	d.lastEnd = max(d.lastEnd, s.end)
	h.unlink(d, id, s)
	h.drop(s)
	if d.newest == 0 && !d.timed {
		d.timed = true
		h.expiry.Set(h.expireAt(d), deviceID)
	}
}

func (h *shard) unlink(d *device, id uint32, s *session) {
	if d.newest == id {
		d.newest = s.older
		return
	}
	for at := d.newest; at != 0; {
		x := h.sessions.Mut(at)
		if x.older == id {
			x.older = s.older
			return
		}
		at = x.older
	}
}

// drop frees what the session holds and marks it gone.
func (h *shard) drop(s *session) {
	h.arena.Free(s.texts)
	h.arena.Free(s.recent)
	if s.trade != 0 {
		tr := h.trades.At(s.trade)
		h.arena.Free(tr.goods)
		h.arena.Free(tr.orders)
		h.trades.Free(s.trade)
	}
	*s = session{marks: s.marks&timersSet | isGone}
	h.alive--
}

func (h *shard) release(id uint32, s *session) {
	if s.is(isGone) && !s.is(timersSet) {
		h.sessions.Free(id)
	}
}

// expireAt is the last instant at which the device's return would not be new.
func (h *shard) expireAt(d *device) int64 {
	return d.lastEnd + h.cfg.NewAfter + h.cfg.Gap + h.env.AllowedLateness
}

func (h *shard) fireDevice(id uint32, due int64) {
	d := h.devices.MutAt(id)
	d.timed = false
	if d.newest != 0 {
		return
	}
	if at := h.expireAt(d); at > due {
		d.timed = true
		h.expiry.Set(at, id)
		return
	}
	h.devices.DeleteID(id)
}

// makeRoom lets one more device fit: the one unseen for longest is forgotten,
// or a session closed when all devices have one.
func (h *shard) makeRoom(t *pipeline.Turn) {
	for h.devices.Full() {
		if !h.evictDevice(t) && !h.evictSession(t) {
			return
		}
	}
}

func (h *shard) evictDevice(t *pipeline.Turn) bool {
	for {
		due, id, ok := h.expiry.PopDue(math.MaxInt64)
		if !ok {
			return false
		}
		d := h.devices.MutAt(id)
		d.timed = false
		switch at := h.expireAt(d); {
		case d.newest != 0:
		case at > due:
			d.timed = true
			h.expiry.Set(at, id)
		default:
			h.devices.Evict(id)
			t.Count.Evicted++
			return true
		}
	}
}

// evictSession closes and forgets the session whose timer is due first.
func (h *shard) evictSession(t *pipeline.Turn) bool {
	for {
		due, timer, ok := h.closing.PopDue(math.MaxInt64)
		if !ok {
			return false
		}
		id := timer >> 1
		s := h.sessions.Mut(id)
		at := h.forgetAt(s)
		if timer&1 == forgetTimer {
			s.marks &^= forgetSet
		} else {
			at = s.end + h.cfg.Gap
			s.marks &^= closeSet
		}
		switch {
		case s.is(isGone):
			h.release(id, s)
		case at > due:
			h.setTimer(id, s, at, timer&1)
		default:
			if s.is(isDirty) {
				h.emit(t, s, false)
			}
			h.forget(id, s)
			h.release(id, s)
			t.Count.Evicted++
			return true
		}
	}
}
