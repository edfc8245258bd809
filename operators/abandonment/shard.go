package abandonment

import (
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// episodesMax is the number of episodes remembered of one profile; over it the
// oldest goes.
const episodesMax = 256

// shard is the state of one shard.
type shard struct {
	op  *Operator
	cfg *Config

	profiles *flat.Table[profile]
	episodes *flat.Slab[episode]
	arena    *flat.Arena
	due      *flat.Timers // of episodes
	early    *flat.Timers // of open episodes
	idle     *flat.Timers // of profiles

	// What belongs to the instant being folded; Advance leaves it empty.
	orders  []order
	dirty   []uint32
	instant int64

	ahead    ahead
	cart     cart.Cart
	other    cart.Cart
	scratch  []byte
	blob     []byte
	message  []byte
	messages []byte // of the orders
	names    [][]byte
	json     []byte
}

func newShard(o *Operator, n int) *shard {
	limit := int((o.cfg.MaxProfiles + int64(o.shards) - 1) / int64(o.shards))
	return &shard{
		op: o, cfg: &o.cfg,
		profiles: flat.NewTable[profile](limit, uint64(n)),
		episodes: flat.NewSlab[episode](),
		arena:    flat.NewArena(),
		due:      flat.NewTimers(), early: flat.NewTimers(), idle: flat.NewTimers(),
		instant: math.MinInt64,
	}
}

// Entries counts profiles and episodes in memory.
func (h *shard) Entries() int { return h.profiles.Len() + h.episodes.Len() }

// Bytes is the memory of the state.
func (h *shard) Bytes() int {
	return h.profiles.Bytes() + h.episodes.Bytes() + h.arena.Bytes() + h.due.Bytes() + h.early.Bytes() + h.idle.Bytes()
}

// State lists what a snapshot saves. Orders and changed rows of an instant are
// no part of it: Advance leaves none.
func (h *shard) State(p *flat.Parts) {
	p.Add(h.profiles, h.episodes, h.arena, h.due, h.early, h.idle)
}

// Fold takes rows in time order.
func (h *shard) Fold(t *pipeline.Turn, rows []event.Row) {
	for len(rows) > 0 {
		n, rest := h.lookAhead(rows)
		for i := range h.ahead.rows[:n] {
			r := &h.ahead.rows[i]
			if r.Eff > h.instant {
				h.settle(t)
				h.fire(t, r.Eff)
				h.instant = r.Eff
			}
			if r.Late {
				if !h.op.Takes(r.At()) {
					continue
				}
				t.Count.Late++
			}
			h.fold(t, r, roleOf(r.Name), h.ahead.ids[i])
		}
		rows = rest
	}
	h.settle(t)
	h.instant = math.MinInt64
}

// fold takes a row; hint is what was its profile's id before the rows that came
// since.
func (h *shard) fold(t *pipeline.Turn, r *event.Row, role role, hint uint32) {
	b, row := r.At()
	id := h.profileOf(t, b.Profile[row], r.Time(), hint)
	p := h.profiles.MutAt(id)
	p.lastSeen = max(p.lastSeen, r.Time())
	if role == orderRole {
		h.gather(t, r, id)
		return
	}
	if len(h.orders) > 0 {
		h.settleOrders(t, id)
	}
	switch role {
	case storeRole:
		h.postpone(p, r.Time(), r.Eff)
	case formRole:
		h.fill(t, id, r)
	case submitRole:
		h.submit(t, id, r)
	default:
		h.shop(t, id, r, role.stage())
	}
}

// Advance writes what merges changed and fires the timers that the watermark
// has passed.
func (h *shard) Advance(t *pipeline.Turn) {
	h.settle(t)
	h.fire(t, t.Watermark)
}

// settle ends an instant: its orders act and its changed rows are written.
func (h *shard) settle(t *pipeline.Turn) {
	h.settleOrders(t, 0)
	for _, id := range h.dirty {
		if !h.episodes.Live(id) || !h.episodes.At(id).isDirty {
			continue
		}
		e := h.episodes.Mut(id)
		e.isDirty = false
		if e.isCurrent() {
			continue
		}
		h.emit(t, e, false)
		h.announce(t, e)
		if e.state == cancelled || e.state == emptied {
			h.forget(id, e)
		}
	}
	h.dirty = h.dirty[:0]
}

// change notes that the row of an episode that is not current changed.
func (h *shard) change(id uint32, e *episode) {
	if !e.isDirty {
		e.isDirty = true
		h.dirty = append(h.dirty, id)
	}
}

// fire runs the timers that are due before the given time, in order: at one
// instant episodes fire, rows show themselves early, profiles are forgotten.
func (h *shard) fire(t *pipeline.Turn, before int64) {
	for h.due.IsDue(before) || h.early.IsDue(before) || h.idle.IsDue(before) {
		next := [3]int64{math.MaxInt64, math.MaxInt64, math.MaxInt64}
		for i, q := range [3]*flat.Timers{h.due, h.early, h.idle} {
			if due, ok := q.Min(); ok {
				next[i] = due
			}
		}
		switch due := min(next[0], next[1], next[2]); {
		case due >= before:
			return
		case due == next[0]:
			_, id, _ := h.due.PopDue(before)
			h.fireEpisode(t, id, due)
		case due == next[1]:
			_, id, _ := h.early.PopDue(before)
			h.fireEarly(t, id, due)
		default:
			_, id, _ := h.idle.PopDue(before)
			h.fireIdle(id, due)
		}
	}
}

func (h *shard) fireEpisode(t *pipeline.Turn, id uint32, due int64) {
	if !h.episodes.Live(id) {
		return
	}
	// The timer may be of an episode that is gone: it is but a hint to look.
	e := h.episodes.Mut(id)
	if e.timer == due {
		e.timer = math.MaxInt64
	}
	if e.next(h.cfg) > due {
		h.arm(id, e)
		return
	}
	switch {
	case e.isCurrent():
		triggered := e.isAhead
		h.keepCart(e)
		e.state, e.isAhead = fired, false
		h.emit(t, e, false)
		if !triggered {
			h.trigger(t, e, "abandonment.fired")
		}
	case e.state == fired:
		e.state, e.closedAt = expired, e.due+h.cfg.Recovery
		h.emit(t, e, false)
	default:
		h.forget(id, e)
		return
	}
	h.arm(id, e)
}

// arm sets a timer for the episode's next time unless one comes before it.
func (h *shard) arm(id uint32, e *episode) {
	if next := e.next(h.cfg); next < e.timer {
		e.timer = next
		h.due.Set(next, id)
	}
}

// show sets the early timer of an open episode that changed.
func (h *shard) show(id uint32, e *episode, eff int64) {
	every := h.cfg.Early
	if every == 0 || e.state != open || e.early != event.Absent || eff > math.MaxInt64-every {
		return
	}
	due := eff - eff%every
	if due < eff {
		due += every
	}
	e.early = due
	h.early.Set(due, id)
}

func (h *shard) fireEarly(t *pipeline.Turn, id uint32, due int64) {
	if !h.episodes.Live(id) || h.episodes.At(id).early != due {
		return
	}
	e := h.episodes.Mut(id)
	e.early = event.Absent
	if e.state == open {
		h.emit(t, e, false)
	}
}

// forget takes the episode out of its profile's list and frees it.
func (h *shard) forget(id uint32, e *episode) {
	h.unlink(h.profiles.MutAt(e.profile), id, e)
	h.arena.Free(e.texts)
	h.arena.Free(e.viewed)
	h.episodes.Free(id)
}

// link puts the episode into its profile's list, which is sorted by opening,
// newest first.
func (h *shard) link(t *pipeline.Turn, p *profile, id uint32, e *episode) {
	at, n := &p.newest, 0
	for *at != 0 && h.episodes.At(*at).opened > e.opened {
		at = &h.episodes.Mut(*at).older
		n++
	}
	e.older = *at
	*at = id
	if n == 0 && e.older == 0 {
		return
	}
	n, last := 0, uint32(0)
	for i := p.newest; i != 0; i = h.episodes.At(i).older {
		n, last = n+1, i
	}
	if n > episodesMax {
		x := h.episodes.Mut(last)
		h.forget(last, x)
		t.Count.Evicted++
	}
}

func (h *shard) unlink(p *profile, id uint32, e *episode) {
	for at := &p.newest; *at != 0; at = &h.episodes.Mut(*at).older {
		if *at == id {
			*at = e.older
			return
		}
	}
}

// profileOf finds the profile's entry, made if need be.
func (h *shard) profileOf(t *pipeline.Turn, key event.Hash, at int64, hint uint32) uint32 {
	if id := h.profiles.Again(flat.Key(key), hint); id != 0 {
		return id
	}
	for h.profiles.Full() && h.evict(t) {
	}
	id, _ := h.profiles.PutID(flat.Key(key))
	p := h.profiles.MutAt(id)
	p.lastSeen, p.lastEnd, p.lastSubmit, p.cartAt = at, event.Absent, event.Absent, event.Absent
	h.idle.Set(at+h.cfg.CartMemory, id)
	return id
}

// fireIdle forgets a profile that has no episodes and was not seen for long.
func (h *shard) fireIdle(id uint32, due int64) {
	p := h.profiles.MutAt(id)
	switch at := p.lastSeen + h.cfg.CartMemory; {
	case at > due:
		h.idle.Set(at, id)
	case p.newest != 0:
		h.idle.Set(due+h.cfg.Recovery, id)
	default:
		h.dropProfile(p)
		h.profiles.DeleteID(id)
	}
}

func (h *shard) dropProfile(p *profile) {
	for p.newest != 0 {
		at := p.newest
		e := h.episodes.Mut(at)
		h.forget(at, e)
	}
	h.arena.Free(p.goods)
}

// evict forgets the profile unseen for longest.
func (h *shard) evict(t *pipeline.Turn) bool {
	for {
		due, id, ok := h.idle.PopDue(math.MaxInt64)
		if !ok {
			return false
		}
		p := h.profiles.MutAt(id)
		if at := p.lastSeen + h.cfg.CartMemory; at > due {
			h.idle.Set(at, id)
			continue
		}
		h.dropProfile(p)
		h.profiles.Evict(id)
		t.Count.Evicted++
		return true
	}
}
