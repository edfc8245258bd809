package pipeline

import "touchstream/pipeline/event"

// rowKey is a key by which whole rows go to shards.
type rowKey uint8

const (
	deviceKey rowKey = iota
	profileKey
	venueKey
	numRowKeys = 3
)

// routing groups a piece's rows by the shards of each key in use. One routing
// belongs to one worker.
type routing struct {
	shards  int
	hasher  *event.Hasher
	inUse   [numRowKeys]bool
	routes  []Route // one per router
	homes   homes   // of profiles whose merge waits
	targets []uint32
	order   []uint32
}

// route fills the piece's groups.
func (r *routing) route(p *piece) {
	for key, used := range r.inUse {
		if used {
			r.aim(p, rowKey(key))
			p.byKey[key].group(p.rows, r.targets, r.shards)
		}
	}
	for i, route := range r.routes {
		r.routeUnits(p, i, route)
	}
}

// aim finds the shard of every row.
func (r *routing) aim(p *piece, key rowKey) {
	r.targets = r.targets[:0]
	b := p.batch
	for _, row := range p.rows {
		var h event.Hash
		switch key {
		case deviceKey:
			h = b.Head[row].Device
		case profileKey:
			h = r.profile(b, row)
		case venueKey:
			h = r.venue(b, int(row))
		}
		target := noShard
		if !h.IsZero() {
			target = uint32(h.Shard(r.shards))
		}
		r.targets = append(r.targets, target)
	}
}

// profile is the hash that routes a row to its profile's shard: that of the
// profile after the step's merges, since its state lies there already. Lines of
// one order without a profile stay together.
func (r *routing) profile(b *event.Batch, row uint32) event.Hash {
	if h := b.Profile[row]; !h.IsZero() {
		return r.homes.of(h)
	}
	if order := b.Text(event.OrderID, int(row)); len(order) > 0 {
		return r.hasher.Sum(event.TagOrder, order)
	}
	return b.Message[row]
}

// venue is the hash of the row's store. Rows that name a zone or sensor alone
// are together those of a store without a name.
func (r *routing) venue(b *event.Batch, row int) event.Hash {
	store := b.Text(event.StoreID, row)
	if len(store)+len(b.Text(event.ZoneID, row))+len(b.Text(event.SensorID, row)) == 0 {
		return event.Hash{}
	}
	return r.hasher.Sum(event.TagText, store)
}

// routeUnits lets a router make units and sorts them by shard.
func (r *routing) routeUnits(p *piece, i int, route Route) {
	u := &p.units[i]
	u.Reset()
	route.Route(p.batch, p.rows, u)
	r.targets, r.order = r.targets[:0], r.order[:0]
	for k, h := range u.Key {
		r.targets = append(r.targets, uint32(h.Shard(r.shards)))
		r.order = append(r.order, uint32(k))
	}
	p.byUnit[i].group(r.order, r.targets, r.shards)
	s := &p.sharded[i]
	s.Reset()
	for _, k := range p.byUnit[i].rows {
		s.Add(u.Row[k], u.Item[k], u.Key[k])
	}
}

// unitsOf gives the units of one router and shard.
func (p *piece) unitsOf(router, shard int) Units {
	from, to := p.byUnit[router].start[shard], p.byUnit[router].start[shard+1]
	s := &p.sharded[router]
	return Units{Row: s.Row[from:to], Item: s.Item[from:to], Key: s.Key[from:to]}
}
