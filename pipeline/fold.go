package pipeline

import (
	"time"

	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// bufferKey identifies a reorder buffer: operators of one key and one domain
// share it.
type bufferKey struct {
	key    Key
	domain Domain
}

// member is an operator as the fold sees it.
type member struct {
	op     Operator
	name   string
	spec   Spec
	router int // index among routers, -1
	buffer int // index into fold.buffers, -1
	// mark is what rows are measured against at the step's start: the watermark
	// of the domain, or where a full buffer has moved it to.
	mark   int64
	shards []Shard
	turns  []*Turn
	units  []Units // of a router, lent to its shards
	counts *OperatorCounts
}

// buffer is a reorder buffer per shard.
type buffer struct {
	bufferKey
	want   event.Want
	queues []*reorder
	rows   [][]uint32 // released, by shard
	cap    int        // rows in all queues
	// floor is where a full buffer has moved the watermark to.
	floor int64
}

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
}

func newFold(cfg *Config, status *Status) *fold {
	f := &fold{cfg: cfg, status: status, resolver: cfg.Resolver, homes: homes{}, guests: map[event.Hash][]event.Hash{}, due: make([][]join, cfg.Shards), before: [2]int64{beginOfTime, beginOfTime}}
	for _, op := range cfg.Operators {
		f.addMember(op)
	}
	f.size()
	for range max(1, cfg.Lanes) {
		f.routings = append(f.routings, f.newRouting())
	}
	f.laneBusy = make([]float64, max(1, cfg.Lanes))
	if f.resolver != nil {
		f.resolved = NewTurn(cfg.Hasher, f.resolver.Spec().Tables)
	}
	f.admitter = newAdmitter(cfg, status, f.members)
	return f
}

func (f *fold) addMember(op Operator) {
	m := &member{op: op, name: op.Name(), spec: op.Spec(), router: -1, buffer: -1, counts: f.status.Operator(op.Name())}
	if _, ok := op.(Router); ok {
		m.router = 0
		for _, o := range f.members {
			if o.router >= 0 {
				m.router++
			}
		}
	}
	if m.spec.Order == InTime {
		m.buffer = f.bufferFor(m.spec)
	}
	for s := range f.cfg.Shards {
		m.shards = append(m.shards, op.NewShard(s))
		turn := NewTurn(f.cfg.Hasher, m.spec.Tables)
		if a, ok := f.cfg.Resolver.(Addresser); ok {
			turn.Address = a.Address
		}
		m.turns, m.units = append(m.turns, turn), append(m.units, Units{})
	}
	f.members = append(f.members, m)
}

// Addresser is a Resolver that knows the raw identifiers by which a profile
// can be addressed. It is read while lanes fold.
type Addresser interface {
	Address(profile event.Hash) (user, loyalty, device []byte)
}

func (f *fold) bufferFor(s Spec) int {
	k := bufferKey{s.Key, s.Domain}
	for i, b := range f.buffers {
		if b.bufferKey == k {
			b.want = b.want.Or(s.Needs)
			return i
		}
	}
	f.buffers = append(f.buffers, &buffer{bufferKey: k, want: s.Needs})
	return len(f.buffers) - 1
}

// bufferRowsMin is the smallest bound of a reorder buffer.
const bufferRowsMin = 1024

// size makes the buffers' queues once all operators have said what they need.
func (f *fold) size() {
	for _, b := range f.buffers {
		b.want.Columns = b.want.Columns.Or(event.SetOf(event.Event, event.EventTime, event.MessageID))
		b.cap, b.floor = max(bufferRowsMin, f.cfg.BufferRows/len(f.buffers)), beginOfTime
		empty := &emptyBatches{want: b.want}
		for range f.cfg.Shards {
			b.queues = append(b.queues, newReorder(empty))
		}
		b.rows = make([][]uint32, f.cfg.Shards)
	}
}

func (f *fold) newRouting() *routing {
	r := &routing{shards: f.cfg.Shards, hasher: f.cfg.Hasher, homes: f.homes}
	for _, m := range f.members {
		switch m.spec.Key {
		case ByDevice:
			r.inUse[deviceKey] = true
		case ByProfile:
			r.inUse[profileKey] = true
		case ByVenue:
			r.inUse[venueKey] = true
		}
		if router, ok := m.op.(Router); ok {
			r.routes = append(r.routes, router.NewRoute())
		}
	}
	return r
}

func (k Key) rowKey() rowKey {
	switch k {
	case ByProfile:
		return profileKey
	case ByVenue:
		return venueKey
	}
	return deviceKey
}

// step folds one step and leaves its rows in the parcel.
func (f *fold) step(s *step, out *parcel) StepInfo {
	from := time.Now()
	f.setMarks()
	f.admitter.admit(s, f.before)
	f.resolve(s, out)
	inParallel(len(f.routings), len(s.pieces), func(_, i int) { f.admitter.judge(s.pieces[i]) })
	if rows := out.rows[Events]; rows != nil {
		for _, p := range s.pieces {
			writeEvents(rows, p, s.origins)
		}
	}
	for _, p := range s.pieces {
		f.admitter.dropLate(p)
	}
	f.beginTurns(s)
	f.merge()
	inParallel(len(f.routings), len(s.pieces), func(worker, i int) { f.routings[worker].route(s.pieces[i]) })
	clear(f.laneBusy)
	lanes := len(f.laneBusy)
	f.inLanes(lanes, func(part int) { f.fill(s, part*f.cfg.Shards/lanes, (part+1)*f.cfg.Shards/lanes) })
	f.relieve()
	f.inLanes(f.cfg.Shards, func(shard int) { f.lane(s, shard) })
	f.settle()
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
		appendRows(out, t.Out(i))
	}
	appendRows(out, t.triggers)
	c := f.status.Operator("identity")
	c.Entries.Store(int64(f.resolver.Entries()))
	c.Bytes.Store(int64(f.resolver.Bytes()))
	c.add(&t.Count)
}

func appendRows(out *parcel, rows *schema.Rows) {
	if to := out.rows[rows.Table]; to != nil && rows.N > 0 {
		to.Append(rows)
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

// inLanes calls work for 0..n-1 in parallel.
func (f *fold) inLanes(n int, work func(i int)) {
	inParallel(len(f.laneBusy), n, func(lane, i int) {
		start := time.Now()
		work(i)
		f.laneBusy[lane] += time.Since(start).Seconds()
	})
}

// fill puts the step's rows of some shards into the reorder buffers and takes
// out what the watermark has passed. It goes piece by piece: a shard's rows lie
// scattered over the columns of a piece, and while these are in the processor's
// cache they serve all shards.
func (f *fold) fill(s *step, from, to int) {
	for _, b := range f.buffers {
		for i, p := range s.pieces {
			rows, isLast := &p.byKey[b.key.rowKey()], i+1 == len(s.pieces) || s.pieces[i+1].part != p.part
			for shard := from; shard < to; shard++ {
				q := b.queues[shard]
				q.insert(p.batch, rows.of(shard), max(f.before[b.domain], b.floor))
				if isLast {
					q.seal()
				}
			}
		}
		for shard := from; shard < to; shard++ {
			b.queues[shard].take(s.watermarks[b.domain])
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

// lane runs one shard's operators over the step.
func (f *fold) lane(s *step, shard int) {
	for _, b := range f.buffers {
		b.rows[shard] = b.queues[shard].release(b.rows[shard])
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
			m.foldRows(t, shard, b.queues[shard].slab, b.rows[shard], f.due[shard])
		default:
			for _, p := range s.pieces {
				if rows := p.byKey[m.spec.Key.rowKey()].of(shard); len(rows) > 0 {
					m.shards[shard].Fold(t, p.batch, rows)
				}
			}
		}
		m.shards[shard].Advance(t)
	}
	for _, b := range f.buffers {
		b.queues[shard].recycle(b.rows[shard])
	}
}

// collect gathers the shards' rows in shard order.
func (f *fold) collect(s *step, out *parcel) {
	for _, p := range s.pieces {
		appendRows(out, p.dead)
	}
	for _, m := range f.members {
		entries, bytes := 0, 0
		for shard, t := range m.turns {
			for _, rows := range t.outs {
				appendRows(out, rows)
			}
			appendRows(out, t.triggers)
			m.counts.add(&t.Count)
			entries += m.shards[shard].Entries()
			bytes += m.shards[shard].Bytes()
		}
		if m.router >= 0 {
			for _, p := range s.pieces {
				m.counts.Errors.Add(p.units[m.router].Errors)
			}
		}
		m.counts.Entries.Store(int64(entries))
		m.counts.Bytes.Store(int64(bytes))
	}
	waiting := 0
	for _, b := range f.buffers {
		for _, q := range b.queues {
			waiting += q.held
		}
	}
	f.status.Buffered.Store(int64(waiting))
	f.status.countStep(s, out)
}

func (c *OperatorCounts) add(n *Counts) {
	c.Evicted.Add(n.Evicted)
	c.Revisions.Add(n.Revisions)
	c.Unknown.Add(n.Unknown)
	c.Ignored.Add(n.Ignored)
	c.Late.Add(n.Late)
}

func (s *Status) countStep(x *step, out *parcel) {
	s.Steps.Add(1)
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

// String names a key in plans.
func (k Key) String() string {
	return [...]string{"device", "profile", "venue", "own key"}[k]
}
