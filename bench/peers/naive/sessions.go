package naive

import (
	"iter"

	"touchstream/bench/peers/fact"
)

// Sessions computes the sessions of all records, Segment calls in order of
// arrival. An event that comes after its session has closed opens another one.
// A record that is no Segment call is an error.
func Sessions(records iter.Seq[[]byte]) ([]fact.Session, error) {
	s := visits{open: map[string][]*fact.Session{}}
	if err := each(records, s.add, s.close); err != nil {
		return nil, err
	}
	return s.closed, nil
}

type visits struct {
	// open has one session for nearly every key; a late event may lie between
	// two, or make one before the others.
	open   map[string][]*fact.Session
	closed []fact.Session
}

func (v *visits) add(c *call, at int64) {
	list := v.open[c.AnonymousID]
	var into *fact.Session
	kept := list[:0]
	for _, s := range list {
		switch {
		case at < s.Start-fact.GapMS || at > s.End+fact.GapMS:
			kept = append(kept, s)
		case into == nil:
			into = s
			kept = append(kept, s)
		default: // the event bridges two
			merge(into, s)
		}
	}
	if into == nil {
		into = &fact.Session{Key: c.AnonymousID, Start: at, End: at}
		kept = append(kept, into)
	}
	count(into, c, at)
	if len(kept) != len(list) {
		v.open[c.AnonymousID] = kept
	}
}

func count(s *fact.Session, c *call, at int64) {
	s.Start, s.End = min(s.Start, at), max(s.End, at)
	s.Events++
	switch c.name() {
	case "page", "screen":
		s.PageViews++
	case "Product Viewed":
		s.ProductViews++
	case "Product Added":
		s.Adds++
	case "Order Completed":
		s.Orders++
		s.Revenue += c.amount()
	}
}

func merge(into, s *fact.Session) {
	into.Start, into.End = min(into.Start, s.Start), max(into.End, s.End)
	into.Events += s.Events
	into.PageViews += s.PageViews
	into.ProductViews += s.ProductViews
	into.Adds += s.Adds
	into.Orders += s.Orders
	into.Revenue += s.Revenue
}

// close moves the sessions out that nothing can extend any more.
func (v *visits) close(watermark int64) {
	for key, list := range v.open {
		kept := list[:0]
		for _, s := range list {
			if s.End+fact.GapMS < watermark {
				v.closed = append(v.closed, *s)
			} else {
				kept = append(kept, s)
			}
		}
		if len(kept) == 0 {
			delete(v.open, key)
		} else {
			v.open[key] = kept
		}
	}
}
