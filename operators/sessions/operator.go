package sessions

import (
	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// Operator makes sessions.
type Operator struct {
	cfg Config
	env Env
}

// New makes the operator from a configuration whose checks have passed.
func New(cfg Config, env Env) *Operator { return &Operator{cfg: cfg, env: env} }

// Name is the operator's key in the configuration.
func (o *Operator) Name() string { return "sessions" }

// Spec tells that sessions see the events of a device in time order.
func (o *Operator) Spec() pipeline.Spec {
	needs := event.SetOf(event.Channel, event.DeviceType, event.Country, event.City, event.PageURL, event.PagePath,
		event.Referrer, event.Campaign, event.StoreID, event.OrderID, event.Amount, event.Currency,
		event.AnonymousID, event.DeviceID, event.UserID, event.LoyaltyID)
	return pipeline.Spec{
		Key: pipeline.ByDevice, Order: pipeline.InTime, Domain: pipeline.AllSources,
		Needs:  event.Want{Columns: needs.Or(cart.Columns), Items: true},
		Tables: []*schema.Table{Table},
	}
}

// Takes reports whether a late row comes soon enough to correct a session. A
// system event matters for its profile alone.
func (o *Operator) Takes(b *event.Batch, row int) bool {
	if b.Head[row].Device.IsZero() || b.Name[row].IsSystem() && b.Profile[row].IsZero() {
		return false
	}
	return b.Limit[row] <= b.Time(row)+o.cfg.Gap+o.env.AllowedLateness
}

// NewShard makes the state of one shard.
func (o *Operator) NewShard(shard int) pipeline.Shard { return newShard(o, shard) }
