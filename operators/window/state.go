package window

import "touchstream/pipeline/flat"

// state lists what a snapshot saves of both kinds of shard.
func (s *base) state(p *flat.Parts) {
	p.Add(s.groups, s.store.arena, s.timers, s.expiry)
	flat.Var(p, &s.shut)
	flat.Var(p, &s.hasShut)
}

// rebuild adds no state: find lists, once all is loaded, the windows or sessions
// that bear the mark isQueued. Those and no others act when they stand in
// changed, in an order that does not matter.
func (s *base) rebuild(p *flat.Parts, find func() []uint32) {
	p.Blob(func(dst []byte) []byte { return dst }, func([]byte) error {
		s.changed = find()
		return nil
	})
}

// State lists what a snapshot saves.
func (s *alignedShard) State(p *flat.Parts) {
	s.state(p)
	p.Add(s.panes, s.windows)
	s.rebuild(p, func() (queued []uint32) {
		s.windows.Each(func(k flat.Key, w *window) bool {
			if w.marks&isQueued != 0 {
				queued = append(queued, s.windows.ID(k))
			}
			return true
		})
		return queued
	})
}

// State lists what a snapshot saves.
func (s *sessionShard) State(p *flat.Parts) {
	s.state(p)
	p.Add(s.sessions)
	s.rebuild(p, func() (queued []uint32) {
		s.sessions.Each(func(id uint32, x *session) bool {
			if x.marks&isQueued != 0 {
				queued = append(queued, id)
			}
			return true
		})
		return queued
	})
}
