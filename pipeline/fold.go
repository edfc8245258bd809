package pipeline

import (
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// fold is the part of the pipeline that changes state. It runs steps one after
// another; within a step lanes fold shards in parallel.
type fold struct {
	cfg      *Config
	status   *Status
	members  []*member
	buffers  []*buffer
	routings []*routing
	admitter *admitter
	resolver Resolver
	resolved *Turn
	merges   []Merge
	homes    homes
	guests   map[event.Hash][]event.Hash // homes the other way round, in the order of the log
	joins    int64                       // merges so far
	due      [][]join                    // by shard, those of the step
	before   [2]int64
	laneBusy []float64
	desks    []desk // by lane
	digester *digester
	// done are pieces that are needed no more.
	done []*piece
	outs []*schema.Rows // scratch: a table of all shards
}

func newFold(cfg *Config, status *Status) *fold {
	f := &fold{cfg: cfg, status: status, homes: homes{}, guests: map[event.Hash][]event.Hash{}, due: make([][]join, cfg.Shards), before: [2]int64{beginOfTime, beginOfTime}}
	if cfg.NewResolver != nil {
		f.resolver = cfg.NewResolver()
	}
	for _, op := range cfg.Operators {
		f.addMember(op)
	}
	f.size()
	for range max(1, cfg.Lanes) {
		f.routings = append(f.routings, f.newRouting())
	}
	f.laneBusy, f.desks = make([]float64, max(1, cfg.Lanes)), make([]desk, max(1, cfg.Lanes))
	for i := range f.desks {
		f.desks[i].rows = make([][]event.Row, len(f.buffers))
	}
	if f.resolver != nil {
		f.resolved = NewTurn(cfg.Hasher, f.resolver.Spec().Tables)
	}
	f.admitter = newAdmitter(cfg, status, f.members)
	f.digester = newDigester(cfg)
	return f
}

// step folds one step and leaves its rows in the parcel.
func (f *fold) step(s *step, out *parcel) StepInfo {
	from := time.Now()
	f.digester.begin()
	f.setMarks()
	f.admitter.admit(s, f.before)
	f.resolve(s, out)
	inParallel(len(f.routings), len(s.pieces), func(_, i int) { f.admitter.judge(s.pieces[i]) })
	if rows := out.rows[Events]; rows != nil {
		for _, p := range s.pieces {
			writeEvents(rows, p, s.origins)
		}
		f.digester.add(noShardDigest, rows)
	}
	for _, p := range s.pieces {
		f.admitter.dropLate(p)
	}
	f.beginTurns(s)
	f.merge()
	inParallel(len(f.routings), len(s.pieces), func(worker, i int) { f.routings[worker].route(s.pieces[i]) })
	clear(f.laneBusy)
	lanes := len(f.laneBusy)
	f.view(s)
	f.inLanes(lanes, func(lane, part int) { f.fill(s, lane, part*f.cfg.Shards/lanes, (part+1)*f.cfg.Shards/lanes) })
	f.relieve()
	f.inLanes(f.cfg.Shards, func(lane, shard int) { f.lane(s, lane, shard) })
	f.settle()
	f.tidy(s)
	f.collect(s, out)
	f.before = s.watermarks
	return StepInfo{Records: s.records, Seconds: time.Since(from).Seconds(), LaneBusy: f.laneBusy, Watermark: s.watermarks[AllSources]}
}

func (f *fold) setMarks() {
	for _, m := range f.members {
		m.mark = f.before[m.spec.Domain]
		if m.buffer >= 0 {
			m.mark = max(m.mark, f.buffers[m.buffer].floor)
		}
	}
	f.admitter.begin()
}

// resolve finds the profiles of all rows.
func (f *fold) resolve(s *step, out *parcel) {
	f.merges = f.merges[:0]
	if f.resolver == nil {
		return
	}
	t := f.resolved
	t.Reset()
	t.Step, t.Before, t.Watermark, t.Origins = s.number, f.before[AllSources], s.watermarks[AllSources], s.origins
	for _, p := range s.pieces {
		f.merges = f.resolver.Resolve(t, p.batch, p.rows, f.merges)
	}
	f.resolver.Advance(t)
	tables := f.resolver.Spec().Tables
	for i := range tables {
		f.emit(out, noShardDigest, t.Out(i))
	}
	f.emit(out, noShardDigest, t.triggers)
	f.status.Operator("identity").add(&t.Count)
}

// emit leaves rows of a shard for the sinks.
func (f *fold) emit(out *parcel, shard int, rows *schema.Rows) {
	if to := out.rows[rows.Table]; to != nil && rows.N > 0 {
		f.digester.add(shard, rows)
		to.Append(rows)
	}
}

// emitShards leaves one table of a member for the sinks, in shard order.
func (f *fold) emitShards(out *parcel, m *member, of func(*Turn) *schema.Rows) {
	f.outs = f.outs[:0]
	for _, t := range m.turns {
		f.outs = append(f.outs, of(t))
	}
	if to := out.rows[f.outs[0].Table]; to != nil {
		to.Reserve(f.outs)
	}
	for shard, rows := range f.outs {
		f.emit(out, shard, rows)
	}
}

func (f *fold) beginTurns(s *step) {
	for _, m := range f.members {
		for _, t := range m.turns {
			t.Reset()
			t.Step, t.Origins = s.number, s.origins
			t.Before, t.Watermark = f.before[m.spec.Domain], s.watermarks[m.spec.Domain]
		}
	}
}

// inLanes calls work for 0..n-1 in parallel and tells it the lane.
func (f *fold) inLanes(n int, work func(lane, i int)) {
	inParallel(len(f.laneBusy), n, func(lane, i int) {
		start := time.Now()
		work(lane, i)
		f.laneBusy[lane] += time.Since(start).Seconds()
	})
}

// fill lets the rows of some shards that have waited until the step's watermark
// go, and those of the step that need not wait; the others go into the reorder
// buffers. It goes piece by piece: a shard's rows lie scattered over the columns
// of a piece, and while these are in the processor's cache they serve all
// shards.
func (f *fold) fill(s *step, lane, from, to int) {
	for _, b := range f.buffers {
		watermark := s.watermarks[b.domain]
		for shard := from; shard < to; shard++ {
			b.queues[shard].sorter = &f.desks[lane].sorter
			b.queues[shard].take(watermark)
		}
		for i, p := range s.pieces {
			v, rows := b.views.step[i], &p.byKey[b.key.rowKey()]
			isLast := i+1 == len(s.pieces) || s.pieces[i+1].part != p.part
			for shard := from; shard < to; shard++ {
				q := b.queues[shard]
				q.insert(v, rows.of(shard), watermark)
				if isLast {
					q.seal()
				}
			}
		}
		if b.views.isFull {
			for shard := from; shard < to; shard++ {
				b.queues[shard].take(watermark)
			}
		}
	}
}

// relieve lets the oldest rows of full buffers go on early: the watermark of
// their operators moves there.
func (f *fold) relieve() {
	for _, b := range f.buffers {
		held := 0
		for _, q := range b.queues {
			held += q.held
		}
		if held <= b.cap {
			continue
		}
		b.floor = max(b.floor, cutoff(b.queues, b.cap*3/4))
		for _, q := range b.queues {
			before := q.held
			q.take(b.floor)
			f.status.EarlyReleased.Add(int64(before - q.held))
		}
		f.status.holdsMany(b.cap)
	}
}

// desk is memory that the shards of a lane use one after another: so it stays in
// the processor's cache.
type desk struct {
	sorter keySorter
	rows   [][]event.Row // released, by reorder buffer
}

// lane runs one shard's operators over the step.
func (f *fold) lane(s *step, lane, shard int) {
	desk := &f.desks[lane]
	for i, b := range f.buffers {
		b.queues[shard].sorter = &desk.sorter
		b.rows[shard] = b.queues[shard].release(desk.rows[i])
		if b.key == ByProfile {
			f.joinRows(b, shard, max(s.watermarks[b.domain], b.floor))
		}
	}
	for _, m := range f.members {
		t := m.turns[shard]
		switch {
		case m.router >= 0:
			fold := m.shards[shard].(UnitShard)
			for _, p := range s.pieces {
				u := &m.units[shard]
				if *u = p.unitsOf(m.router, shard); len(u.Row) > 0 {
					fold.FoldUnits(t, p.batch, u)
				}
			}
		case m.buffer >= 0:
			b := f.buffers[m.buffer]
			t.Before, t.Watermark = max(t.Before, b.floor), max(t.Watermark, b.floor)
			m.foldRows(t, shard, b.rows[shard], f.due[shard])
		default:
			for _, p := range s.pieces {
				m.arrived[shard] = event.AppendRows(m.arrived[shard], p.batch, p.byKey[m.spec.Key.rowKey()].of(shard))
			}
			if rows := m.arrived[shard]; len(rows) > 0 {
				m.shards[shard].Fold(t, rows)
				m.arrived[shard] = rows[:0]
			}
		}
		m.shards[shard].Advance(t)
	}
	for i, b := range f.buffers {
		desk.rows[i], b.rows[shard] = b.rows[shard][:0], nil
		b.queues[shard].recycle()
	}
}

// collect gathers the shards' rows in shard order.
func (f *fold) collect(s *step, out *parcel) {
	for _, p := range s.pieces {
		f.emit(out, noShardDigest, p.dead)
	}
	for _, m := range f.members {
		for table := range m.turns[0].outs {
			f.emitShards(out, m, func(t *Turn) *schema.Rows { return t.outs[table] })
		}
		f.emitShards(out, m, func(t *Turn) *schema.Rows { return t.triggers })
		for _, t := range m.turns {
			m.counts.add(&t.Count)
		}
		if m.router >= 0 {
			for _, p := range s.pieces {
				m.counts.Errors.Add(p.units[m.router].Errors)
			}
		}
	}
	f.measure()
	out.digest = f.digester.digest()
	f.status.countStep(s, out)
}

// measure tells how large the state is.
func (f *fold) measure() {
	for _, m := range f.members {
		entries, bytes := 0, 0
		for _, shard := range m.shards {
			entries += shard.Entries()
			bytes += shard.Bytes()
		}
		m.counts.Entries.Store(int64(entries))
		m.counts.Bytes.Store(int64(bytes))
	}
	if f.resolver != nil {
		c := f.status.Operator("identity")
		c.Entries.Store(int64(f.resolver.Entries()))
		c.Bytes.Store(int64(f.resolver.Bytes()))
	}
	if f.admitter.seen != nil {
		f.admitter.measure()
	}
	waiting := 0
	for _, b := range f.buffers {
		for _, q := range b.queues {
			waiting += q.held
		}
	}
	f.status.Buffered.Store(int64(waiting))
}
