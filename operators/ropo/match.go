package ropo

import (
	"bytes"
	"iter"
	"math"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// matchOrders adds a touch to the profile's orders behind it.
func (s *shard) matchOrders(p *profile, t *touch) {
	for o := p.orders; o != 0; o = s.orders.At(o).next {
		if s.precedes(s.orders.At(o), t) {
			s.matchOrder(s.orders.Mut(o), t)
		}
	}
}

func (s *shard) matchOrder(e *order, t *touch) {
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		s.match(e, s.lines.Mut(l), t)
	}
}

// precedes reports whether the touch is of the other world and strictly before
// the order, within the lookback.
func (s *shard) precedes(o *order, t *touch) bool {
	return o.known && t.offline != o.offline && t.at < o.at && o.at-t.at <= s.op.cfg.Lookback
}

// fits reports whether the touch belongs to a match level of the line.
func (s *shard) fits(l *line, t *touch, level int) bool {
	switch level {
	case bySKU:
		return t.product != 0 && t.product == l.product || t.sku != 0 && t.sku == l.sku
	case byCategory:
		return t.category != 0 && t.category == l.category
	}
	return s.op.cfg.MatchAny
}

// match adds the touch to the levels of the line that it matches.
func (s *shard) match(o *order, l *line, t *touch) {
	for i := range l.levels {
		if s.fits(l, t, i) {
			s.aggregate(o, &l.levels[i], t)
			o.changed = true
		}
	}
}

func (s *shard) aggregate(o *order, v *level, t *touch) {
	if v.touches == 0 || s.precedesTouch(t, v.first, v.firstTexts) {
		v.first, v.firstTexts = t.at, s.arena.Replace(v.firstTexts, s.textsOf(t))
	}
	if v.touches == 0 || !s.precedesTouch(t, v.last, v.lastTexts) {
		v.last, v.lastTexts = t.at, s.arena.Replace(v.lastTexts, s.textsOf(t))
	}
	v.touches++
	v.days = s.addDay(v.days, t.at)
	v.lags |= s.lag(o, t.at)
}

// addDay inserts the touch's UTC day into the sorted list.
func (s *shard) addDay(r flat.Ref, at int64) flat.Ref {
	day := int32(math.Floor(float64(at) / dayMs))
	days := flat.Of[int32](s.arena.Get(r))
	i, found := slices.BinarySearch(days, day)
	if found {
		return r
	}
	n := len(days)
	r = s.arena.Resize(r, 4*(n+1))
	days = flat.Of[int32](s.arena.Mut(r))
	copy(days[i+1:], days[i:n])
	days[i] = day
	return r
}

// lag is the class of the touch's age: before the visit for an order in a
// store, before the order for one online.
func (s *shard) lag(o *order, at int64) uint8 {
	if !o.offline {
		return dayLag(o.at - at)
	}
	switch age := o.visitAt - at; {
	case age <= 0:
		return lagInStore
	case age <= s.op.cfg.OnTheWay:
		return lagOnTheWay
	default:
		return dayLag(age)
	}
}

func dayLag(age int64) uint8 {
	switch {
	case age <= 48*hourMs:
		return lag1d
	case age <= 7*dayMs:
		return lag2dPlus
	}
	return lag2dPlus | lag7dPlus
}

func (s *shard) clear(v *level) {
	s.arena.Free(v.firstTexts)
	s.arena.Free(v.lastTexts)
	s.arena.Free(v.days)
	*v = level{}
}

// precedesTouch compares a touch with one of which a level has time and texts.
func (s *shard) precedesTouch(t *touch, at int64, texts flat.Ref) bool {
	if t.at != at {
		return t.at < at
	}
	return bytes.Compare(s.keyOf(t), unpack(s.arena.Get(texts), touchKey)) < 0
}

// remembered are the profile's touches within the lookback, oldest first.
func (s *shard) remembered(p *profile) iter.Seq[*touch] {
	return func(yield func(*touch) bool) {
		since := s.since()
		for id := p.oldest; id != 0; {
			t := s.touches.At(id)
			if t.at >= since && !yield(t) {
				return
			}
			id = t.next
		}
	}
}

// evaluateOrder computes the levels of all lines anew.
func (s *shard) evaluateOrder(p *profile, e *order) {
	e.capped = false
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		s.evaluate(p, e, s.lines.Mut(l))
	}
}

// evaluate computes the levels of a line anew from the remembered touches.
func (s *shard) evaluate(p *profile, o *order, l *line) {
	for i := range l.levels {
		s.clear(&l.levels[i])
	}
	o.capped = o.capped || s.hasLost(p.dropped, o)
	for t := range s.remembered(p) {
		if s.precedes(o, t) {
			s.match(o, l, t)
		}
	}
}

// hasLost reports whether a touch within the order's lookback was given up.
func (s *shard) hasLost(dropped int64, o *order) bool {
	return dropped != math.MinInt64 && dropped >= o.at-s.op.cfg.Lookback
}

// revisit finds out anew when the visits of the profile's orders began: a late
// sighting or a link may tell. Classes of touches that are not remembered any
// more stay as they are.
func (s *shard) revisit(p *profile) {
	for o := p.orders; o != 0; o = s.orders.At(o).next {
		e := s.orders.At(o)
		if !e.known || !e.offline {
			continue
		}
		if at := s.visitStart(p, s.textHash(unpack(s.arena.Get(e.texts), orderStore)), e.at); at != e.visitAt {
			m := s.orders.Mut(o)
			m.visitAt, m.changed = at, true
			s.classify(p, m)
		}
	}
}

// classify computes the lag classes of an order anew.
func (s *shard) classify(p *profile, e *order) {
	for l := e.lines; l != 0; l = s.lines.At(l).next {
		m := s.lines.Mut(l)
		for i := range m.levels {
			n, lags := int32(0), uint8(0)
			for t := range s.remembered(p) {
				if s.precedes(e, t) && s.fits(m, t, i) {
					n, lags = n+1, lags|s.lag(e, t.at)
				}
			}
			if n == m.levels[i].touches {
				m.levels[i].lags = lags
			}
		}
	}
}

// direction says what kind of purchase the line was.
func direction(profile event.Hash, o *order, matched bool) string {
	switch {
	case profile.IsZero() || profile.IsProvisional():
		return "unknown"
	case !o.offline && o.pickup:
		return "click_collect"
	case !matched:
		return "none"
	case o.offline:
		return "ropo"
	}
	return "showrooming"
}

// best is the strongest level that has a touch, -1 if none has.
func (l *line) best() int {
	for i := range l.levels {
		if l.levels[i].touches > 0 {
			return i
		}
	}
	return -1
}
