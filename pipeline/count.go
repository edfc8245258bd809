package pipeline

import "touchstream/pipeline/event"

// add adds an operator's counters of a step.
func (c *OperatorCounts) add(n *Counts) {
	c.Evicted.Add(n.Evicted)
	c.Revisions.Add(n.Revisions)
	c.Unknown.Add(n.Unknown)
	c.Ignored.Add(n.Ignored)
	c.Late.Add(n.Late)
}

// countStep counts what a step has read and left.
func (s *Status) countStep(x *step, out *parcel) {
	s.Records.Add(int64(x.records))
	s.Bytes.Add(x.bytes)
	s.Skipped.Add(x.skipped)
	for _, p := range x.pieces {
		s.Events.Add(int64(len(p.rows)))
		reason := p.dead.Table.Column("reason")
		for i := range p.dead.N {
			if code, ok := reasonOf(p.dead.Bytes(p.dead.Cols[reason].Str[i])); ok {
				s.DeadLetters[code].Add(1)
			}
		}
	}
	s.Watermark.Store(x.watermarks[AllSources])
	s.mu.Lock()
	for t, r := range out.rows {
		s.rows[t.Name] += int64(r.N)
	}
	s.sources = x.sources
	s.mu.Unlock()
}

func reasonOf(text []byte) (event.ReasonCode, bool) {
	for c := range event.ReasonCode(event.NumReasons) {
		if c.String() == string(text) {
			return c, true
		}
	}
	return 0, false
}

func sourcesDone(all []SourceStatus) bool {
	for _, s := range all {
		if s.State == "reading" || s.State == "paused" || s.Lag > 0 {
			return false
		}
	}
	return true
}
