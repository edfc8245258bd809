// Package ga4 decodes Google Analytics 4: rows of the BigQuery export as JSON
// (`event_name`, `event_params`, …) and requests of the Measurement Protocol
// (`client_id`, `events`), one a record or an array of them.
//
// # Events
//
//	page_view                          page
//	screen_view                        screen
//	user_engagement                    Page Ping
//	search, view_search_results        Products Searched
//	view_item_list                     Product List Viewed
//	select_item                        Product Clicked
//	view_item                          Product Viewed
//	add_to_cart, remove_from_cart      Product Added, Product Removed
//	view_cart                          Cart Viewed
//	add_to_wishlist                    Product Added to Wishlist
//	view_promotion, select_promotion   Promotion Viewed, Promotion Clicked
//	begin_checkout                     Checkout Started
//	add_shipping_info                  Checkout Step Completed
//	add_payment_info                   Payment Info Entered
//	purchase, ecommerce_purchase, in_app_purchase   Order Completed
//	refund                             Order Refunded
//	share                              Product Shared
//	form_start, form_submit            Form Started, Form Submitted
//
// Other names stay as they are, `session_start`, `first_visit` and `login` too;
// names in the configuration's `skip` are left out and counted as skipped.
//
// Product Clicked, Viewed, Added, Removed and Added to Wishlist are events of
// one product: one of several items becomes one event for each, and the item's
// fields are the event's. The event's `value` is then its amount only if it has
// one item. The element counts the events made of one record.
//
// The event time is `event_timestamp`, or `timestamp_micros` of the event or of
// the request, in microseconds; a request without one has the time at which its
// record came, where the transport has such a time. There is no message id.
//
// # Columns
//
// p is short for event_params or params, u for user_properties. "(not set)"
// counts as absent, of several sources the first that is there counts.
//
//	channel          p.channel, else web or app by platform or app_instance_id
//	user_id          user_id
//	anonymous_id     user_pseudo_id, client_id, app_instance_id
//	loyalty_id, email, phone   p, u
//	device_id        device.advertising_id, device.vendor_id
//	device_type      device.category; mobile is a phone
//	locale           device.language, p.language
//	country, city    geo, user_location (country_id, city)
//	page_url         p.page_location
//	page_path        p.page_path, else that of page_location without query; of a screen p.screen_name, p.firebase_screen, p.firebase_screen_class
//	page_title       p.page_title, p.screen_name, p.firebase_screen
//	referrer         p.page_referrer
//	campaign, campaign_source, campaign_medium   p.campaign, p.source, p.medium, collected_traffic_source.manual_…, session_traffic_source_last_click.manual_campaign
//	amount           of an order ecommerce.purchase_revenue, of a refund ecommerce.refund_value, else p.value
//	order_id         p.transaction_id, ecommerce.transaction_id
//	query            p.search_term
//	coupon, promotion_id, currency, form_id   p
//	items            items: item_id, item_brand, item_variant, item_category, price, quantity, item_revenue or item_refund as amount, coupon
//	all others       the parameter of that name
//
// `traffic_source` tells where the user first came from, not where this visit
// did, so it fills no column: it is kept in the attributes first_campaign,
// first_source and first_medium. Further attributes are the parameters that no
// column takes, and user properties as user.<name>.
//
// A value that cannot be read is bad_value.
package ga4
