-- Sessions (semantics 4): the events of a device, cut where it was quiet for
-- longer than the gap, and at max_duration.
WITH
-- Late events count until their session's end + allowed_lateness.
taken AS
(
    SELECT * FROM verify_events
    WHERE device_key != '' AND (NOT is_late OR watermark + {{.Slack}} <= at + {{.Sessions.Gap}} + {{.Lateness}})
),
-- Each event with the time of the last one before it that is no system event.
neighbours AS
(
    SELECT *,
        row_number() OVER w AS n,
        max(if(is_system, NULL, at)) OVER (PARTITION BY device_key ORDER BY at, rank, message_order
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
    FROM taken
    WINDOW w AS (PARTITION BY device_key ORDER BY at, rank, message_order)
),
-- A run is a stretch without a gap. System events neither open nor extend one:
-- they belong to the one that is open at their time.
runs AS
(
    SELECT *,
        before IS NOT NULL AND at - before {{if .Sessions.GapInclusive}}<={{else}}<{{end}} {{.Sessions.Gap}} AS continues,
        sum(NOT is_system AND NOT continues) OVER (PARTITION BY device_key ORDER BY at, rank, message_order
            ROWS UNBOUNDED PRECEDING) AS run
    FROM neighbours
),
-- Where runs of max_duration and more are cut: at the first event at or after
-- start + max_duration, again and again.
cuts AS
(
    SELECT device_key, run,
        arrayFold((starts, t) -> if(t >= starts[-1] + {{.Sessions.MaxDuration}}, arrayPushBack(starts, t), starts),
            arraySort(groupArray(at)), [min(at)]) AS starts
    FROM runs
    WHERE NOT is_system
    GROUP BY device_key, run
    HAVING max(at) - min(at) >= {{.Sessions.MaxDuration}}
),
pieces AS
(
    SELECT r.*, greatest(1, arrayCount(s -> s <= r.at, c.starts)) AS piece, length(c.starts) > 1 AS is_cut
    FROM runs AS r
    LEFT ANY JOIN cuts AS c ON r.device_key = c.device_key AND r.run = c.run
    WHERE r.continues OR NOT r.is_system
),
cart_events AS
(
    SELECT (device_key, run, piece) AS owner, n, at, event, product_id, sku, quantity, price, currency,
        `items.product_id`, `items.sku`, `items.quantity`, `items.price`
    FROM pieces
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
        device_key, run, piece,
        minIf(at, NOT is_system) AS start_ms,
        maxIf(at, NOT is_system) AS end_ms,
        argMaxIf(profile_id, n, profile_id != '') AS any_profile,
        argMaxIf(profile_id, n, profile_id != '' AND ({{notBlocked "user_id"}} OR {{notBlocked "loyalty_id"}})) AS named_profile,
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
        arraySort(groupArrayIf((n, if(order_id = '', message_id, order_id), product_id != '', ifNull(amount, 0), currency), event = 'Order Completed')) AS parts,
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
        uniqExactIf(user_id, {{notBlocked "user_id"}}) > 1 AS is_shared,
        max(p.is_cut) AS is_cut,
        max(is_bot_agent AND NOT is_system) AS has_bot_agent,
        arrayMax(mapValues(sumMapIf(map(intDiv(at, 60000), 1), NOT is_system))) AS in_a_minute,
        toInt64(countIf(is_late AND NOT is_system)) AS late_events
    FROM pieces AS p
    GROUP BY device_key, run, piece
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
    has_bot_agent OR in_a_minute > {{.EventsPerMinute}} AS is_bot,
    late_events
FROM sessions AS s
LEFT ANY JOIN carts AS c ON (s.device_key, s.run, s.piece) = c.owner
WHERE events > 0
