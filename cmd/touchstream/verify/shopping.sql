{{- define "shopping"}}
-- What profiles did, their carts and their orders.
active AS (SELECT * FROM verify_activity),
cart_events AS
(
    SELECT owner, n, at, event, product_id, sku, quantity, price, toString(currency) AS currency,
        `items.product_id`, `items.sku`, `items.quantity`, `items.price`
    FROM active
    WHERE stage = 2 OR event = 'Order Completed'
),
{{template "cart" .}}
-- Lines of an order, and whole orders with one id, are one order: it ends
-- episodes at its first event, with all its amount.
orders AS
(
    SELECT owner, min(n) AS first_n, min(at) AS first_ms,
        argMin(toString(channel), n) AS channel, argMin(toString(currency), n) AS currency,
        sumIf(toDecimal128(ifNull(amount, 0), 4), product_id != '') + ifNull(argMinOrNullIf(toDecimal128(ifNull(amount, 0), 4), n, product_id = ''), 0) AS revenue
    FROM active
    WHERE event = 'Order Completed'
    GROUP BY owner, order_key
),
{{- end}}
