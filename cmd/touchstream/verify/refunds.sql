{{- define "refunds"}}
-- Refunds that name a product take units and amount from its line: both, or
-- the share of the amount of the units, or an amount alone, or all if they name
-- neither. Order Cancelled, a refund without amount, and one from the order's
-- total on take all. Any other amount is spread over the lines by revenue, the
-- remainder to the greatest product.
refund_events AS
(
    SELECT event, order_id AS order_key,
        arrayJoin(multiIf(
            event = 'Order Cancelled', [('', '', NULL, NULL)],
            notEmpty(`items.product_id`), arrayZip(`items.product_id`, `items.sku`, `items.quantity`, `items.amount`),
            [(product_id, sku, quantity, amount)])) AS part,
        if(part.1 != '', part.1, part.2) AS product
    FROM verify_purchases
    WHERE event IN ('Order Refunded', 'Order Cancelled') AND order_id != ''
),
order_refunds AS
(
    SELECT order_key, max(part.4 IS NULL) AS takes_all, sum(toDecimal128(ifNull(part.4, 0), 4)) AS amount
    FROM refund_events
    WHERE product = ''
    GROUP BY order_key
),
product_refunds AS
(
    SELECT r.order_key AS order_key, r.product AS product,
        max(part.3 IS NULL AND part.4 IS NULL) AS takes_all,
        sum(toDecimal128(ifNull(part.3, 0), 4)) AS units,
        sum(multiIf(part.4 IS NOT NULL, toDecimal128(ifNull(part.4, 0), 4), part.3 IS NULL OR l.units = 0, toDecimal128(0, 4),
            toDecimal128(toFloat64(l.worth) * toFloat64(ifNull(part.3, 0)) / toFloat64(l.units), 4))) AS amount
    FROM refund_events AS r
    INNER JOIN lines AS l ON r.order_key = l.order_key AND r.product = l.product
    WHERE r.product != ''
    GROUP BY r.order_key, r.product
),
-- Amounts spread by revenue, rounded down; the greatest product takes the rest.
shares AS
(
    SELECT l.order_key AS order_key, l.product AS product, o.amount AS whole, o.takes_all OR o.amount >= t.total AS takes_all,
        l.product = t.greatest AS takes_rest,
        if(takes_rest OR t.total = 0, toDecimal128(0, 4), toDecimal128(floor(toFloat64(o.amount) * toFloat64(l.worth) / toFloat64(t.total), 4), 4)) AS share
    FROM lines AS l
    INNER JOIN order_refunds AS o ON l.order_key = o.order_key
    INNER JOIN (SELECT order_key, sum(worth) AS total, max(product) AS greatest FROM lines GROUP BY order_key) AS t ON l.order_key = t.order_key
),
spread AS
(
    SELECT *, if(takes_rest, whole - sum(share) OVER (PARTITION BY order_key), share) AS amount FROM shares
),
net_lines AS
(
    SELECT l.order_key AS order_key, l.product AS product, l.sku AS sku, l.category AS category,
        s.takes_all OR p.takes_all AS takes_all,
        if(takes_all, toDecimal128(0, 4), greatest(toDecimal128(0, 4), l.units - p.units)) AS units,
        if(takes_all, toDecimal128(0, 4), greatest(toDecimal128(0, 4), l.worth - p.amount - s.amount)) AS worth,
        takes_all OR (p.order_key != '' OR s.order_key != '') AND units = 0 AND worth = 0 AS is_refunded,
        -- Refunds of both kinds depend on their order, which is not followed here.
        NOT (p.order_key != '' AND s.order_key != '' AND NOT s.takes_all) AS is_sure
    FROM lines AS l
    LEFT ANY JOIN spread AS s ON l.order_key = s.order_key AND l.product = s.product
    LEFT ANY JOIN product_refunds AS p ON l.order_key = p.order_key AND l.product = p.product
),
{{- end}}
