package verify

import "strings"

// abandonments leaves out profiles whose episodes follow the order of arrival
// or of merges.
func (p *Params) abandonments() (*Table, error) {
	c := p.Abandonment
	if c == nil {
		return nil, nil
	}
	t := &Table{Name: "abandonments", Start: "opened_at"}
	if c.Policy != "any_order" {
		t.Why = "the policy " + c.Policy + " has no SQL"
		return t, nil
	}
	var err error
	if t.SQL, err = p.statement("abandonments", nil); err != nil {
		return nil, err
	}
	t.Key = []string{"profile_id", "form_id", "opened_at"}
	t.Settled = "toUnixTimestamp64Milli(due_at) + 1"
	t.Unsure = "profile_id IN (SELECT profile_id FROM verify_unsure) OR state IN ('open', 'cancelled', 'emptied')"
	t.Behind = "profile_id = {profile_id} AND " + p.ActivityEvents() + " AND at >= " + ms("opened_at")
	t.Columns = append(named("stage", "cart_id", "last_field", "due_at", "fired_at", "closed_at", "state", "closed_by_channel", "items"),
		Column{Name: "products", Fact: "arraySort(t.products)", Sure: "is_sure"})
	t.Columns = append(t.Columns, named("value", "currency", "recovered_revenue")...)
	t.Left = []string{
		"abandonment_id: the hash needs the secret key",
		"profiles that had late events, or that merged when both had been active (left out): they follow the order of arrival",
		"the order of products, and products of episodes that looked at 16 and more",
	}
	if c.Early > 0 {
		t.Left = append(t.Left, "rows in the states open, cancelled and emptied (left out): which of them are written depends on the steps")
	}
	return t, nil
}

// HasMerges reports whether the merges of profiles are known.
func (p *Params) HasMerges() bool { return p.Has("identity_merges") && p.HasOverrides() }

// ActivityEvents is the condition for events that matter to abandonment.
func (p *Params) ActivityEvents() string {
	return "event IN ('Product Viewed', 'Product Clicked', 'Product List Viewed', 'Product Added', 'Product Removed', 'Cart Viewed', " +
		"'Wishlist Product Added to Cart', 'Checkout Started', 'Checkout Step Viewed', 'Checkout Step Completed', 'Payment Info Entered', " +
		"'Form Started', 'Form Field Completed', 'Form Field Failed', 'Form Submitted', 'Store Entered', 'Store Exited', 'Order Completed')"
}

// After is the time after which an episode fires, by stage: browse, cart,
// checkout, form.
func (p *Params) After() string { return numbers(p.Abandonment.After[:]) }

// Stages are those that are on, counted from 1.
func (p *Params) Stages() string {
	var on []string
	for i, after := range p.Abandonment.After {
		if after > 0 {
			on = append(on, string(rune('1'+i)))
		}
	}
	return "(" + strings.Join(on, ", ") + ")"
}
