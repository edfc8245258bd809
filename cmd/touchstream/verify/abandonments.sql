-- What was left (semantics 7): the episodes that have fired, with what the
-- cart held and the events told.
WITH
{{template "shopping" .}}
-- The cart when the episode fired.
stretches AS
(
    SELECT owner, at, n, items, value, items = 0 AND before > 0 AS is_emptied,
        -- The currency of the first priced change since the cart was last empty.
        argMinIf(currency, n, currency != '') OVER (PARTITION BY owner, stretch ORDER BY n ROWS UNBOUNDED PRECEDING) AS first_currency
    FROM (SELECT *, sum(items = 0 AND before > 0) OVER (PARTITION BY owner ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS stretch FROM cart_totals)
),
carts AS
(
    SELECT owner, at, argMax(items, n) AS items, argMax(value, n) AS value, argMax(if(is_emptied, '', first_currency), n) AS currency
    FROM stretches
    GROUP BY owner, at
),
-- Products in it: of those changed in the present era the last units.
cart_products AS
(
    SELECT owner, groupArray((n, item, at, toInt64(era), product, units)) AS changes FROM cart_units GROUP BY owner
),
-- What else the episode's events tell.
told AS
(
    SELECT cityHash64(e.owner, e.form_id, e.opened) AS episode,
        argMaxIf(toString(a.cart_id), a.n, a.cart_id != '' AND a.stage BETWEEN 1 AND 3) AS cart_id,
        argMaxIf(toString(a.field), a.n, a.field != '' AND a.stage = 4 AND e.stage = 4) AS last_field,
        arraySort(groupUniqArrayIf(if(a.product_id != '', a.product_id, a.sku), a.stage = 1 AND (a.product_id != '' OR a.sku != ''))) AS seen
    FROM verify_episodes AS e
    INNER JOIN active AS a ON e.owner = a.owner
    WHERE a.at BETWEEN e.opened AND e.due AND (e.stage != 4 OR a.form_id = e.form_id)
    GROUP BY episode
)
SELECT
    e.profile_id AS profile_id,
    e.form_id AS form_id,
    fromUnixTimestamp64Milli(e.opened, 'UTC') AS opened_at,
    ['browse', 'cart', 'checkout', 'form'][e.stage] AS stage,
    t.cart_id AS cart_id,
    t.last_field AS last_field,
    fromUnixTimestamp64Milli(e.due, 'UTC') AS due_at,
    fromUnixTimestamp64Milli(e.due, 'UTC') AS fired_at,
    if(state = 'fired', NULL, fromUnixTimestamp64Milli(if(e.closed > 0, e.closed, e.due + {{.Abandonment.Recovery}}), 'UTC')) AS closed_at,
    multiIf(e.closed > 0, 'recovered', e.due + {{.Abandonment.Recovery}} < {{.Watermark}}, 'expired', 'fired') AS state,
    if(e.closed > 0, o.channel, '') AS closed_by_channel,
    e.stage != 4 AS has_cart,
    if(has_cart, c.items, 0) AS items,
    arrayReduce('max', arrayMap(q -> q.4, arrayFilter(q -> q.3 <= e.due, p.changes))) AS era,
    arrayFilter(q -> q.3 <= e.due AND q.4 = era, p.changes) AS changes,
    arrayFilter(name -> arrayReduce('argMax', arrayMap(q -> q.6, arrayFilter(q -> q.5 = name, changes)), arrayMap(q -> (q.1, q.2), arrayFilter(q -> q.5 = name, changes))) > 0,
        arrayDistinct(arrayMap(q -> q.5, changes))) AS in_cart,
    multiIf(NOT has_cart, [], notEmpty(in_cart), arraySort(in_cart), t.seen) AS products,
    if(has_cart, c.value, 0) AS value,
    if(has_cart, toString(c.currency), '') AS cart_currency,
    if(cart_currency = '' AND e.closed > 0, o.currency, cart_currency) AS currency,
    if(e.closed > 0 AND o.currency IN ('', currency), o.revenue, 0) AS recovered_revenue,
    notEmpty(in_cart) OR length(t.seen) < 16 AS is_sure
FROM verify_episodes AS e
LEFT ANY JOIN told AS t ON cityHash64(e.owner, e.form_id, e.opened) = t.episode
LEFT ANY JOIN orders AS o ON e.owner = o.owner AND e.closed = o.first_ms
LEFT ANY JOIN cart_products AS p ON e.owner = p.owner
ASOF LEFT JOIN carts AS c ON e.owner = c.owner AND e.due >= c.at
