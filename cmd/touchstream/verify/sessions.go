package verify

import "fmt"

// sessions compares the path columns only of sessions without late events.
func (p *Params) sessions() (*Table, error) {
	if p.Sessions == nil {
		return nil, nil
	}
	sql, err := p.statement("sessions", nil)
	if err != nil {
		return nil, err
	}
	t := &Table{
		Name: "sessions", SQL: sql, Key: []string{"device_key", "start"}, Start: "start",
		Settled: fmt.Sprintf("toUnixTimestamp64Milli(end) + %d + 1", p.Sessions.Gap),
		Behind:  fmt.Sprintf("device_hash = cityHash64({device_key}) AND at BETWEEN %s - %d AND %s + %d", ms("start"), p.Sessions.Gap, ms("start"), p.Sessions.MaxDuration),
		Columns: []Column{{Name: "session_id", Fact: "UUIDv7ToDateTime(session_id, 'UTC')", Derived: "start"}},
		Left: []string{"session_id behind its time: the hash needs the secret key", "cart columns of sessions that took late events: they follow the order of arrival",
			"engaged_ms of these"},
	}
	t.Columns = append(t.Columns, named("profile_id", "channel", "end", "events", "page_views", "product_views", "distinct_products", "searches", "adds", "removes",
		"checkout_started", "orders", "revenue", "currency", "entry_page", "exit_page", "referrer", "campaign", "device", "country", "city", "store_id",
		"is_bounce", "is_new_visitor", "is_shared", "is_cut", "is_capped", "is_bot", "late_events")...)
	for _, name := range []string{"engaged_ms", "cart_items_max", "cart_value_max", "cart_value_end"} {
		inTime := "if(late_events = 0, " + name + ", 0)"
		t.Columns = append(t.Columns, Column{Name: name, Fact: inTime, Derived: inTime})
	}
	return t, nil
}
