package window

import "touchstream/pipeline/event"

// place remembers the cells of a pane within one fold.
type place struct {
	hash   event.Hash
	number int64
	cells  []int64
	// units are those that were counted and are not yet in the cells; of
	// aggregates that do nothing but count units.
	units int64
}

const placesMax = 64

// leavePlaces brings the cells of all places up to date and forgets the places.
func (s *alignedShard) leavePlaces() {
	for i := range s.places {
		s.settle(&s.places[i])
	}
	clear(s.places[:])
}

// settle adds what was counted at a place to its cells.
func (s *alignedShard) settle(known *place) {
	if known.units > 0 {
		for _, at := range s.store.at {
			known.cells[at] += known.units
		}
		known.units = 0
	}
}
