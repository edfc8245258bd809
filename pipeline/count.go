package pipeline

import (
	"slices"
	"strings"
	"sync/atomic"

	"touchstream/pipeline/event"
)

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

// counters lists the counters that are part of the state.
func (s *Status) counters() map[string]*atomic.Int64 {
	all := map[string]*atomic.Int64{
		"records": &s.Records, "bytes": &s.Bytes, "events": &s.Events, "skipped": &s.Skipped,
		"duplicates": &s.Duplicates, "no_session": &s.NoSession, "early_released": &s.EarlyReleased,
	}
	for code := range s.DeadLetters {
		all["dead_letters."+event.ReasonCode(code).String()] = &s.DeadLetters[code]
	}
	for name, c := range s.operators {
		for what, n := range map[string]*atomic.Int64{"evicted": &c.Evicted, "revisions": &c.Revisions, "unknown": &c.Unknown, "ignored": &c.Ignored, "late": &c.Late, "errors": &c.Errors} {
			all["operators."+name+"."+what] = n
		}
	}
	return all
}

// rowsPrefix begins the names of the tables' counts among the others.
const rowsPrefix = "rows."

// saveCounts are the counters as they stand, by name.
func (s *Status) saveCounts() []namedCount {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []namedCount
	for name, n := range s.counters() {
		out = append(out, namedCount{name, n.Load()})
	}
	for table, n := range s.rows {
		out = append(out, namedCount{rowsPrefix + table, n})
	}
	slices.SortFunc(out, func(a, b namedCount) int { return strings.Compare(a.name, b.name) })
	return out
}

// loadCounts sets the counters, those that are not named to 0.
func (s *Status) loadCounts(counts []namedCount) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.counters()
	for _, n := range all {
		n.Store(0)
	}
	clear(s.rows)
	for _, c := range counts {
		if table, ok := strings.CutPrefix(c.name, rowsPrefix); ok {
			s.rows[table] = c.n
		} else if n := all[c.name]; n != nil {
			n.Store(c.n)
		}
	}
}
