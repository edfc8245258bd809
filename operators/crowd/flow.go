package crowd

import "touchstream/pipeline/flat"

// flow is the moves from one zone to another in an open window.
type flow struct {
	moves    int64
	revision int64
	changed  bool
	transits flat.Ref
}

// addFlow counts a move in the windows of its second entry.
func (s *shard) addFlow(from, to uint32, t, transit int64) {
	// The entry that follows tracks the zone; a flow needs the windows open now.
	s.begin(s.zones.MutAt(to), t)
	for i := range s.grids {
		f, _ := s.grids[i].flows.Put(flat.Key{Hi: uint64(from), Lo: uint64(to)})
		f.moves++
		f.changed = true
		s.appendValue(&f.transits, transit)
	}
}

// emitFlows writes the window's flows that changed; with the window's close
// they end.
func (s *shard) emitFlows(i int, closes bool) {
	g := &s.grids[i]
	out := s.turn.Out(1)
	g.flows.Each(func(k flat.Key, v *flow) bool {
		f, _ := g.flows.Mut(k)
		if v.changed {
			from, to := uint32(k.Hi), uint32(k.Lo)
			f.changed = false
			f.revision++
			if f.revision > 1 {
				s.turn.Count.Revisions++
			}
			out.Begin()
			s.putStore(out, s.zones.At(from).store)
			s.putZone(out, from)
			s.putZone(out, to)
			out.Int(g.size)
			out.Time(g.start)
			out.Int(f.moves)
			s.quantiles(out, f.transits, 50)
			out.Int(f.revision)
			out.End()
		}
		if closes {
			s.arena.Free(f.transits)
			g.flows.Delete(k)
		}
		return true
	})
}
