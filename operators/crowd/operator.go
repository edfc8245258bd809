package crowd

import (
	"slices"

	"touchstream/pipeline"
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
	"touchstream/pipeline/venue"
)

// Operator watches the zones of stores.
type Operator struct {
	cfg     Config
	shards  int
	venue   *venue.Venue // nil: zones are as the events name them
	longest int64
}

// New makes the operator from a configuration whose checks have passed. The
// venue may be nil.
func New(cfg Config, shards int, v *venue.Venue) *Operator {
	return &Operator{cfg: cfg, shards: max(1, shards), venue: v, longest: slices.Max(cfg.Windows)}
}

// Name is the operator's key in the configuration.
func (o *Operator) Name() string { return "crowd" }

// Spec tells that crowd sees the events of a store in time order, by the
// watermark of its own sources.
func (o *Operator) Spec() pipeline.Spec {
	return pipeline.Spec{
		Key: pipeline.ByVenue, Order: pipeline.InTime, Domain: pipeline.CrowdSources,
		Needs: event.Want{Columns: event.SetOf(event.StoreID, event.ZoneID, event.SensorID, event.RSSI, event.CountIn, event.CountOut,
			event.StaffID, event.DeviceID, event.AnonymousID, event.UserID, event.LoyaltyID)},
		Tables: []*schema.Table{Table, Flows},
	}
}

// Takes reports that late rows are not taken.
func (o *Operator) Takes(*event.Batch, int) bool { return false }

// NewShard makes the state of one shard.
func (o *Operator) NewShard(shard int) pipeline.Shard { return newShard(o, shard) }

// Place gives the function that fills the store of rows whose sensor or zone
// is one store's alone. Without a venue it is nil.
func Place(v *venue.Venue) func(b *event.Batch) {
	if v == nil {
		return nil
	}
	return func(b *event.Batch) {
		stores, zones, sensors := b.Str[event.StoreID], b.Str[event.ZoneID], b.Str[event.SensorID]
		if stores == nil {
			return
		}
		for row := range b.N {
			if stores[row].Len > 0 {
				continue
			}
			zone := venue.None
			if sensors != nil && sensors[row].Len > 0 {
				if i := v.Sensor(b.Bytes(sensors[row])); i != venue.None {
					zone = v.Sensors[i].Zone
				}
			}
			if zone == venue.None && zones != nil && zones[row].Len > 0 {
				zone = v.OnlyZone(b.Bytes(zones[row]))
			}
			if zone != venue.None {
				id := v.Stores[v.Zones[zone].Store].ID
				stores[row] = event.Str{Off: uint32(len(b.Arena)), Len: uint32(len(id))}
				b.Arena = append(b.Arena, id...)
			}
		}
	}
}
