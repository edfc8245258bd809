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
	// Resolver is the resolver as the run has left it.
	Resolver pipeline.Resolver
}

// RunResolver feeds the log to a resolver event by event and advances it after
// every o.Step events (0: at the end). It does so three times, as Run does.
// After each event it calls check, if given, with the resolver at work.
func RunResolver[R pipeline.Resolver](tb testing.TB, fresh func() R, l *Log, o Options, check func(R)) *Resolved {
	tb.Helper()
	plain := &resolving[R]{fresh: fresh, check: check}
	want := plain.run(tb, l, o)
	if o.Restore == Never {
		return want
	}
	snaps := newSnapshots(l, o.Restore, plain.calls)
	r := &resolving[R]{fresh: fresh}
	r.called = func() { snaps.take(tb, r.calls, []stateful{r.res}) }
	got := r.run(tb, l, o)
	snaps.finish(tb)
	want.same(tb, got, "while snapshots are saved")
	r = &resolving[R]{fresh: fresh, check: check}
	r.called = func() {
		if snaps.at[r.calls] {
			r.res = fresh()
			snaps.load(tb, r.calls, 0, r.res)
		}
	}
	got = r.run(tb, l, o)
	want.same(tb, got, "after restores")
	return got
}

// resolving is one run of a resolver.
type resolving[R pipeline.Resolver] struct {
	fresh  func() R
	check  func(R)
	res    R
	calls  int64
	called func() // is called after each call of the resolver; may be nil
}

func (r *resolving[R]) run(tb testing.TB, l *Log, o Options) *Resolved {
	tb.Helper()
	r.res = r.fresh()
	b := l.Batch(o.Lag)
	t := pipeline.NewTurn(Hasher(), r.res.Spec().Tables)
	t.Origins = []event.Origin{{Source: "log"}}
	t.Before = math.MinInt64
	out := &Resolved{}
	own, row, steps := int64(math.MinInt64), 0, 0
	advance := func(w int64) {
		t.Watermark = w
		r.res.Advance(t)
		t.Before, t.Step = w, t.Step+1
		r.count()
	}
	for _, e := range l.entries {
		switch e.kind {
		case isWatermark:
			own = max(own, e.at)
			advance(own)
		case isEvent:
			b.Mark[row] = max(b.Own[row], t.Before)
			b.Limit[row] = b.Mark[row]
			out.Merges = r.res.Resolve(t, b, []uint32{uint32(row)}, out.Merges)
			out.Events = append(out.Events, fmt.Sprintf("%s %s %s", FormatTime(e.at), e.name, profileText(b.Profile[row])))
			r.count()
			own = max(own, e.at-o.Lag)
			row++
			if steps++; steps == o.Step {
				advance(own)
				steps = 0
			}
			if r.check != nil {
				r.check(r.res)
			}
		}
	}
	if !o.Open {
		advance(math.MaxInt64)
	}
	rows := &runner{spec: r.res.Spec(), profile: map[string]string{}}
	s := &shard{turn: t, Shard: noState{}}
	s.collect(rows)
	rows.shards = []*shard{s}
	out.Result = rows.result(tb)
	out.tables = slices.Clone(rows.spec.Tables)
	out.Entries, out.Shards = r.res.Entries(), nil
	out.Resolver = r.res
	return out
}

func (r *resolving[R]) count() {
	r.calls++
	if r.called != nil {
		r.called()
	}
}

// same fails the test when the other result differs.
func (r *Resolved) same(tb testing.TB, other *Resolved, how string) {
	tb.Helper()
	if got, want := fmt.Sprint(other.Events, other.Merges), fmt.Sprint(r.Events, r.Merges); got != want {
		tb.Fatalf("%s: events and merges are\n%s\nnot\n%s", how, got, want)
	}
	r.Result.same(tb, other.Result, how)
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
