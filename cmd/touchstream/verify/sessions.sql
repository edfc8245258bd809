-- Sessions (semantics 4): the events of a device, cut where it was quiet for
-- longer than the gap, and at max_duration.
WITH
-- Where runs of max_duration and more are cut: at the first event at or after
-- start + max_duration, again and again.
cuts AS
(
    SELECT device_hash, run,
        arrayFold((starts, t) -> if(t >= starts[-1] + {{.Sessions.MaxDuration}}, arrayPushBack(starts, t), starts),
            arraySort(groupArray(at)), [min(at)]) AS starts
    FROM verify_runs
    WHERE NOT is_system
    GROUP BY device_hash, run
    HAVING max(at) - min(at) >= {{.Sessions.MaxDuration}}
),
pieces AS
(
    SELECT r.*, greatest(1, arrayCount(s -> s <= r.at, c.starts)) AS piece, length(c.starts) > 1 AS is_cut
    FROM verify_runs AS r
    LEFT ANY JOIN cuts AS c ON r.device_hash = c.device_hash AND r.run = c.run
),
cart_events AS
(
    SELECT (p.device_hash, p.run, p.piece) AS owner, p.n AS n, p.at AS at, event, product_id, sku, quantity, price, toString(currency) AS currency,
        `items.product_id`, `items.sku`, `items.quantity`, `items.price`
    FROM pieces AS p
    INNER ANY JOIN
    (
        SELECT * FROM verify_events
        WHERE event IN ('Product Added', 'Product Removed', 'Wishlist Product Added to Cart', 'Order Completed', 'Cart Viewed')
    ) AS e ON p.id = e.id
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
        device_hash, run, piece,
        any(device_key) AS device_key,
        minIf(at, NOT is_system) AS start_ms,
        maxIf(at, NOT is_system) AS end_ms,
        argMaxIf(profile_id, n, profile_id != '') AS any_profile,
        argMaxIf(profile_id, n, profile_id != '' AND is_named) AS named_profile,
        argMinIf(channel, n, channel != '' AND NOT is_system) AS channel,
        -- The first event's distance to its session is that to another session.
        toInt64(sumIf(least(at - ifNull(before, at), {{.Sessions.EngagedGap}}), NOT is_system)
            - argMinIf(least(at - ifNull(before, at), {{.Sessions.EngagedGap}}), n, NOT is_system)) AS engaged_ms,
        toInt64(countIf(NOT is_system)) AS events,
        toInt64(countIf(event IN ('page', 'screen'))) AS page_views,
        toInt64(countIf(event = 'Product Viewed')) AS product_views,
        length(groupUniqArrayArrayIf(arrayFilter(p -> p != '', arrayPushBack(`items.product_id`, product_id)), NOT is_system)) AS products,
        toInt64(countIf(event = 'Products Searched')) AS searches,
        toInt64(countIf(event IN ('Product Added', 'Wishlist Product Added to Cart'))) AS adds,
        toInt64(countIf(event = 'Product Removed')) AS removes,
        countIf(event = 'Checkout Started') > 0 AS checkout_started,
        -- Orders in their order: (place, order, is a line, amount, currency).
        arraySort(groupArrayIf((n, order_key, product_id != '', ifNull(amount, 0), currency), event = 'Order Completed')) AS parts,
        argMinIf(currency, n, currency != '' AND (event = 'Order Completed' AND amount IS NOT NULL
            OR event IN ('Product Added', 'Product Removed', 'Cart Viewed', 'Wishlist Product Added to Cart')
                AND (price IS NOT NULL OR arrayExists(p -> p IS NOT NULL, `items.price`)))) AS first_currency,
        argMinIf(page_path, n, page_path != '' AND NOT is_system) AS entry_path,
        argMaxIf(page_path, n, page_path != '' AND NOT is_system) AS exit_path,
        argMinIf(referrer, n, referrer != '' AND NOT is_system) AS referrer,
        argMinIf(campaign, n, campaign != '' AND NOT is_system) AS campaign,
        argMinIf(device_type, n, device_type != '' AND NOT is_system) AS device,
        argMinIf(country, n, country != '' AND NOT is_system) AS country,
        argMinIf(city, n, city != '' AND NOT is_system) AS city,
        argMinIf(store_id, n, store_id != '' AND NOT is_system) AS store_id,
        countIf(NOT is_system AND event != 'Page Ping') = 1 AS is_bounce,
        argMinIf(ifNull(before, 0), n, NOT is_system) AS seen_before,
        minIf(user_id, is_user) != maxIf(user_id, is_user) AS is_shared,
        max(p.is_cut) AS is_cut,
        max(is_bot_agent AND NOT is_system) AS has_bot_agent,
        arraySort(groupArrayIf(intDiv(at, 60000), NOT is_system)) AS minutes,
        toInt64(countIf(is_late AND NOT is_system)) AS late_events
    FROM verify_events AS e
    INNER ANY JOIN pieces AS p ON e.id = p.id
    GROUP BY device_hash, run, piece
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
LEFT ANY JOIN carts AS c ON (s.device_hash, s.run, s.piece) = c.owner
WHERE events > 0
