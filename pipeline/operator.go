package pipeline

import (
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
	"touchstream/pipeline/schema"
)

// Key says which shard an operator's rows go to.
type Key uint8

const (
	// ByDevice routes by the session key; rows without one are not handed over.
	ByDevice Key = iota
	// ByProfile routes by the profile; rows without one go by order id, else message.
	ByProfile
	// ByVenue routes by the store; rows without store, zone and sensor are not
	// handed over, those without a store are together. Config.Place
	// fills it for rows whose sensor or zone implies a store.
	ByVenue
	// ByOwn leaves routing to the operator, a Router.
	ByOwn
)

// String names a key in plans.
func (k Key) String() string {
	return [...]string{"device", "profile", "venue", "own key"}[k]
}

// Order says how an operator receives rows.
type Order uint8

const (
	// Arrival hands rows over in log order, at once.
	Arrival Order = iota
	// InTime hands rows over sorted by (effective time, late first, event time,
	// rank, message id), once the operator's watermark has passed the effective time.
	InTime
)

// Domain is the set of sources whose watermarks count.
type Domain uint8

const (
	// AllSources are the sources that are not advisory.
	AllSources Domain = iota
	// CrowdSources are the sources named in crowd's from; none named: those that
	// have delivered sightings.
	CrowdSources
)

// Spec declares what an operator needs and leaves.
type Spec struct {
	Key    Key
	Order  Order
	Domain Domain
	Needs  event.Want
	// Tables are the tables of its rows; Turn.Out takes their index. The
	// triggers table is always at hand through Turn.Trigger.
	Tables []*schema.Table
}

// An Operator makes one Shard for each shard of the state.
type Operator interface {
	// Name is the operator's name in the configuration and in metrics.
	Name() string
	Spec() Spec
	// Takes reports whether the operator would fold the late row. It depends
	// on the row and its Mark alone.
	Takes(b *event.Batch, row int) bool
	// NewShard makes the state of one shard.
	NewShard(shard int) Shard
}

// A Shard folds its rows, single-threaded. Batches and row lists are lent for
// the call; rows that follow one another may be of different batches.
type Shard interface {
	// Fold takes rows. An InTime shard fires each timer whose due is smaller
	// than the effective time of the next row before that row; rows are Late
	// when IsLate says so. An Arrival shard folds in log order.
	Fold(t *Turn, rows []event.Row)
	// Advance tells that the watermark is t.Watermark now: timers with a
	// smaller due fire.
	Advance(t *Turn)
	// State lists all that outlives a step, always in the same order: what a
	// snapshot saves between two steps, and what a fresh shard of the same number
	// and configuration loads to go on as this one would. Whatever could make a
	// later row differ belongs to it; what is empty or of no meaning once Advance
	// has returned does not.
	State(p *flat.Parts)
	// Entries and Bytes measure the state.
	Entries() int
	Bytes() int
}

// A Merger is a Shard of an operator keyed by profile. Merge moves what the
// shard from holds of the profile old to the profile current of the receiver.
// The two take place in time order: rows and timers before t.Watermark have been
// folded. With another shard the profile only moves there under its own name,
// old and current being the same, and no row may change.
type Merger interface {
	Merge(t *Turn, from Shard, old, current event.Hash)
}

// Units are what a Router makes of rows: (row, item) pairs with a key. Item is
// NoItem for whole events.
type Units struct {
	Row, Item []uint32
	Key       []event.Hash
	// Errors counts rows on which a condition failed while it ran.
	Errors int64
}

// NoItem stands for the event itself.
const NoItem = ^uint32(0)

// Reset empties the units and keeps their memory.
func (u *Units) Reset() { u.Row, u.Item, u.Key, u.Errors = u.Row[:0], u.Item[:0], u.Key[:0], 0 }

// Add appends a unit.
func (u *Units) Add(row, item uint32, key event.Hash) {
	u.Row, u.Item, u.Key = append(u.Row, row), append(u.Item, item), append(u.Key, key)
}

// A Router is an operator with a key of its own. NewRoute makes one route for
// each decoding worker.
type Router interface {
	Operator
	NewRoute() Route
}

// A Route filters rows and finds their keys. It is pure.
type Route interface {
	Route(b *event.Batch, rows []uint32, out *Units)
}

// A UnitShard is the Shard of a Router; Fold is not called.
type UnitShard interface {
	Shard
	FoldUnits(t *Turn, b *event.Batch, u *Units)
}

// Merge says that a profile joined another one, at the effective time of the
// event that linked them.
type Merge struct {
	Old, Current event.Hash
	At           int64
}

// A Resolver finds the profile of every row. It runs alone, in log order.
type Resolver interface {
	Spec() Spec
	// Resolve sets b.Profile of the rows and returns the merges in order.
	Resolve(t *Turn, b *event.Batch, rows []uint32, merges []Merge) []Merge
	// Advance lets old entries go.
	Advance(t *Turn)
	// State lists all that outlives a call, as that of a Shard does.
	State(p *flat.Parts)
	Entries() int
	Bytes() int
}

// Addresser is a Resolver that knows the raw identifiers by which a profile
// can be addressed. It is read while lanes fold.
type Addresser interface {
	Address(profile event.Hash) (user, loyalty, device []byte)
}
