package verify

func (p *Params) ropo() (*Table, error) {
	if p.Ropo == nil {
		return nil, nil
	}
	sql, err := p.statement("ropo", nil)
	if err != nil {
		return nil, err
	}
	t := &Table{
		Name: "ropo", SQL: sql, Key: []string{"order_id", "product_id"}, Start: "ordered_at",
		Settled: "toUnixTimestamp64Milli(ordered_at)",
		Behind:  "order_id = {order_id} OR order_key = {order_id} OR {product_id} != '' AND product_id = {product_id} AND profile_id != '' AND profile_id IN (SELECT profile_id FROM verify_events WHERE order_key = {order_id})",
		Left:    []string{"quantity, revenue and is_refunded of orders with refunds both of the whole order by amount and of products"},
		Columns: named("profile_id", "direction", "channel", "match_level", "category", "store_id", "ordered_at", "research_channel", "research_device",
			"first_campaign", "last_campaign", "first_touch_at", "last_touch_at", "touches", "touch_days", "lag_ms", "lag_in_store", "lag_on_the_way",
			"lag_1d", "lag_2d_plus", "lag_7d_plus", "currency", "is_capped"),
	}
	for _, name := range []string{"quantity", "revenue", "is_refunded"} {
		t.Columns = append(t.Columns, Column{Name: name, Sure: "is_sure"})
	}
	return t, nil
}
