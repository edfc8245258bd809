package crowd

import (
	"math"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/flat"
)

// shard is the state of one shard.
type shard struct {
	op  *Operator
	cfg *Config

	devices *flat.Table[device]
	stores  *flat.Table[store]
	zones   *flat.Table[zone]
	cells   *flat.Slab[cell]
	arena   *flat.Arena
	grids   []grid       // one per window length
	timers  *flat.Timers // of devices
	resets  *flat.Timers // of stores
	now     int64        // how far the state has come
	shown   int64        // the multiple of early at which the last picture left

	turn    *pipeline.Turn
	values  []int64
	signals []signal
	stays   []visit
	rows    []uint32 // zones with a row in the window being closed
}

// store is one venue.
type store struct {
	index int32 // in the venue file, -1 without one
	name  flat.Ref
	armed [2]bool // reset timers, by kind
}

func newShard(o *Operator, n int) *shard {
	s := &shard{
		op: o, cfg: &o.cfg,
		devices: flat.NewTable[device](int((o.cfg.MaxDevices+int64(o.shards)-1)/int64(o.shards)), uint64(n)),
		stores:  flat.NewTable[store](0, uint64(n)), zones: flat.NewTable[zone](0, uint64(n)),
		cells: flat.NewSlab[cell](), arena: flat.NewArena(),
		timers: flat.NewTimers(), resets: flat.NewTimers(), now: math.MinInt64, shown: math.MinInt64,
	}
	for i, size := range o.cfg.Windows {
		s.grids = append(s.grids, grid{size: size, flows: flat.NewTable[flow](0, uint64(n)+uint64(i))})
	}
	return s
}

// Entries counts devices and zones.
func (s *shard) Entries() int { return s.devices.Len() + s.zones.Len() }

// Bytes is the memory of the state.
func (s *shard) Bytes() int {
	n := s.devices.Bytes() + s.stores.Bytes() + s.zones.Bytes() + s.cells.Bytes() + s.arena.Bytes() + s.timers.Bytes() + s.resets.Bytes()
	for i := range s.grids {
		n += s.grids[i].flows.Bytes()
	}
	return n
}

// State lists what a snapshot saves.
func (s *shard) State(p *flat.Parts) {
	p.Add(s.devices, s.stores, s.zones, s.cells, s.arena, s.timers, s.resets)
	flat.Var(p, &s.now)
	flat.Var(p, &s.shown)
	for i := range s.grids {
		g := &s.grids[i]
		p.Add(g.flows)
		flat.Var(p, &g.start)
		flat.Var(p, &g.first)
		flat.Var(p, &g.last)
	}
}

// Fold takes rows in time order.
func (s *shard) Fold(t *pipeline.Turn, rows []event.Row) {
	s.turn = t
	for _, r := range rows {
		s.advance(r.Eff)
		switch r.Name {
		case event.ZoneEntered, event.ZoneExited, event.TagRead, event.SensorSeen, event.CounterRead:
			if r.Late {
				t.Count.Late++
			} else if !s.fold(r.At()) {
				t.Count.Unknown++
			}
		}
	}
}

// Advance closes windows and fires timers that the watermark has passed.
func (s *shard) Advance(t *pipeline.Turn) {
	s.turn = t
	s.advance(t.Watermark)
	if t.Watermark != math.MaxInt64 {
		s.showEarly()
	}
}

// advance brings the state to the time t: windows that end up to t close,
// timers due before t fire, in order, at one instant windows, devices, stores.
func (s *shard) advance(t int64) {
	for {
		end, i := s.nextEnd()
		due, devices := s.nextDue()
		switch {
		case i >= 0 && end <= due && end <= t && (due != math.MaxInt64 || t != math.MaxInt64):
			s.close(i)
		case due < t && devices:
			_, id, _ := s.timers.PopDue(t)
			s.fireDevice(id, due)
		case due < t:
			_, id, _ := s.resets.PopDue(t)
			s.fireReset(id, due)
		case i >= 0 && t == math.MaxInt64:
			s.finish()
		default:
			s.now = max(s.now, t)
			return
		}
		s.now = max(s.now, min(end, due))
	}
}

func (s *shard) nextDue() (due int64, devices bool) {
	due = math.MaxInt64
	if d, ok := s.timers.Min(); ok {
		due, devices = d, true
	}
	if d, ok := s.resets.Min(); ok && d < due {
		due, devices = d, false
	}
	return due, devices
}

// finish ends what no timer would end, when no event will come any more: the
// counts of doors go to 0 when all open windows have closed.
func (s *shard) finish() {
	stop := int64(math.MinInt64)
	for i := range s.grids {
		if g := &s.grids[i]; g.first != 0 {
			stop = max(stop, g.start+g.size)
		}
	}
	for {
		end, i := s.nextEnd()
		if i < 0 || end > stop {
			break
		}
		s.close(i)
	}
	s.zeroCounts(0, stop)
	for {
		_, i := s.nextEnd()
		if i < 0 {
			return
		}
		s.close(i)
	}
}

// fold takes one row that is not late. It reports whether the row names a
// device and a place that are known.
func (s *shard) fold(b *event.Batch, row int) bool {
	p, ok := s.locate(b, row)
	if !ok {
		return false
	}
	t := b.Time(row)
	if b.Name[row] == event.CounterRead {
		s.countRead(p.zone, b.Num(event.CountIn, row), b.Num(event.CountOut, row), t)
		return true
	}
	who, staff := s.identify(b, row)
	switch {
	case staff:
		return true
	case who.IsZero():
		return false
	}
	key := flat.Key{Hi: who.Hi ^ uint64(p.store)*0x9e3779b97f4a7c15, Lo: who.Lo}
	if b.Name[row] == event.ZoneExited {
		s.exit(s.devices.ID(key), p.zone, t)
		return true
	}
	id := s.devices.ID(key)
	if id == 0 {
		s.makeRoom()
		id, _ = s.devices.PutID(key)
		s.devices.MutAt(id).store = p.store
	}
	d := s.devices.MutAt(id)
	if b.Name[row] == event.SensorSeen {
		s.sight(d, p, b.Real(event.RSSI, row), t)
	} else {
		s.place(d, p, t, true)
	}
	s.arm(id, d)
	return true
}

// identKinds say which identifier a device is counted by.
var identKinds = [...]event.Ident{event.IdentDevice, event.IdentAnonymous, event.IdentUser, event.IdentLoyalty}

// identify finds the device of a row and whether it is the staff's.
func (s *shard) identify(b *event.Batch, row int) (who event.Hash, staff bool) {
	if len(b.Text(event.StaffID, row)) > 0 {
		return who, true
	}
	for _, k := range identKinds {
		hashes := b.Ident[k]
		if hashes == nil || hashes[row].IsZero() {
			continue
		}
		if who.IsZero() {
			who = hashes[row]
		}
		if s.op.venue != nil && s.op.venue.IsStaff(b.Text(k.Column(), row)) {
			return who, true
		}
	}
	return who, false
}
