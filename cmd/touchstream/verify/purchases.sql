-- Orders and what was given back of them.
CREATE TEMPORARY TABLE verify_purchases ENGINE = MergeTree ORDER BY (order_key, seq) AS
SELECT * FROM verify_events WHERE event IN ('Order Completed', 'Order Refunded', 'Order Cancelled')
