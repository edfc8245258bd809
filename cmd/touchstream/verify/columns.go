package verify

import "slices"

// eventColumns are the columns of events, beyond those that events.sql always
// has, that the configured tables need.
func (p *Params) eventColumns() []string {
	var out []string
	add := func(isOn bool, names ...string) {
		if isOn {
			out = append(out, names...)
		}
	}
	add(true, "user_id", "loyalty_id")
	add(p.Sessions != nil, "anonymous_id", "device_id", "channel", "product_id", "sku", "quantity", "price", "amount", "currency", "order_id", "page_path", "referrer", "campaign",
		"device_type", "country", "city", "store_id", "items.product_id", "items.sku", "items.quantity", "items.price")
	add(p.Ropo != nil, "channel", "product_id", "sku", "category", "quantity", "price", "amount", "currency", "order_id", "fulfilment", "store_id", "zone_id", "sensor_id",
		"campaign", "device_type", "items.product_id", "items.sku", "items.category", "items.quantity", "items.amount")
	add(p.Abandonment != nil, "channel", "product_id", "sku", "quantity", "price", "amount", "currency", "order_id", "cart_id", "form_id", "field",
		"items.product_id", "items.sku", "items.quantity", "items.price")
	add(p.Crowd != nil, "store_id", "zone_id", "sensor_id", "rssi", "count_in", "count_out", "staff_id", "device_id", "anonymous_id")
	out = append(out, p.windowColumns()...)
	slices.Sort(out)
	return slices.Compact(out)
}

// margins are how long before and after the time in question there are events
// on which its facts can depend.
func (p *Params) margins() (before, after int64) {
	wider := func(b, a int64) { before, after = max(before, b), max(after, a) }
	if c := p.Sessions; c != nil {
		wider(c.NewAfter+c.MaxDuration+c.Gap, c.MaxDuration+c.Gap)
	}
	if c := p.Ropo; c != nil {
		wider(c.Lookback+c.Visit, c.Lookback)
	}
	if c := p.Abandonment; c != nil {
		wider(c.CartMemory, c.Recovery+slices.Max(c.After[:])+dayMs)
	}
	if c := p.Crowd; c != nil {
		wider(c.FixedAfter+c.ZoneTimeout+dayMs, slices.Max(c.Windows))
	}
	for _, c := range p.Windows {
		size := max(c.Tumbling, c.Size, c.Session)
		wider(size+dayMs, size+dayMs)
	}
	return before, after
}
