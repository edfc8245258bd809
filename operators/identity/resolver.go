package identity

import (
	"math"
	"slices"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// Options configure a resolver.
type Options struct {
	MaxLinks       int
	SharedDevices  []string
	MaxIdentifiers int // over it those not seen for longest go
	MaxReferences  int
	// ReferenceKept is how long a reference is remembered after its last
	// mention, ms.
	ReferenceKept int64
	Hasher        *event.Hasher
}

// Resolver is the pipeline's Resolver.
type Resolver struct {
	opts       Options
	idents     *flat.Table[identifier]
	details    *flat.Slab[detail]
	profiles   *flat.Slab[profile]
	ids        *flat.Table[uint32] // profiles by their id
	references *flat.Table[reference]
	arena      *flat.Arena
	aging      *flat.Timers // identifiers by last seen
	expiring   *flat.Timers // references by last mention
	listed     map[event.Hash]bool

	// floor is the highest revision of an evicted identifier: if it comes back,
	// its rows go on above.
	floor uint32

	turn   *pipeline.Turn
	merges []pipeline.Merge
	eff    int64 // effective time of the event at work
	// held is the profile of the event at work: it stays though eviction takes
	// its last identifier or reference.
	held uint32
	// named are the references that any row of the batch names.
	named []event.Column
	block

	scratch []byte
}

// New makes an empty resolver.
func New(opts Options) *Resolver {
	r := &Resolver{
		opts:   opts,
		idents: flat.NewTable[identifier](opts.MaxIdentifiers, 1), details: flat.NewSlab[detail](), profiles: flat.NewSlab[profile](),
		ids: flat.NewTable[uint32](0, 3), references: flat.NewTable[reference](opts.MaxReferences, 2), arena: flat.NewArena(),
		aging: flat.NewTimers(), expiring: flat.NewTimers(), listed: map[event.Hash]bool{},
	}
	for _, d := range opts.SharedDevices {
		r.listed[opts.Hasher.Sum(byte(event.IdentDevice), []byte(d))] = true
		r.listed[opts.Hasher.Sum(byte(event.IdentAnonymous), []byte(d))] = true
	}
	return r
}

// Spec says what the resolver needs and leaves.
func (r *Resolver) Spec() pipeline.Spec {
	return pipeline.Spec{
		Needs: event.Want{Columns: event.SetOf(event.MessageID, event.UserID, event.LoyaltyID, event.Email, event.Phone,
			event.PaymentToken, event.AnonymousID, event.DeviceID, event.OrderID, event.CallID, event.CaseID, event.ShipmentID)},
		Tables: Tables(),
	}
}

// Entries is the number of identifiers.
func (r *Resolver) Entries() int { return r.idents.Len() }

// Bytes is the memory of the state.
func (r *Resolver) Bytes() int {
	return r.idents.Bytes() + r.details.Bytes() + r.profiles.Bytes() + r.references.Bytes() + r.arena.Bytes() + r.aging.Bytes() + r.expiring.Bytes()
}

// Resolve finds the profiles of the rows, in log order.
func (r *Resolver) Resolve(t *pipeline.Turn, b *event.Batch, rows []uint32, merges []pipeline.Merge) []pipeline.Merge {
	r.turn, r.merges = t, merges
	r.named = r.named[:0]
	for _, c := range referenceColumns {
		if b.Str[c] != nil && !b.Empty.Has(c) {
			r.named = append(r.named, c)
		}
	}
	for len(rows) > 0 {
		block := rows[:min(len(rows), blockRows)]
		r.find(b, block)
		for i, row := range block {
			r.at = i
			r.row(b, int(row))
		}
		r.nameAll()
		rows = rows[len(block):]
	}
	merges, r.merges = r.merges, nil
	return merges
}

func (r *Resolver) row(b *event.Batch, row int) {
	r.eff = b.Eff(row)
	own := uint32(0)
	if r.carried[r.at] != 0 {
		if own = r.linked(b, row); own == 0 {
			own = r.link(b, row)
		}
		r.held = own
	}
	p := r.refer(b, row, own)
	r.held = 0
	if p == 0 {
		b.Profile[row] = event.Hash{}
		return
	}
	e := r.profiles.At(p)
	if t := b.Time(row); t < e.first {
		r.profiles.Mut(p).first = t
	}
	b.Profile[row] = e.id
	if own != p && own != 0 {
		r.release(own)
	}
	r.release(p)
}

// link finds or makes the profile of the event's identifiers, of which it
// carries some, and links them.
func (r *Resolver) link(b *event.Batch, row int) uint32 {
	r.refresh(b, row)
	base, strongest := r.base(b, row)
	r.held = base
	at, user := b.Time(row), r.user(b, row)
	beside := false // a stronger identifier
	for k := range r.carries {
		if id := r.lookUp(b, row, k); id == 0 {
			r.firstSight(b, row, k, base)
		} else {
			r.seen(id, at)
			if k != event.IdentUser && !user.IsZero() {
				r.countUser(b, row, id, user)
			}
			base = r.join(b, row, id, base, beside)
		}
		beside = true
		r.held = base
	}
	p := base
	if id := r.lookUp(b, row, strongest); id != 0 {
		p = r.idents.At(id).profile
	}
	if r.held = p; base != 0 && base != p {
		r.release(base)
	}
	return p
}

// base finds the profile that the event's identifiers go to, a new one if need
// be, and the identifier whose profile the event belongs to.
func (r *Resolver) base(b *event.Batch, row int) (base uint32, strongest event.Ident) {
	user := r.user(b, row)
	first, onlyShared := true, true
	for k := range r.carries {
		id := r.lookUp(b, row, k)
		shared := id != 0 && r.idents.At(id).shared || id == 0 && r.listed[b.Ident[k][row]]
		if first || onlyShared && !shared {
			strongest = k
		}
		first, onlyShared = false, onlyShared && shared
		if shared || id == 0 || base != 0 {
			continue
		}
		p := r.idents.At(id).profile
		if other := r.profiles.At(p).user; user.IsZero() || other.IsZero() || other == user {
			base = p
		}
	}
	if base == 0 && !onlyShared {
		base = r.birth(b, row, b.Ident[strongest][row])
	}
	return base, strongest
}

func (r *Resolver) birth(b *event.Batch, row int, strongest event.Hash) uint32 {
	p := r.profiles.Alloc()
	e := r.profiles.Mut(p)
	e.id = r.opts.Hasher.Mix(event.TagProfile, strongest, b.Message[row])
	if e.id.Lo == 0 {
		e.id.Lo = 1
	}
	e.first = b.Time(row)
	r.born = append(r.born, p)
	return p
}

// firstSight takes up an identifier.
func (r *Resolver) firstSight(b *event.Batch, row int, k event.Ident, base uint32) {
	for r.idents.Full() {
		if !r.evict() {
			break
		}
	}
	h := b.Ident[k][row]
	shared := r.listed[h]
	if shared || base == 0 {
		base = r.birth(b, row, h)
	}
	id, _ := r.idents.PutID(keyOf(h))
	e := r.idents.MutAt(id)
	at := b.Time(row)
	e.kind, e.first, e.last, e.shared, e.detail = k, at, at, shared, r.details.Alloc()
	d := r.details.Mut(e.detail)
	d.revision = r.floor
	if isRaw(k) {
		d.raw = r.arena.Put(b.Text(k.Column(), row))
	}
	if k != event.IdentUser && !shared {
		e.user = r.user(b, row).Lo
	}
	r.found[k][r.at] = id
	r.attach(id, base, at)
	r.aging.Set(at, id)
	r.writeIdentity(id)
}

// seen notes that a known identifier was seen.
func (r *Resolver) seen(id uint32, at int64) {
	e := r.idents.At(id)
	if at > e.last || at < e.first {
		m := r.idents.MutAt(id)
		m.last, m.first = max(m.last, at), min(m.first, at)
	}
	if day(at) > e.rowDay {
		r.writeIdentity(id)
	}
}

const dayMs = 86_400_000

// day numbers days; before 1970 they are negative. Times are read up to the year
// 9999.
func day(ms int64) int32 {
	d := ms / dayMs
	if d*dayMs > ms {
		d--
	}
	return int32(d)
}

// countUser counts the user_ids that an identifier is seen with and makes it
// shared when they are too many.
func (r *Resolver) countUser(b *event.Batch, row int, id uint32, user event.Hash) {
	e := r.idents.At(id)
	if e.shared || e.user == user.Lo {
		return
	}
	m := r.idents.MutAt(id)
	if e.user == 0 {
		m.user = user.Lo
		return
	}
	d := r.mutDetail(id)
	users := flat.Of[uint64](r.arena.Get(d.users))
	if slices.Contains(users, user.Lo) {
		return
	}
	n := len(users)
	d.users = r.arena.Resize(d.users, 8*(n+1))
	flat.Of[uint64](r.arena.Mut(d.users))[n] = user.Lo
	if n+2 <= r.opts.MaxLinks {
		return
	}
	m.shared = true
	r.arena.Free(d.users)
	d.users = 0
	old := m.profile
	r.detach(id)
	own := r.birth(b, row, hashOf(r.idents.KeyAt(id)))
	r.attach(id, own, b.Time(row))
	r.writeConflict(b, row, own, old, m.kind, "shared")
	r.writeIdentity(id)
	r.release(old)
}

// join links a known identifier to the event's profile and returns the profile
// that goes on.
func (r *Resolver) join(b *event.Batch, row int, id, base uint32, beside bool) uint32 {
	e := r.idents.At(id)
	if e.shared || base == 0 {
		return base
	}
	p := e.profile
	mine, other := r.profiles.At(base), r.profiles.At(p)
	switch {
	case p == base:
	case mine.user.IsZero() || other.user.IsZero():
		base = r.merge(b, row, base, p, e.kind)
	case b.Time(row) < e.placed:
		r.writeConflict(b, row, base, p, e.kind, "kept_newer")
		return base
	default:
		r.detach(id)
		r.attach(id, base, b.Time(row))
		r.writeConflict(b, row, base, p, e.kind, "moved")
		r.writeIdentity(id)
		r.release(p)
		return base
	}
	if beside && b.Time(row) > e.placed && !r.profiles.At(base).user.IsZero() {
		r.idents.MutAt(id).placed = b.Time(row)
	}
	return base
}

// merge joins two profiles: the one with the earlier first event goes on.
func (r *Resolver) merge(b *event.Batch, row int, x, y uint32, cause event.Ident) uint32 {
	ex, ey := r.profiles.At(x), r.profiles.At(y)
	if ey.first < ex.first || ey.first == ex.first && ey.id.Less(ex.id) {
		x, y = y, x
	}
	r.writeMerge(b, row, r.profiles.At(y).id, r.profiles.At(x).id, cause)
	r.adopt(x, y)
	return x
}

// evict gives up the identifier that was not seen for longest.
func (r *Resolver) evict() bool {
	for {
		due, id, ok := r.aging.PopDue(math.MaxInt64)
		if !ok {
			return false
		}
		if !r.idents.Live(id) {
			continue
		}
		e := r.idents.At(id)
		if e.last > due {
			r.aging.Set(e.last, id)
			continue
		}
		p := e.profile
		r.detach(id)
		d := r.detail(id)
		r.arena.Free(d.raw)
		r.arena.Free(d.users)
		r.floor = max(r.floor, d.revision)
		r.details.Free(e.detail)
		r.idents.Evict(id)
		r.isStale = true
		r.release(p)
		r.turn.Count.Evicted++
		return true
	}
}

// Address gives the raw identifiers by which the profile can be reached: of
// several of a kind the one seen last.
func (r *Resolver) Address(id event.Hash) (user, loyalty, device []byte) {
	found, ok := r.ids.Find(keyOf(id))
	if !ok {
		return nil, nil, nil
	}
	// Lanes ask at the same time, so paths are not shortened here.
	p := *found
	for r.profiles.At(p).parent != 0 {
		p = r.profiles.At(p).parent
	}
	var best [event.NumIdents]uint32
	for i := r.profiles.At(p).idents; i != 0; i = r.detail(i).next {
		e := r.idents.At(i)
		if b := best[e.kind]; b == 0 || e.last > r.idents.At(b).last {
			best[e.kind] = i
		}
	}
	raw := func(k event.Ident) []byte {
		if best[k] == 0 {
			return nil
		}
		return r.arena.Get(r.detail(best[k]).raw)
	}
	return raw(event.IdentUser), raw(event.IdentLoyalty), raw(event.IdentDevice)
}
