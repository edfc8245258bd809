-- Sessions (semantics 4): the events of a device, cut where it was quiet for
-- longer than the gap, and at max_duration.
WITH
-- Late events count until their session's end + allowed_lateness.
taken AS
(
    SELECT e.*, s.first_seq AS session
    FROM verify_events AS e
    ASOF INNER JOIN verify_spans AS s ON e.device_hash = s.device_hash AND e.seq >= s.first_seq
    WHERE e.seq <= s.last_seq AND (NOT e.is_late OR e.watermark + {{.Slack}} <= e.at + {{.Sessions.Gap}} + {{.Lateness}})
),
cart_events AS
(
    SELECT session AS owner, seq AS n, at, event, product_id, sku, quantity, price, toString(currency) AS currency,
        `items.product_id`, `items.sku`, `items.quantity`, `items.price`
    FROM taken
    WHERE event IN ('Product Added', 'Product Removed', 'Wishlist Product Added to Cart', 'Order Completed', 'Cart Viewed')
),
{{template "cart" .}}
carts AS
(
    SELECT owner,
        max(items) AS cart_items_max, max(value) AS cart_value_max, argMax(value, n) AS cart_value_end
    FROM cart_totals
    GROUP BY owner
),
sessions AS
(
    SELECT
        session,
        max(if(seq = session, {{template "device_key" ""}}, '')) AS device_key,
        argMaxIf(profile_id, seq, profile_id != '') AS any_profile,
        argMaxIf(profile_id, seq, profile_id != '' AND is_named) AS named_profile,
        argMinIf(channel, seq, channel != '' AND NOT is_system) AS channel,
        toInt64(countIf(NOT is_system)) AS events,
        toInt64(countIf(event IN ('page', 'screen'))) AS page_views,
        toInt64(countIf(event = 'Product Viewed')) AS product_views,
        length(groupUniqArrayArrayIf(arrayFilter(p -> p != '', arrayPushBack(`items.product_id`, product_id)), NOT is_system)) AS products,
        toInt64(countIf(event = 'Products Searched')) AS searches,
        toInt64(countIf(event IN ('Product Added', 'Wishlist Product Added to Cart'))) AS adds,
        toInt64(countIf(event = 'Product Removed')) AS removes,
        countIf(event = 'Checkout Started') > 0 AS checkout_started,
        -- Orders in their order: (place, order, is a line, amount, currency).
        arraySort(groupArrayIf((seq, order_key, product_id != '', ifNull(amount, 0), currency), event = 'Order Completed')) AS parts,
        argMinIf(currency, seq, currency != '' AND (event = 'Order Completed' AND amount IS NOT NULL
            OR event IN ('Product Added', 'Product Removed', 'Cart Viewed', 'Wishlist Product Added to Cart')
                AND (price IS NOT NULL OR arrayExists(p -> p IS NOT NULL, `items.price`)))) AS first_currency,
        argMinIf(page_path, seq, page_path != '' AND NOT is_system) AS entry_path,
        argMaxIf(page_path, seq, page_path != '' AND NOT is_system) AS exit_path,
        argMinIf(referrer, seq, referrer != '' AND NOT is_system) AS referrer,
        argMinIf(campaign, seq, campaign != '' AND NOT is_system) AS campaign,
        argMinIf(device_type, seq, device_type != '' AND NOT is_system) AS device,
        argMinIf(country, seq, country != '' AND NOT is_system) AS country,
        argMinIf(city, seq, city != '' AND NOT is_system) AS city,
        argMinIf(store_id, seq, store_id != '' AND NOT is_system) AS store_id,
        countIf(NOT is_system AND event != 'Page Ping') = 1 AS is_bounce,
        minIf(user_id, is_user) != maxIf(user_id, is_user) AS is_shared,
        max(is_bot_agent AND NOT is_system) AS has_bot_agent,
        toInt64(countIf(is_late AND NOT is_system)) AS late_events
    FROM taken
    GROUP BY session
)
SELECT
    s.device_key AS device_key,
    fromUnixTimestamp64Milli(start_ms, 'UTC') AS start,
    fromUnixTimestamp64Milli(end_ms, 'UTC') AS end,
    if(named_profile != '', named_profile, any_profile) AS profile_id,
    channel, engaged_ms, events, page_views, product_views,
    toInt64(least(products, {{.Sessions.Products}})) AS distinct_products,
    searches, adds, removes,
    toDecimal64(cart_items_max, 4) AS cart_items_max, toDecimal64(cart_value_max, 4) AS cart_value_max, toDecimal64(cart_value_end, 4) AS cart_value_end,
    checkout_started,
    toInt64(length(arrayDistinct(parts.2))) AS orders,
    -- All lines count, of whole orders with one id the first.
    arraySum((o, i) -> if((o.3 OR i = 1) AND o.5 IN ('', first_currency), o.4, 0), parts,
        arrayEnumerateUniq(arrayMap(o -> (o.2, o.3), parts))) AS revenue,
    first_currency AS currency,
    substring(cutQueryStringAndFragment(entry_path), 1, {{.Sessions.PageBytes}}) AS entry_page,
    substring(cutQueryStringAndFragment(exit_path), 1, {{.Sessions.PageBytes}}) AS exit_page,
    referrer, campaign, device, country, city, store_id, is_bounce,
    seen_before = 0 OR start_ms - seen_before > {{.Sessions.NewAfter}} AS is_new_visitor,
    is_shared, is_cut,
    products > {{.Sessions.Products}} AS is_capped,
    -- In order, with as many between them, two are in the same minute.
    has_bot_agent OR arrayExists((one, other) -> one = other,
        arraySlice(minutes, 1 + {{.EventsPerMinute}}), arraySlice(minutes, 1, greatest(0, toInt64(length(minutes)) - {{.EventsPerMinute}}))) AS is_bot,
    late_events
FROM sessions AS s
INNER ANY JOIN verify_spans AS p ON s.session = p.first_seq
LEFT ANY JOIN carts AS c ON s.session = c.owner
WHERE events > 0
