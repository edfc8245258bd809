package abandonment

import (
	"touchstream/pipeline"
	"touchstream/pipeline/cart"
	"touchstream/pipeline/config"
	"touchstream/pipeline/event"
	"touchstream/pipeline/schema"
)

// Operator finds abandonments.
type Operator struct {
	cfg     Config
	shards  int
	reasons [numStages]string // why an episode fired
}

// New makes the operator for a state of that many shards.
func New(cfg Config, shards int) *Operator {
	o := &Operator{cfg: cfg, shards: max(1, shards)}
	for st := range numStages {
		o.reasons[st] = st.String() + " left without activity for " + config.FormatDuration(cfg.After[st])
	}
	return o
}

// Name is the operator's key in the configuration.
func (o *Operator) Name() string { return "abandonment" }

// Spec tells that abandonment sees the events of a profile in time order.
func (o *Operator) Spec() pipeline.Spec {
	needs := event.SetOf(event.Channel, event.CartID, event.FormID, event.Field, event.OrderID,
		event.Amount, event.Currency, event.MessageID)
	return pipeline.Spec{
		Key: pipeline.ByProfile, Order: pipeline.InTime, Domain: pipeline.AllSources,
		Needs:  event.Want{Columns: needs.Or(cart.Columns), Items: true},
		Tables: []*schema.Table{Table},
	}
}

// Takes reports whether a late row is inside the memory of episodes.
func (o *Operator) Takes(b *event.Batch, row int) bool {
	if b.Profile[row].IsZero() || roleOf(b.Name[row]) == noRole {
		return false
	}
	return b.Mark[row] <= b.Time(row)+o.cfg.Recovery
}

// NewShard makes the state of one shard.
func (o *Operator) NewShard(shard int) pipeline.Shard { return newShard(o, shard) }

// role is what an event does to episodes.
type role uint8

const (
	noRole role = iota
	browseRole
	cartRole
	checkoutRole
	formRole
	submitRole
	storeRole
	orderRole
)

func roleOf(n event.Name) role {
	switch n {
	case event.ProductViewed, event.ProductClicked, event.ProductListViewed:
		return browseRole
	case event.ProductAdded, event.ProductRemoved, event.CartViewed, event.WishlistProductAddedToCart:
		return cartRole
	case event.CheckoutStarted, event.CheckoutStepViewed, event.CheckoutStepCompleted, event.PaymentInfoEntered:
		return checkoutRole
	case event.FormStarted, event.FormFieldCompleted, event.FormFieldFailed:
		return formRole
	case event.FormSubmitted:
		return submitRole
	case event.StoreEntered, event.StoreExited:
		return storeRole
	case event.OrderCompleted:
		return orderRole
	}
	return noRole
}

// stage is how far an episode has come.
type stage uint8

const (
	browseStage stage = iota
	cartStage
	checkoutStage
	formStage
	numStages
)

// String is the stage's name in tables and in the configuration.
func (s stage) String() string { return [numStages]string{"browse", "cart", "checkout", "form"}[s] }

func (r role) stage() stage {
	switch r {
	case cartRole:
		return cartStage
	case checkoutRole:
		return checkoutStage
	case formRole, submitRole:
		return formStage
	}
	return browseStage
}
