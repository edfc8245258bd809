{{- define "cart"}}
-- The cart rules, for the events of `cart_events`, whose carts belong to an
-- owner and are in the order of n. Each change of a product's units is one
-- row. Cart Viewed with items and orders begin a new cart (an era).
cart_changes AS
(
    SELECT owner, n, at, event, currency,
        arrayJoin(multiIf(
            event = 'Order Completed', [(1, '', 0, NULL)],
            empty(`items.product_id`), [(1, if(product_id != '', product_id, sku), quantity, price)],
            arrayMap((i, p, k, q, c) -> (i, if(p != '', p, k), q, c),
                arrayEnumerate(`items.product_id`), `items.product_id`, `items.sku`, `items.quantity`, `items.price`))) AS change,
        event IN ('Order Completed', 'Cart Viewed') AS is_reset
    FROM cart_events
    WHERE event IN ('Product Added', 'Product Removed', 'Wishlist Product Added to Cart', 'Order Completed')
       OR event = 'Cart Viewed' AND notEmpty(`items.product_id`)
),
-- Units that a change brings. A removal without quantity starts the product
-- anew from 0 (a part).
cart_eras AS
(
    SELECT owner, n, at, currency, change.1 AS item, change.2 AS product, change.4 AS named_price,
        event = 'Product Removed' AND change.3 IS NULL AS removes_all,
        toDecimal128(if(removes_all, 0, ifNull(change.3, 1)), 4) * if(event = 'Product Removed', -1, 1) AS delta,
        sum(is_reset AND item = 1) OVER (PARTITION BY owner ORDER BY n, change.1 ROWS UNBOUNDED PRECEDING) AS era
    FROM cart_changes
),
cart_parts AS
(
    SELECT *,
        sum(removes_all) OVER (PARTITION BY owner, era, product ORDER BY n, item ROWS UNBOUNDED PRECEDING) AS part,
        -- The last known price in this cart, which outlives the units.
        ifNull(anyLast(named_price) OVER (PARTITION BY owner, product ORDER BY n, item ROWS UNBOUNDED PRECEDING), 0) AS price
    FROM cart_eras
),
cart_sums AS
(
    SELECT *, sum(delta) OVER (PARTITION BY owner, era, product, part ORDER BY n, item ROWS UNBOUNDED PRECEDING) AS level
    FROM cart_parts
),
-- Never below 0: the level above the lowest point below 0 so far.
cart_units AS
(
    SELECT *, level - least(0, min(level) OVER (PARTITION BY owner, era, product, part ORDER BY n, item ROWS UNBOUNDED PRECEDING)) AS units
    FROM cart_sums
),
cart_steps AS
(
    SELECT *,
        units - lagInFrame(units, 1, 0) OVER (PARTITION BY owner, era, product ORDER BY n, item ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS items_step,
        toDecimal128(units * price, 4) AS worth,
        worth - lagInFrame(worth, 1, 0) OVER (PARTITION BY owner, era, product ORDER BY n, item ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS value_step
    FROM cart_units
),
-- The whole cart after each event, and the units before it.
cart_after AS
(
    SELECT owner, n, any(at) AS at, any(era) AS era, argMax(items, item) AS items, argMax(value, item) AS value,
        argMinIf(currency, item, currency != '' AND named_price IS NOT NULL) AS currency
    FROM
    (
        SELECT owner, n, at, era, item, currency, named_price,
            sum(items_step) OVER (PARTITION BY owner, era ORDER BY n, item ROWS UNBOUNDED PRECEDING) AS items,
            sum(value_step) OVER (PARTITION BY owner, era ORDER BY n, item ROWS UNBOUNDED PRECEDING) AS value
        FROM cart_steps
    )
    GROUP BY owner, n
),
cart_totals AS
(
    SELECT *, lagInFrame(items, 1, 0) OVER (PARTITION BY owner ORDER BY n ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS before FROM cart_after
),
{{- end}}
