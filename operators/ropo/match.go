package ropo

import (
	"bytes"
	"math"
	"slices"

	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// matchOrders adds a touch to the profile's orders behind it and writes the
// rows that change.
func (s *shard) matchOrders(id uint32, t *touch) {
	for o := s.profiles.At(id).orders; o != 0; o = s.orders.At(o).next {
		e := s.orders.At(o)
		if !e.known || !s.precedes(e, t) {
			continue
		}
		for l := e.lines; l != 0; l = s.lines.At(l).next {
			if s.match(e, s.lines.Mut(l), t) {
				s.write(id, o, l)
			}
		}
	}
}

// precedes reports whether the touch is of the other world and strictly before
// the order, within the lookback.
func (s *shard) precedes(o *order, t *touch) bool {
	return t.offline != o.offline && t.at < o.at && o.at-t.at <= s.op.cfg.Lookback
}

// match adds the touch to the levels of the line that it matches.
func (s *shard) match(o *order, l *line, t *touch) bool {
	matched := false
	if t.product != 0 && t.product == l.product || t.sku != 0 && t.sku == l.sku {
		s.aggregate(o, &l.levels[bySKU], t)
		matched = true
	}
	if t.category != 0 && t.category == l.category {
		s.aggregate(o, &l.levels[byCategory], t)
		matched = true
	}
	if s.op.cfg.MatchAny {
		s.aggregate(o, &l.levels[byAny], t)
		matched = true
	}
	return matched
}

func (s *shard) aggregate(o *order, v *level, t *touch) {
	texts := s.arena.Get(t.texts)
	if v.touches == 0 || s.before(t.at, texts, v.first, v.firstTexts) {
		v.first, v.firstTexts = t.at, s.arena.Replace(v.firstTexts, texts)
	}
	if v.touches == 0 || !s.before(t.at, texts, v.last, v.lastTexts) {
		v.last, v.lastTexts = t.at, s.arena.Replace(v.lastTexts, texts)
	}
	v.touches++
	day := int32(math.Floor(float64(t.at) / dayMs))
	days := flat.Of[int32](s.arena.Get(v.days))
	if i, found := slices.BinarySearch(days, day); !found {
		v.days = s.arena.Replace(v.days, flat.Bytes(slices.Insert(slices.Clone(days), i, day)))
	}
	v.lags |= s.lag(o, t.at)
}

// before orders by (time, message id).
func (s *shard) before(at int64, texts []byte, than int64, thanTexts flat.Ref) bool {
	if at != than {
		return at < than
	}
	return bytes.Compare(unpack(texts, touchMessage), unpack(s.arena.Get(thanTexts), touchMessage)) < 0
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

// evaluate computes the levels of a line anew from the remembered touches.
func (s *shard) evaluate(p *profile, o *order, l *line) {
	for i := range l.levels {
		v := &l.levels[i]
		s.arena.Free(v.firstTexts)
		s.arena.Free(v.lastTexts)
		s.arena.Free(v.days)
		*v = level{}
	}
	touches := flat.Of[touch](s.arena.Get(p.touches))
	for i := range touches {
		if s.precedes(o, &touches[i]) {
			s.match(o, l, &touches[i])
		}
	}
}

// direction says what kind of purchase the line was.
func (s *shard) direction(profile event.Hash, o *order, matched bool) string {
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
