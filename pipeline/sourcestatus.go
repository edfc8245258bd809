package pipeline

import "slices"

// SourceStatus says how a source stands.
type SourceStatus struct {
	Name       string
	Lag        int64 // records known to wait, -1 unknown
	Watermark  int64 // the lowest of the partitions that count; event.Absent: not all have one
	Partitions int
	State      string // reading, caught_up, idle, paused, ended
}

func (in *input) sourceStatus() []SourceStatus {
	out := make([]SourceStatus, len(in.cfg.Sources))
	for i := range in.cfg.Sources {
		c := &in.cfg.Sources[i]
		st := SourceStatus{Name: c.Name, Lag: c.Source.Lag(), Partitions: len(in.bySrc[i])}
		st.Watermark = sourceWatermark(in.bySrc[i])
		for _, name := range []string{"reading", "paused", "caught_up", "idle", "ended"} {
			if slices.ContainsFunc(in.bySrc[i], func(p *partition) bool { return in.stateOf(p) == name }) {
				st.State = name
				break
			}
		}
		out[i] = st
	}
	return out
}

// sourceWatermark is the lowest watermark of the partitions that count; when
// none does, the highest that there was.
func sourceWatermark(parts []*partition) int64 {
	lowest, highest := int64(endOfTime), int64(beginOfTime)
	for _, p := range parts {
		highest = max(highest, p.watermark())
		if p.counts() {
			lowest = min(lowest, p.watermark())
		}
	}
	if lowest != endOfTime {
		return lowest
	}
	return highest
}

func (in *input) stateOf(p *partition) string {
	switch {
	case p.state == Ended:
		return "ended"
	case p.idle:
		return "idle"
	case p.paused:
		return "paused"
	case p.state == CaughtUp:
		return "caught_up"
	}
	return "reading"
}
