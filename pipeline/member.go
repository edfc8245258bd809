package pipeline

import "touchstream/pipeline/event"

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
	// arrived are the rows by shard that are handed over on arrival.
	arrived [][]event.Row
	counts  *OperatorCounts
}

// buffer is a reorder buffer per shard.
type buffer struct {
	bufferKey
	want   event.Want
	queues []*reorder
	rows   [][]event.Row // released, by shard
	views  *viewTable
	cap    int // rows in all queues
	// floor is where a full buffer has moved the watermark to.
	floor int64
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
		if a, ok := f.resolver.(Addresser); ok {
			turn.Address = a.Address
		}
		m.turns, m.units = append(m.turns, turn), append(m.units, Units{})
	}
	m.arrived = make([][]event.Row, f.cfg.Shards)
	f.members = append(f.members, m)
}

func (f *fold) bufferFor(s Spec) int {
	k := bufferKey{s.Key, s.Domain}
	for i, b := range f.buffers {
		if b.bufferKey == k {
			b.want = b.want.Or(s.Needs)
			return i
		}
	}
	f.buffers = append(f.buffers, &buffer{bufferKey: k, want: s.Needs, views: newViewTable()})
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
			b.queues = append(b.queues, newReorder(empty, b.views))
		}
		b.rows = make([][]event.Row, f.cfg.Shards)
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
