package pipetest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// Resolved is what a resolver left: its rows, and for each event of the log a
// line with its time, its name and the hash of its profile.
type Resolved struct {
	*Result
	Events []string
	Merges []pipeline.Merge
}

// RunResolver feeds the log to the resolver event by event. It advances after
// every o.Step events (0: at the end). After each event it calls check, if given.
func RunResolver(tb testing.TB, res pipeline.Resolver, l *Log, o Options, check func()) *Resolved {
	tb.Helper()
	b := l.Batch(o.Lag)
	t := pipeline.NewTurn(Hasher(), res.Spec().Tables)
	t.Origins = []event.Origin{{Source: "log"}}
	t.Before = math.MinInt64
	r := &runner{spec: res.Spec(), profile: map[event.Hash]string{}}
	out := &Resolved{}
	own, row, steps := int64(math.MinInt64), 0, 0
	advance := func(w int64) {
		t.Watermark = w
		res.Advance(t)
		t.Before, t.Step = w, t.Step+1
	}
	for _, e := range l.entries {
		switch e.kind {
		case isWatermark:
			own = max(own, e.at)
			advance(own)
		case isEvent:
			b.Mark[row] = max(b.Own[row], t.Before)
			b.Limit[row] = b.Mark[row]
			out.Merges = res.Resolve(t, b, []uint32{uint32(row)}, out.Merges)
			out.Events = append(out.Events, fmt.Sprintf("%s %s %s", FormatTime(e.at), e.name, profileText(b.Profile[row])))
			own = max(own, e.at-o.Lag)
			row++
			if steps++; steps == o.Step {
				advance(own)
				steps = 0
			}
			if check != nil {
				check()
			}
		}
	}
	if !o.Open {
		advance(math.MaxInt64)
	}
	s := &shard{turn: t, Shard: noState{}}
	s.collect(r)
	r.shards = []*shard{s}
	out.Result = r.result(tb)
	out.tables = slices.Clone(r.spec.Tables)
	return out
}

// profileText shows a provisional profile as its hash behind a question mark.
func profileText(h event.Hash) string {
	switch {
	case h.IsZero():
		return "-"
	case h.IsProvisional():
		return fmt.Sprintf("?%016x", h.Hi)
	}
	return h.String()
}

// noState is the shard of a run that has none.
type noState struct{ pipeline.Shard }

func (noState) Entries() int { return 0 }
