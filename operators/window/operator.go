package window

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"sync"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/filter"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// noItem stands for the event itself.
const noItem = pipeline.NoItem

// Env is what windows take from the rest of the configuration.
type Env struct {
	Hasher          *event.Hasher
	Shards          int
	AllowedLateness int64 // time.allowed_lateness, ms
}

// Operator is one configured window.
type Operator struct {
	plan   *plan
	env    Env
	limit  int // windows in a shard
	judges sync.Pool
}

// New makes the operator of a window. The configuration must be one that
// Declare found no fault with; otherwise the error names all faults.
func New(c Config, env Env) (*Operator, error) {
	p, faults := newPlan(&c)
	var errs []error
	for _, f := range faults {
		errs = append(errs, fmt.Errorf("windows.%s.%s: %s", c.Name, f.key, f.message))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	limit := c.MaxWindows
	if limit <= 0 {
		limit = 5_000_000
	}
	o := &Operator{plan: p, env: env, limit: int(max(1, limit/int64(max(1, env.Shards))))}
	o.judges.New = func() any { return newJudge(p) }
	return o, nil
}

// Name is the window's name in metrics.
func (o *Operator) Name() string { return o.plan.table.Name }

// Spec declares what the window needs and leaves.
func (o *Operator) Spec() pipeline.Spec {
	return pipeline.Spec{Key: pipeline.ByOwn, Order: pipeline.Arrival, Needs: o.plan.wants, Tables: []*schema.Table{o.plan.table}}
}

// judge finds out whether a late row would count.
type judge struct {
	grid  grid
	route *route
	units pipeline.Units
	row   [1]uint32
}

func newJudge(p *plan) *judge { return &judge{grid: p.grid, route: newRoute(p, nil)} }

// Takes reports whether a window that the row is in still takes it and the
// condition holds.
func (o *Operator) Takes(b *event.Batch, row int) bool {
	j := o.judges.Get().(*judge)
	defer o.judges.Put(j)
	t := b.Time(row)
	if o.plan.isSession {
		if add(t, o.plan.gap+o.env.AllowedLateness) < b.Limit[row] {
			return false
		}
	} else {
		_, last := j.grid.windowsOf(j.grid.paneOf(t))
		if _, end := j.grid.bounds(last); add(end, o.env.AllowedLateness) < b.Limit[row] {
			return false
		}
	}
	j.row[0] = uint32(row)
	j.units.Reset()
	j.route.Route(b, j.row[:], &j.units)
	return len(j.units.Row) > 0
}

// NewRoute makes a route.
func (o *Operator) NewRoute() pipeline.Route { return newRoute(o.plan, o.env.Hasher) }

// NewShard makes the state of a shard.
func (o *Operator) NewShard(shard int) pipeline.Shard {
	base := base{
		plan: o.plan, lateness: o.env.AllowedLateness, limit: o.limit,
		store: newStore(o.plan, o.env.Hasher), timers: flat.NewTimers(), expiry: flat.NewTimers(),
		groups: flat.NewTable[group](0, uint64(shard)),
	}
	base.units.generation = 1
	if o.plan.isSession {
		return &sessionShard{base: base, sessions: flat.NewSlab[session]()}
	}
	return &alignedShard{
		base: base, grid: o.plan.grid,
		panes:   flat.NewTable[pane](0, uint64(shard)+1),
		windows: flat.NewTable[window](0, uint64(shard)+2),
	}
}

// route filters rows or items and finds their keys.
type route struct {
	plan   *plan
	hasher *event.Hasher // nil: keys are not needed
	eval   *filter.Eval
	single event.Hash // of a window without a key
	// isPlain: the key is one text column of whole events, which need not be
	// copied to be compared.
	isPlain bool
	// byName are the hashes of canonical event names, zero until they are met
	// and always when the key is another one. isEvent: the key is the name, which
	// the code of a canonical one tells without a look at the text.
	byName  [event.NumNames]event.Hash
	isEvent bool

	row, item, kept []uint32
	key             []byte
	memo            [memoSize]memo
	// lastText is where the last plain key stands in the arena of the batch at
	// hand, lastHash its hash: texts that recur stand in one place.
	lastText event.Str
	lastHash event.Hash
}

// memo remembers the hash of a key, so that keys that come again and again are
// compared instead of hashed.
type memo struct {
	key  []byte
	hash event.Hash
}

const memoSize = 256

func newRoute(p *plan, h *event.Hasher) *route {
	r := &route{plan: p, hasher: h}
	if p.filter != nil {
		r.eval = p.filter.NewEval()
	}
	if h != nil {
		r.single = h.Sum(event.TagText, nil)
	}
	r.isPlain = !p.items && len(p.keys) == 1 && p.keys[0].kind == event.Text && p.keys[0].source == fromColumn
	r.isEvent = len(p.keys) == 1 && p.keys[0].source == fromColumn && p.keys[0].column == event.Event
	return r
}

// Route appends the units of the rows that count.
func (r *route) Route(b *event.Batch, rows []uint32, out *pipeline.Units) {
	r.lastText = event.Str{}
	if r.plan.items {
		r.routeItems(b, rows, out)
		return
	}
	if r.eval != nil {
		before := r.eval.Errors()
		r.kept = r.eval.Rows(b, rows, r.kept[:0])
		out.Errors += r.eval.Errors() - before
		rows = r.kept
	}
	n := len(out.Row)
	out.Row = append(out.Row, rows...)
	out.Item = slices.Grow(out.Item, len(rows))[:n+len(rows)]
	out.Key = slices.Grow(out.Key, len(rows))[:n+len(rows)]
	for i := range out.Item[n:] {
		out.Item[n+i] = noItem
	}
	for i, row := range rows {
		out.Key[n+i] = r.hash(b, row, noItem)
	}
}

func (r *route) routeItems(b *event.Batch, rows []uint32, out *pipeline.Units) {
	r.row, r.item = r.row[:0], r.item[:0]
	for _, row := range rows {
		first, n := b.Head[row].ItemFirst, b.Head[row].ItemCount
		if n == 0 {
			r.row, r.item = append(r.row, row), append(r.item, noItem)
		}
		for i := first; i < first+n; i++ {
			r.row, r.item = append(r.row, row), append(r.item, i)
		}
	}
	if r.eval == nil {
		for i, row := range r.row {
			out.Add(row, r.item[i], r.hash(b, row, r.item[i]))
		}
		return
	}
	before := r.eval.Errors()
	r.kept = r.eval.Units(b, r.row, r.item, r.kept[:0])
	out.Errors += r.eval.Errors() - before
	for _, i := range r.kept {
		out.Add(r.row[i], r.item[i], r.hash(b, r.row[i], r.item[i]))
	}
}

// hash is the hash of a unit's key.
func (r *route) hash(b *event.Batch, row, item uint32) event.Hash {
	if h := &r.byName[b.Name[row]]; h.Lo != 0 {
		return *h
	}
	return r.hashText(b, row, item)
}

// hashText is the hash of the texts and numbers of a key.
func (r *route) hashText(b *event.Batch, row, item uint32) event.Hash {
	if len(r.plan.keys) == 0 || r.hasher == nil {
		return r.single
	}
	if r.isPlain {
		return r.hashPlain(b, row)
	}
	r.key = appendKey(r.key[:0], r.plan.keys, b, row, item)
	return r.remembered(b, row, item, r.key)
}

// hashPlain is the hash of a key that is one text.
func (r *route) hashPlain(b *event.Batch, row uint32) event.Hash {
	col := b.Str[r.plan.keys[0].column]
	if col == nil {
		return r.remembered(b, row, noItem, nil)
	}
	if s := col[row]; s.Len == 0 || s != r.lastText {
		r.lastText, r.lastHash = s, r.remembered(b, row, noItem, b.Bytes(s))
	}
	return r.lastHash
}

// remembered is the hash of a unit's key, of which text tells it from others.
func (r *route) remembered(b *event.Batch, row, item uint32, text []byte) event.Hash {
	m := &r.memo[quick(text)%memoSize]
	if m.hash.IsZero() || string(m.key) != string(text) {
		m.key = append(m.key[:0], text...)
		r.key = appendKey(r.key[:0], r.plan.keys, b, row, item)
		m.hash = r.hasher.Sum(event.TagText, r.key)
	}
	if r.isEvent && b.Name[row] != event.Custom {
		r.byName[b.Name[row]] = m.hash
	}
	return m.hash
}

// quick spreads keys over the memo.
func quick(key []byte) uint64 {
	h := uint64(len(key))
	for ; len(key) >= 8; key = key[8:] {
		h = (h ^ binary.LittleEndian.Uint64(key)) * 0x9e3779b97f4a7c15
		h ^= h >> 29
	}
	for _, c := range key {
		h = (h ^ uint64(c)) * 0x100000001b3
	}
	return h ^ h>>32
}
