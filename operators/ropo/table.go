package ropo

import "touchstream/pipeline/schema"

// Table is the table of orders with their research, a row per (order, product).
var Table = &schema.Table{
	Name: "ropo",
	Doc:  "One row per order and product: was it researched in the other world, how, and how long before.",
	Columns: []schema.Column{
		{Name: "order_id", Type: schema.Text, Doc: "Order; without one its message id."},
		{Name: "product_id", Type: schema.Text, Doc: "Product; empty if the order named none."},
		{Name: "profile_id", Type: schema.Text, Doc: "Who bought; empty if unknown."},
		{Name: "direction", Type: schema.LowText, Doc: "click_collect, ropo, showrooming, none, or unknown (no profile)."},
		{Name: "channel", Type: schema.LowText, Doc: "Channel of the order."},
		{Name: "match_level", Type: schema.LowText, Doc: "sku, category or any; empty without a touch."},
		{Name: "category", Type: schema.LowText, Doc: "Category of the product."},
		{Name: "store_id", Type: schema.LowText, Doc: "Store of the order."},
		{Name: "ordered_at", Type: schema.Time, Doc: "Earliest event of the order."},
		{Name: "research_channel", Type: schema.LowText, Doc: "Channel of the last touch."},
		{Name: "research_device", Type: schema.LowText, Doc: "Device type of the last touch."},
		{Name: "first_campaign", Type: schema.LowText, Doc: "Campaign of the first touch."},
		{Name: "last_campaign", Type: schema.LowText, Doc: "Campaign of the last touch."},
		{Name: "first_touch_at", Type: schema.Time, Nullable: true, Doc: "First touch of the level."},
		{Name: "last_touch_at", Type: schema.Time, Nullable: true, Doc: "Last touch of the level."},
		{Name: "touches", Type: schema.Int, Doc: "Touches of the level before the order."},
		{Name: "touch_days", Type: schema.Int, Doc: "Different UTC days with a touch."},
		{Name: "lag_ms", Type: schema.Duration, Nullable: true, Doc: "Order minus last touch."},
		{Name: "lag_in_store", Type: schema.Flag, Doc: "A touch during the visit."},
		{Name: "lag_on_the_way", Type: schema.Flag, Doc: "A touch at most on_the_way before the visit."},
		{Name: "lag_1d", Type: schema.Flag, Doc: "A touch at most 48 h before."},
		{Name: "lag_2d_plus", Type: schema.Flag, Doc: "A touch over 48 h before."},
		{Name: "lag_7d_plus", Type: schema.Flag, Doc: "A touch over 7 days before."},
		{Name: "quantity", Type: schema.Money, Doc: "Units, net of refunds."},
		{Name: "revenue", Type: schema.Money, Doc: "Amount, net of refunds."},
		{Name: "currency", Type: schema.LowText, Doc: "Currency of the order."},
		{Name: "is_refunded", Type: schema.Flag, Doc: "Nothing is left after refunds."},
		{Name: "is_capped", Type: schema.Flag, Doc: "Older touches had been given up."},
		{Name: "revision", Type: schema.Int, Doc: "Rises from 1; the highest counts."},
		{Name: "is_deleted", Type: schema.Flag, Doc: "The row is not part of the order any more."},
	},
	ID: []string{"order_id", "product_id"}, Revisable: true, Deletable: true, Profiles: []string{"profile_id"},
}
