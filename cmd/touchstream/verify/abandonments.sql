-- What was left (semantics 7): episodes of a profile, and of its forms.
WITH
active AS (SELECT * FROM verify_activity),
cart_events AS
(
    SELECT profile_id AS owner, n, at, event, product_id, sku, quantity, price, toString(currency) AS currency,
        `items.product_id`, `items.sku`, `items.quantity`, `items.price`
    FROM active
    WHERE stage = 2 OR event = 'Order Completed'
),
{{template "cart" .}}
-- A removal that leaves nothing empties the cart.
emptied AS
(
    SELECT a.profile_id AS profile_id, a.n AS n
    FROM active AS a
    INNER JOIN cart_totals AS c ON a.profile_id = c.owner AND a.n = c.n
    WHERE a.event = 'Product Removed' AND c.items = 0
),
-- Lines of an order, and whole orders with one id, are one order: it ends
-- episodes at its first event, with all its amount.
orders AS
(
    SELECT profile_id, if(order_id = '', message_id, order_id) AS order_key, min(n) AS first_n, min(at) AS first_ms,
        argMin(toString(channel), n) AS channel, argMin(toString(currency), n) AS currency,
        sumIf(toDecimal128(ifNull(amount, 0), 4), product_id != '') + ifNull(argMinOrNullIf(toDecimal128(ifNull(amount, 0), 4), n, product_id = ''), 0) AS revenue
    FROM active
    WHERE event = 'Order Completed'
    GROUP BY profile_id, order_key
),
-- What moves an episode on.
moves AS
(
    SELECT a.profile_id AS profile_id,
        arrayJoin(multiIf(stage = 4 OR event = 'Form Submitted', [toString(form_id)], event IN ('Store Entered', 'Store Exited'), f.forms, [''])) AS form_id,
        a.n AS n, a.at AS at, toInt64(stage) AS stage,
        multiIf(
            event IN ('Store Entered', 'Store Exited'), 'postpone',
            event = 'Form Submitted', 'submit',
            event = 'Order Completed', if(o.first_n > 0, 'end', 'nothing'),
            e.n > 0, 'empty',
            'activity') AS does
    FROM active AS a
    LEFT ANY JOIN emptied AS e ON a.profile_id = e.profile_id AND a.n = e.n
    LEFT ANY JOIN orders AS o ON a.profile_id = o.profile_id AND a.n = o.first_n
    LEFT ANY JOIN (SELECT profile_id, groupUniqArrayArray(['', if(stage = 4, toString(form_id), '')]) AS forms FROM active GROUP BY profile_id) AS f
        ON a.profile_id = f.profile_id
    WHERE does != 'activity' OR stage IN {{.Stages}}
),
-- To be quick: an activity that follows browsing, when nothing but browsing is
-- remembered, is one step with it.
joined AS
(
    SELECT *,
        does = 'activity' AND stage = 1
        AND at - lagInFrame(if(does = 'activity' AND stage = 1, at, -9000000000000), 1, -9000000000000) OVER w <= {{.After}}[1]
        AND at - max(if(does = 'activity' AND stage = 1, -9000000000000, at)) OVER w > 2 * arrayMax({{.After}}) AS joins
    FROM moves
    WINDOW w AS (PARTITION BY profile_id, form_id ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
stretched AS
(
    SELECT *, sum(NOT joins) OVER (PARTITION BY profile_id, form_id ORDER BY n ROWS UNBOUNDED PRECEDING) AS place FROM joined
),
-- Before every step the timer.
steps AS
(
    SELECT profile_id, form_id, arraySort(groupArrayArray([(place, 0, 'timer', 0, from_ms, from_ms), (place, 1, does, stage, from_ms, to_ms)])) AS steps
    FROM
    (
        SELECT profile_id, form_id, place, any(does) AS does, any(stage) AS stage, min(at) AS from_ms, max(at) AS to_ms
        FROM stretched
        GROUP BY profile_id, form_id, place
    )
    GROUP BY profile_id, form_id
),
-- The open episode (when it opened or 0, its stage, when it is due) and those
-- that have fired, each with the time at which it was recovered or 0.
folded AS
(
    SELECT profile_id, form_id,
        arrayFold((s, e) -> multiIf(
            -- The timer fires what is due before this event.
            e.3 = 'timer', if(s.1 > 0 AND s.3 < e.5, (toInt64(0), toInt64(0), toInt64(0), arrayPushBack(s.4, (s.1, s.2, s.3, toInt64(0)))), s),
            e.3 = 'postpone', if(s.1 > 0, (s.1, s.2, greatest(s.3, e.5 + {{.After}}[s.2]), s.4), s),
            -- An order ends the open episode and recovers the last fired one that is still
            -- open; a submission ends one of them.
            e.3 = 'submit' AND s.1 > 0, (toInt64(0), toInt64(0), toInt64(0), s.4),
            e.3 IN ('end', 'submit'), (toInt64(0), toInt64(0), toInt64(0), arrayMap((f, i) ->
                if(i = arrayLastIndex(g -> g.4 = 0 AND e.5 - g.3 <= {{.Abandonment.Recovery}}, s.4), (f.1, f.2, f.3, e.5), f), s.4, arrayEnumerate(s.4))),
            e.3 = 'empty', if(s.1 > 0, (toInt64(0), toInt64(0), toInt64(0), s.4), s),
            e.3 = 'activity', multiIf(
                s.1 = 0, (e.5, e.4, e.6 + {{.After}}[e.4], s.4),
                e.4 >= s.2, (s.1, e.4, e.6 + {{.After}}[e.4], s.4),
                s),
            s), steps, (toInt64(0), toInt64(0), toInt64(0), CAST([], 'Array(Tuple(Int64, Int64, Int64, Int64))'))) AS state,
        -- In the end the open one fires, if the watermark is past its due.
        arrayConcat(state.4, if(state.1 > 0 AND state.3 < {{.Watermark}}, [(state.1, state.2, state.3, toInt64(0))], [])) AS fired
    FROM steps
),
episodes AS
(
    SELECT profile_id, form_id, episode.1 AS opened, episode.2 AS stage, episode.3 AS due, episode.4 AS closed
    FROM folded
    ARRAY JOIN fired AS episode
),
-- The cart when the episode fired.
stretches AS
(
    SELECT owner, at, n, items, value,
        -- The currency of the first priced change since the cart was last empty.
        argMinIf(currency, n, currency != '') OVER (PARTITION BY owner, stretch ORDER BY n ROWS UNBOUNDED PRECEDING) AS currency
    FROM (SELECT *, sum(items = 0) OVER (PARTITION BY owner ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS stretch FROM cart_totals)
),
carts AS
(
    SELECT owner, at, argMax(items, n) AS items, argMax(value, n) AS value, argMax(currency, n) AS currency
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
    SELECT e.profile_id AS profile_id, e.form_id AS form_id, e.opened AS opened,
        argMaxIf(toString(a.cart_id), a.n, a.cart_id != '' AND a.stage BETWEEN 1 AND 3) AS cart_id,
        argMaxIf(toString(a.field), a.n, a.field != '' AND a.stage = 4 AND e.stage = 4) AS last_field,
        arraySort(groupUniqArrayIf(if(a.product_id != '', a.product_id, a.sku), a.stage = 1 AND (a.product_id != '' OR a.sku != ''))) AS seen
    FROM episodes AS e
    INNER JOIN active AS a ON e.profile_id = a.profile_id
    WHERE a.at BETWEEN e.opened AND e.due AND (e.stage != 4 OR a.form_id = e.form_id)
    GROUP BY profile_id, form_id, opened
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
    if(has_cart AND c.items > 0, toString(c.currency), '') AS cart_currency,
    if(cart_currency = '' AND e.closed > 0, o.currency, cart_currency) AS currency,
    if(e.closed > 0 AND o.currency IN ('', currency), o.revenue, 0) AS recovered_revenue,
    notEmpty(in_cart) OR length(t.seen) < 16 AS is_sure
FROM episodes AS e
LEFT ANY JOIN told AS t ON e.profile_id = t.profile_id AND e.form_id = t.form_id AND e.opened = t.opened
LEFT ANY JOIN orders AS o ON e.profile_id = o.profile_id AND e.closed = o.first_ms
LEFT ANY JOIN cart_products AS p ON e.profile_id = p.owner
ASOF LEFT JOIN carts AS c ON e.profile_id = c.owner AND e.due >= c.at
