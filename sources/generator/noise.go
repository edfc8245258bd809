package generator

import (
	"bytes"

	"touchstream/pipeline/event"
)

// loseNetwork makes a phone deliver some of its events later. Steps towards an
// order are never among them.
func (c *script) loseNetwork() {
	share := c.w.opt.LateShare
	acts := c.s.acts
	if c.topic != topicApp || share == 0 || len(acts) < 4 {
		return
	}
	if c.d.share(share) {
		from := 1 + c.d.below(len(acts)-1)
		to := from
		for to < len(acts) && mayBeLate(acts[to].name) && acts[to].at-acts[from].at < 6*minute {
			to++
		}
		if to > from {
			back := acts[to-1].at + c.d.between(2*minute, 12*minute)
			for i := from; i < to; i++ {
				acts[i].delay = back - acts[i].at
			}
		}
	}
	if c.w.opt.Customers < 1000 || (c.t+zoneOffset(c.t))%day > 17*hour {
		return // too few others to move the watermark on meanwhile
	}
	for i := 1; i < len(acts)-1; i++ {
		if acts[i].name == event.Screen && acts[i].delay == 0 && c.d.share(share/20) {
			acts[i].delay = c.d.between(3*hour, 5*hour)
			acts[i].isTooOld = true
		}
	}
}

func mayBeLate(name event.Name) bool {
	switch name {
	case event.Screen, event.ProductListViewed, event.ProductClicked, event.ProductViewed, event.PagePing, event.ProductsSearched,
		event.PromotionViewed, event.PromotionClicked, event.ProductAddedToWishlist, event.ProductAdded:
		return true
	}
	return false
}

// later is a record that has left and is not yet delivered.
type later struct {
	rec Record
}

// keep copies the record to be delivered after the delay.
func (w *World) keep(rec *Record, delay int64, kind Kind) {
	index := int32(len(w.kept))
	if n := len(w.freeKept); n > 0 {
		index = w.freeKept[n-1]
		w.freeKept = w.freeKept[:n-1]
	} else {
		w.kept = append(w.kept, later{})
	}
	k := &w.kept[index]
	key, value := k.rec.Key, k.rec.Value
	k.rec = *rec
	k.rec.Key = append(key[:0], rec.Key...)
	k.rec.Value = append(value[:0], rec.Value...)
	k.rec.ArrivalMS += delay
	k.rec.Kind = kind
	w.keptSeq++
	w.road.push(turn{at: k.rec.ArrivalMS, seq: w.keptSeq, index: index})
}

// deliver hands over the next record that was kept.
func (w *World) deliver(rec *Record) {
	t := w.road.pop()
	k := &w.kept[t.index]
	key, value := append(rec.Key[:0], k.rec.Key...), append(rec.Value[:0], k.rec.Value...)
	*rec = k.rec
	rec.Key, rec.Value = key, value
	w.freeKept = append(w.freeKept, t.index)
}

// disturb adds what befalls a record on its way and reports whether it is
// delivered at once.
func (w *World) disturb(rec *Record, delay int64) bool {
	o := &w.opt
	d := &w.noise
	if delay == 0 && o.DisorderMaxMS > 0 && d.share(o.DisorderShare) {
		delay = d.between(1, o.DisorderMaxMS)
	}
	if d.share(o.DuplicateShare) && delay < hour/2 { // older ids are forgotten
		w.keep(rec, delay+d.between(100, 5*minute), Duplicate)
		w.count.duplicates++
	}
	if d.share(o.BadShare) {
		w.breakCopy(rec)
	}
	if delay > 0 {
		w.keep(rec, delay, Event)
		return false
	}
	return true
}

// Ways in which a record is bad, named as the dead letters' reasons.
const (
	badMalformed = iota
	badMissingTime
	badTime
	badPrice
	numBad
)

var badNames = [numBad]string{"malformed", "missing_field", "bad_time", "bad_value"}

var (
	timeField  = []byte(`"timestamp":"`)
	priceField = []byte(`"price":`)
	idField    = []byte(`"messageId":"`)
)

const stampLength = len("2026-03-02T08:15:30.123Z")

// breakCopy lets a spoilt copy follow the record, with a message id of its own.
func (w *World) breakCopy(rec *Record) {
	d := &w.noise
	w.count.badNumber++
	b := &w.spoilt
	b.Topic, b.TimeMS, b.ArrivalMS = rec.Topic, rec.TimeMS, rec.ArrivalMS
	b.Key = append(b.Key[:0], rec.Key...)
	v := append(b.Value[:0], rec.Value...)
	if at := bytes.Index(v, idField); at >= 0 {
		id := v[at+len(idField) : at+len(idField) : at+len(idField)+36]
		appendUUID(id, mix3(w.opt.Seed, 47, w.count.badNumber), mix3(w.opt.Seed, 53, w.count.badNumber))
	}
	way := d.below(numBad)
	price, stamped := bytes.Index(v, priceField), bytes.Index(v, timeField)
	if way == badPrice && price < 0 {
		way = badMalformed
	}
	switch way {
	case badMalformed:
		v = v[:d.between(int64(len(v)/3), int64(len(v)-2))]
	case badMissingTime:
		v = append(v[:stamped], v[stamped+len(timeField)+stampLength+2:]...)
	case badTime:
		copy(v[stamped+len(timeField):], "yesterday, in the evening"[:stampLength])
	case badPrice:
		for i := price + len(priceField); i < len(v) && (v[i] == '.' || v[i] >= '0' && v[i] <= '9'); i++ {
			v[i] = 'x'
		}
		v = quoteAt(v, price+len(priceField))
	}
	b.Value = v
	w.count.bad[way]++
	w.keep(b, 0, Bad)
}

// quoteAt puts the run of x at the place into quotes, so that it is a text and
// no number.
func quoteAt(v []byte, from int) []byte {
	to := from
	for to < len(v) && v[to] == 'x' {
		to++
	}
	v = append(v, 0, 0)
	copy(v[to+2:], v[to:])
	copy(v[from+1:], v[from:to])
	v[from], v[to+1] = '"', '"'
	return v
}
