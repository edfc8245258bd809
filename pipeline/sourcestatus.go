package pipeline

import "touchstream/pipeline/event"

// SourceStatus says how a source stands.
type SourceStatus struct {
	Name       string
	Lag        int64 // records known to wait, -1 unknown
	Watermark  int64 // event.Absent before the first record
	Partitions int
	State      string // reading, caught_up, idle, paused, ended
}

func (in *input) sourceStatus() []SourceStatus {
	out := make([]SourceStatus, len(in.cfg.Sources))
	for i := range in.cfg.Sources {
		c := &in.cfg.Sources[i]
		st := SourceStatus{Name: c.Name, Lag: c.Source.Lag(), Watermark: event.Absent, Partitions: len(in.bySrc[i])}
		low, counts := map[string]int{}, 0
		for _, p := range in.bySrc[i] {
			low[in.stateOf(p)]++
			counts++
			if w := p.watermark(); w != beginOfTime && (st.Watermark == event.Absent || w < st.Watermark) {
				st.Watermark = w
			}
		}
		for _, name := range []string{"reading", "paused", "caught_up", "idle", "ended"} {
			if low[name] > 0 {
				st.State = name
				break
			}
		}
		out[i] = st
	}
	return out
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
