package pipetest

import (
	"math"
	"slices"
	"sync"
	"testing"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
)

// Options say how a log is fed.
type Options struct {
	// Lag is the out-of-orderness, ms.
	Lag int64
	// Step is the number of events of a step; 0: all at once. Merges start a
	// step anyway.
	Step int
	// Shards is the number of shards, at least 1.
	Shards int
	// Open leaves the watermark where the last event brought it instead of
	// moving it to the end of time.
	Open bool
	// Loose does not check that revisions rise one by one: two profiles may know
	// of one fact until they merge.
	Loose bool
	// Restore is the step after which fresh shards go on from a snapshot; 0:
	// some steps by the log, Never: none. Of a resolver calls count, not steps.
	Restore int64
}

// Run feeds the log to the operator and gives what came out. It does so three
// times: without snapshots; with shards in lanes of their own and snapshots
// that are saved while the run goes on; with fresh shards that go on from those
// snapshots. The answer is that of the last, and to the byte that of all.
func Run(tb testing.TB, op pipeline.Operator, l *Log, o Options) *Result {
	tb.Helper()
	plain := newRunner(op, l, o)
	want := plain.run(tb, l, o)
	if o.Restore == Never {
		return want
	}
	snaps := newSnapshots(l, o.Restore, plain.steps)
	r := newRunner(op, l, o)
	r.inLanes = true
	r.stepped = func() { snaps.take(tb, r.steps, r.states()) }
	got := r.run(tb, l, o)
	snaps.finish(tb)
	want.same(tb, got, "while snapshots are saved")
	r = newRunner(op, l, o)
	r.stepped = func() {
		if snaps.at[r.steps] {
			r.restore(tb, snaps)
		}
	}
	got = r.run(tb, l, o)
	want.same(tb, got, "after restores")
	return got
}

// run feeds the log.
func (r *runner) run(tb testing.TB, l *Log, o Options) *Result {
	tb.Helper()
	step, row := 0, 0
	for _, e := range l.entries {
		switch e.kind {
		case isWatermark:
			r.own = max(r.own, e.at)
		case isMerge:
			r.step(r.own, nil)
			step = 0
			r.step(r.own, []pipeline.Merge{{Old: Profile(e.profile), Current: Profile(e.current)}})
		case isEvent:
			r.route(uint32(row))
			r.own = max(r.own, e.at-o.Lag)
			row++
			if step++; step == o.Step {
				r.step(r.own, nil)
				step = 0
			}
		}
	}
	r.step(r.own, nil)
	if !o.Open {
		r.step(math.MaxInt64, nil)
	}
	return r.result(tb)
}

// runner is a small engine of one operator.
type runner struct {
	op      pipeline.Operator
	spec    pipeline.Spec
	all     *event.Batch
	aim     pipeline.Route
	shards  []*shard
	own     int64
	before  int64
	steps   int64
	merged  map[event.Hash]event.Hash
	profile map[string]string
	loose   bool
	inLanes bool   // shards fold in parallel
	stepped func() // is called after each step; may be nil
}

type shard struct {
	pipeline.Shard
	turn    *pipeline.Turn
	batch   *event.Batch
	pending []uint32
	units   pipeline.Units
	out     []emitted
}

func newRunner(op pipeline.Operator, l *Log, o Options) *runner {
	r := &runner{
		op: op, spec: op.Spec(), all: l.Batch(o.Lag), own: math.MinInt64, before: math.MinInt64,
		merged: map[event.Hash]event.Hash{}, profile: l.profiles(), loose: o.Loose,
	}
	if router, ok := op.(pipeline.Router); ok {
		r.aim = router.NewRoute()
	}
	want := r.spec.Needs
	want.Columns = want.Columns.Or(event.SetOf(event.Event, event.EventTime, event.MessageID))
	for i := range max(o.Shards, 1) {
		r.shards = append(r.shards, &shard{Shard: op.NewShard(i), turn: r.turn(), batch: event.NewBatch(want)})
	}
	return r
}

func (r *runner) turn() *pipeline.Turn {
	t := pipeline.NewTurn(Hasher(), r.spec.Tables)
	t.Origins = []event.Origin{{Source: "log"}}
	return t
}

func (r *runner) states() []stateful {
	var all []stateful
	for _, s := range r.shards {
		all = append(all, s.Shard)
	}
	return all
}

// restore lets fresh shards go on from the snapshot after this step.
func (r *runner) restore(tb testing.TB, snaps *snapshots) {
	tb.Helper()
	for i, s := range r.shards {
		count := s.turn.Count
		s.Shard, s.turn = r.op.NewShard(i), r.turn()
		s.turn.Count = count
		snaps.load(tb, r.steps, i, s.Shard)
	}
}

// route hands a row to its shard.
func (r *runner) route(row uint32) {
	b := r.all
	b.Mark[row] = max(b.Own[row], r.before)
	b.Limit[row] = b.Mark[row]
	b.Profile[row] = r.current(b.Profile[row])
	n := len(r.shards)
	var h event.Hash
	switch r.spec.Key {
	case pipeline.ByDevice:
		if h = b.Head[row].Device; h.IsZero() {
			return
		}
	case pipeline.ByProfile:
		h = b.Profile[row]
		if h.IsZero() {
			h = b.Message[row]
			if order := b.Text(event.OrderID, int(row)); len(order) > 0 {
				h = Hasher().Sum(event.TagOrder, order)
			}
		}
	case pipeline.ByVenue:
		store := b.Text(event.StoreID, int(row))
		if len(store) == 0 {
			return
		}
		h = Hasher().Sum(event.TagText, store)
	case pipeline.ByOwn:
		r.routeUnits(row)
		return
	}
	s := r.shards[h.Shard(n)]
	s.pending = append(s.pending, row)
}

func (r *runner) routeUnits(row uint32) {
	var u pipeline.Units
	r.aim.Route(r.all, []uint32{row}, &u)
	for i := range u.Row {
		s := r.shards[u.Key[i].Shard(len(r.shards))]
		s.units.Add(u.Row[i], u.Item[i], u.Key[i])
	}
}

func (r *runner) current(h event.Hash) event.Hash {
	for {
		to, ok := r.merged[h]
		if !ok {
			return h
		}
		h = to
	}
}

// step applies merges, folds what the watermark has passed and advances.
func (r *runner) step(watermark int64, merges []pipeline.Merge) {
	r.steps++
	for _, s := range r.shards {
		s.turn.Step, s.turn.Before, s.turn.Watermark = r.steps, r.before, watermark
	}
	for _, m := range merges {
		r.merge(m)
	}
	var lanes sync.WaitGroup
	for _, s := range r.shards {
		if r.inLanes {
			lanes.Go(func() { r.lane(s, watermark) })
		} else {
			r.lane(s, watermark)
		}
	}
	lanes.Wait()
	for _, s := range r.shards {
		s.collect(r)
	}
	r.before = watermark
	if r.stepped != nil {
		r.stepped()
	}
}

// lane folds what the watermark has passed of one shard.
func (r *runner) lane(s *shard, watermark int64) {
	switch us, ok := s.Shard.(pipeline.UnitShard); {
	case ok:
		if len(s.units.Row) > 0 {
			us.FoldUnits(s.turn, r.all, &s.units)
		}
		s.units.Reset()
	default:
		s.fold(r.all, r.release(s, watermark))
	}
	s.Advance(s.turn)
}

func (r *runner) merge(m pipeline.Merge) {
	r.merged[m.Old] = m.Current
	n := len(r.shards)
	from, to := r.shards[m.Old.Shard(n)], r.shards[m.Current.Shard(n)]
	if merger, ok := to.Shard.(pipeline.Merger); ok {
		if from != to {
			merger.Merge(to.turn, from.Shard, m.Old, m.Old) // moves
		}
		merger.Merge(to.turn, to.Shard, m.Old, m.Current)
	}
	if r.spec.Key != pipeline.ByProfile {
		return
	}
	var kept []uint32
	for _, row := range from.pending {
		if r.all.Profile[row] != m.Old {
			kept = append(kept, row)
			continue
		}
		r.all.Profile[row] = m.Current
		if from == to {
			kept = append(kept, row)
		} else {
			to.pending = append(to.pending, row)
		}
	}
	from.pending = kept
}

// release takes out the rows that the operator may see now, in order.
func (r *runner) release(s *shard, watermark int64) []uint32 {
	if r.spec.Order == pipeline.Arrival {
		rows := s.pending
		s.pending = nil
		return rows
	}
	b := r.all
	var rows, kept []uint32
	for _, row := range s.pending {
		if b.Eff(int(row)) < watermark {
			rows = append(rows, row)
		} else {
			kept = append(kept, row)
		}
	}
	s.pending = kept
	slices.SortFunc(rows, func(x, y uint32) int {
		if ex, ey := b.Eff(int(x)), b.Eff(int(y)); ex != ey {
			if ex < ey {
				return -1
			}
			return 1
		}
		return event.CompareOrder(b, int(x), b, int(y))
	})
	return rows
}

// fold lends the rows in a batch that holds what the operator declared, and
// overwrites it afterwards.
func (s *shard) fold(all *event.Batch, rows []uint32) {
	if len(rows) == 0 {
		return
	}
	b := s.batch
	b.Reset()
	slots := make([]uint32, len(rows))
	for i := range rows {
		slots[i] = uint32(b.Add())
	}
	b.CopyRows(slots, all, rows)
	s.Fold(s.turn, event.AppendRows(nil, b, slots))
	for i := range b.Arena {
		b.Arena[i] = '#'
	}
}
