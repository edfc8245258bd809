-- Research before purchases (semantics 6): one row per order and product.
WITH
-- Orders: lines, which carry their own product, and whole orders with items.
order_events AS
(
    SELECT *, product_id != '' AS is_line
    FROM verify_purchases
    WHERE event = 'Order Completed'
),
-- An order belongs to the profile that first named it; its attributes are
-- those of its first event.
orders AS
(
    SELECT
        order_key,
        argMinIf(profile_id, seq, profile_id != '') AS profile_id,
        min(at) AS ordered_ms,
        argMin((channel, store_id, currency, fulfilment), seq) AS first,
        minIf(seq, NOT is_line) AS whole_seq
    FROM order_events
    GROUP BY order_key
),
-- Of several whole orders with one id the first counts; all lines count.
parts AS
(
    SELECT order_key, seq,
        arrayJoin(if(is_line OR empty(`items.product_id`),
            [(product_id, sku, toString(category), quantity, amount)],
            arrayZip(`items.product_id`, `items.sku`, `items.category`, `items.quantity`, `items.amount`))) AS part
    FROM order_events AS e
    INNER JOIN orders AS o ON e.order_key = o.order_key
    WHERE is_line OR e.seq = o.whole_seq
),
lines AS
(
    SELECT
        order_key,
        if(part.1 != '', part.1, part.2) AS product,
        argMinIf(part.2, seq, part.2 != '') AS sku,
        argMinIf(part.3, seq, part.3 != '') AS category,
        sum(toDecimal128(ifNull(part.4, 1), 4)) AS units,
        sum(toDecimal128(ifNull(part.5, 0), 4)) AS worth
    FROM parts
    GROUP BY order_key, product
),
{{template "refunds" .}}
-- Touches online: views, clicks, adds and lists with a category. Offline: tags
-- and staff scans, and what is shown on a store's screen. The channel decides.
touch_events AS
(
    SELECT profile_id, at, message_order, product_id AS product, sku, toString(category) AS category,
        toString(channel) AS channel, toString(device_type) AS device, toString(campaign) AS campaign,
        channel IN ('pos', 'store', 'beacon') OR channel = '' AND event IN ('Tag Read', 'Staff Scan') AS is_offline
    FROM verify_events
    WHERE profile_id != '' AND
        (  event IN ('Product Viewed', 'Product Clicked', 'Product Added', 'Tag Read', 'Staff Scan') AND (product_id != '' OR sku != '' OR category != '')
        OR event = 'Product List Viewed' AND category != '')
),
-- Offline: {{.Ropo.ZoneDwell}} ms in a zone of categories, dated at their end.
-- One ends a stay by leaving the zone, by entering another one or by entering or
-- leaving a store. An exit from another zone and an entry into this one change
-- nothing. Late events have no part in it.
zone_events AS
(
    SELECT e.profile_id AS profile_id, e.seq AS seq, e.at AS at, toString(e.event) AS event, e.message_order AS message_order,
        toString(e.channel) AS channel, toString(e.device_type) AS device, toString(e.campaign) AS campaign,
        if(z.zone_id = '', '', concat(z.store_id, '\0', z.zone_id)) AS zone, z.categories AS categories
    FROM (
        SELECT *, if(store_id IN {{set .Stores}}, toString(store_id), '') AS named_store
        FROM verify_events
        WHERE profile_id != '' AND event IN ('Zone Entered', 'Zone Exited', 'Store Entered', 'Store Exited') AND NOT is_late
    ) AS e
    LEFT ANY JOIN verify_zones AS z ON e.named_store = z.named_store AND e.zone_id = z.zone_id
),
-- The state: 1 zone, '' outside of those with categories, 2 entry, 3 seq of the
-- entry, 4 seqs of the entries that became touches.
stays AS
(
    SELECT profile_id,
        arrayFold((s, e) -> if(s.1 != '' AND e.2 <= s.2 + {{.Ropo.ZoneDwell}} AND (e.3 = 'Zone Entered' AND e.4 = s.1 OR e.3 = 'Zone Exited' AND e.4 != s.1), s,
                (if(e.3 = 'Zone Entered' AND e.5, e.4, ''), e.2, e.1, if(s.1 != '' AND e.2 >= s.2 + {{.Ropo.ZoneDwell}}, arrayPushBack(s.4, s.3), s.4))),
            arraySort(groupArray((seq, at, event, zone, notEmpty(categories)))),
            ('', toInt64(0), toInt64(0), CAST([], 'Array(Int64)'))) AS state,
        if(state.1 = '', state.4, arrayPushBack(state.4, state.3)) AS entries
    FROM zone_events
    GROUP BY profile_id
),
zone_touches AS
(
    SELECT profile_id, at + {{.Ropo.ZoneDwell}} AS at, message_order, '' AS product, '' AS sku, arrayJoin(categories) AS category,
        channel, device, campaign, true AS is_offline
    FROM zone_events
    WHERE (profile_id, seq) IN (SELECT profile_id, arrayJoin(entries) FROM stays)
),
touches AS
(
    SELECT profile_id, arraySort(groupArray((at, message_order, product, sku, category, channel, device, campaign, is_offline))) AS touched
    FROM (SELECT * FROM touch_events UNION ALL SELECT * FROM zone_touches)
    WHERE profile_id IN (SELECT profile_id FROM orders)
    GROUP BY profile_id
),
-- The visit in which an order in a store was made: the latest Store Entered,
-- else the latest sighting after 30 minutes without one, at most
-- {{.Ropo.Visit}} ms before; else the order itself.
sightings AS
(
    SELECT profile_id, store, at, event = 'Store Entered' AS enters,
        NOT enters AND at - lagInFrame(at, 1, -9000000000000) OVER (PARTITION BY profile_id, store, enters ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > 1800000 AS begins
    FROM
    (
        SELECT e.profile_id AS profile_id, e.at AS at, e.seq AS seq, e.event AS event,
            multiIf(e.store_id != '', toString(e.store_id), s.store_id != '', s.store_id, z.store_id) AS store
        FROM verify_events AS e
        LEFT ANY JOIN verify_sensors AS s ON e.sensor_id = s.sensor_id
        LEFT ANY JOIN verify_zones AS z ON e.store_id = z.named_store AND e.zone_id = z.zone_id
        WHERE e.profile_id != '' AND e.event IN ('Store Entered', 'Sensor Seen', 'Tag Read', 'Zone Entered', 'Zone Exited')
          AND e.profile_id IN (SELECT profile_id FROM orders)
    )
),
visits AS
(
    SELECT o.order_key AS order_key,
        if(countIf(v.enters) > 0, maxIf(v.at, v.enters), max(v.at)) AS visit_ms
    FROM orders AS o
    INNER JOIN (SELECT * FROM sightings WHERE enters OR begins) AS v
        ON o.profile_id = v.profile_id AND toString(o.first.2) = v.store
    WHERE v.at BETWEEN o.ordered_ms - {{.Ropo.Visit}} AND o.ordered_ms
    GROUP BY o.order_key
),
-- The newest {{.Ropo.Touches}} touches before each order within the lookback.
researched AS
(
    SELECT o.order_key AS order_key, o.profile_id AS profile_id, o.ordered_ms AS ordered_ms, o.first AS first,
        o.first.1 IN ('pos', 'store', 'beacon') AS in_store,
        if(v.order_key = '', o.ordered_ms, v.visit_ms) AS visit_ms,
        arrayFilter(t -> t.1 < o.ordered_ms AND t.1 >= o.ordered_ms - {{.Ropo.Lookback}}, t.touched) AS within_lookback,
        length(within_lookback) > {{.Ropo.Touches}} AS is_capped,
        arrayFilter(t -> t.9 != in_store, arraySlice(within_lookback, -{{.Ropo.Touches}})) AS remembered
    FROM orders AS o
    LEFT ANY JOIN touches AS t ON o.profile_id = t.profile_id
    LEFT ANY JOIN visits AS v ON o.order_key = v.order_key
),
-- The strongest level that has a touch.
matched AS
(
    SELECT r.*, l.product AS product, l.category AS category, l.units AS units, l.worth AS worth, l.is_refunded AS is_refunded, l.is_sure AS is_sure,
        arrayFilter(t -> t.3 != '' AND t.3 = l.product OR t.4 != '' AND t.4 = l.sku, remembered) AS by_sku,
        arrayFilter(t -> t.5 != '' AND t.5 = l.category, remembered) AS by_category,
        multiIf(notEmpty(by_sku), 'sku', notEmpty(by_category), 'category'{{if .Ropo.MatchAny}}, notEmpty(remembered), 'any'{{end}}, '') AS match_level,
        multiIf(match_level = 'sku', by_sku, match_level = 'category', by_category, match_level = 'any', remembered, []) AS matches,
        -- How old a touch was: in a store before the visit, online before the order.
        arrayMap(t -> if(in_store, visit_ms, ordered_ms) - t.1, matches) AS ages
    FROM researched AS r
    INNER JOIN net_lines AS l ON r.order_key = l.order_key
)
SELECT
    order_key AS order_id,
    product AS product_id,
    profile_id,
    multiIf(profile_id = '', 'unknown', NOT in_store AND first.4 = 'pickup', 'click_collect', empty(matches), 'none', in_store, 'ropo', 'showrooming') AS direction,
    toString(first.1) AS channel,
    match_level,
    category,
    toString(first.2) AS store_id,
    fromUnixTimestamp64Milli(ordered_ms, 'UTC') AS ordered_at,
    matches[-1].6 AS research_channel,
    matches[-1].7 AS research_device,
    matches[1].8 AS first_campaign,
    matches[-1].8 AS last_campaign,
    if(empty(matches), NULL, fromUnixTimestamp64Milli(matches[1].1, 'UTC')) AS first_touch_at,
    if(empty(matches), NULL, fromUnixTimestamp64Milli(matches[-1].1, 'UTC')) AS last_touch_at,
    toInt64(length(matches)) AS touches,
    toInt64(length(arrayDistinct(arrayMap(t -> intDiv(t.1, 86400000), matches)))) AS touch_days,
    if(empty(matches), NULL, ordered_ms - matches[-1].1) AS lag_ms,
    in_store AND arrayExists(a -> a <= 0, ages) AS lag_in_store,
    in_store AND arrayExists(a -> a > 0 AND a <= {{.Ropo.OnTheWay}}, ages) AS lag_on_the_way,
    arrayExists(a -> a > if(in_store, {{.Ropo.OnTheWay}}, 0) AND a <= 172800000, ages) AS lag_1d,
    arrayExists(a -> a > 172800000, ages) AS lag_2d_plus,
    arrayExists(a -> a > 604800000, ages) AS lag_7d_plus,
    units AS quantity,
    worth AS revenue,
    toString(first.3) AS currency,
    is_refunded,
    is_capped,
    is_sure
FROM matched
