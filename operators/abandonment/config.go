package abandonment

import "touchstream/pipeline/config"

// Config holds the keys of operators.abandonment. Durations are milliseconds.
type Config struct {
	// After is by stage how long after its last activity an episode fires, 0:
	// the stage is off.
	After        [numStages]int64
	Policy       string
	Recovery     int64
	ExpiresAfter int64
	Early        int64
	CartMemory   int64
	MaxProfiles  int64
}

// The policies by which an order closes an episode.
const (
	anyOrder = "any_order"
	sameSKU  = "same_sku"
)

// Declare declares the keys.
func (c *Config) Declare(s *config.Section) {
	named := false
	for _, d := range [...]struct {
		stage      stage
		after, doc string
	}{
		{cartStage, "1h", "Carts that are left. Without any stage all four run."},
		{checkoutStage, "30m", "Checkouts that are left."},
		{browseStage, "24h", "Products that were looked at."},
		{formStage, "15m", "Forms that are left."},
	} {
		after := func(s *config.Section) {
			s.Duration("after", &c.After[d.stage], d.after, "Time behind the stage's last activity.").Positive()
		}
		if s.Optional(d.stage.String(), config.Func(after), d.doc) {
			named = true
		}
	}
	if !named {
		c.After = [numStages]int64{browseStage: 24 * hour, cartStage: hour, checkoutStage: hour / 2, formStage: hour / 4}
	}
	s.Enum("policy", &c.Policy, anyOrder, "Which orders close an episode: any, or those that hold every product of it.", anyOrder, sameSKU)
	s.Duration("recovery", &c.Recovery, "7d", "An order up to this long after firing recovers the episode; then it expires.").Positive()
	s.Duration("expires_after", &c.ExpiresAfter, "2d", "A trigger makes no sense this long after its due time.").Positive()
	s.Duration("early", &c.Early, "0s", "Rows of open, cancelled and emptied episodes too, at multiples of this time; 0s: none.").Min(0)
	s.Duration("cart_memory", &c.CartMemory, "30d", "A cart that is not touched for this long is forgotten.").Positive()
	s.Count("max_profiles", &c.MaxProfiles, "50M", "Profiles in memory; over it the one unseen for longest goes.").Positive()
}

const hour = 3_600_000
