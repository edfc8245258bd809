-- Events that matter to abandonment, in the order of each profile, which is
-- called owner by a hash that sorts faster, with their stage: 1 browse, 2 cart,
-- 3 checkout, 4 form.
CREATE TEMPORARY TABLE verify_activity ENGINE = MergeTree ORDER BY (owner, n) SETTINGS {{.Unmerged}} AS
SELECT cityHash64(profile_id) AS owner, profile_id, at, event, order_key, channel, product_id, sku, quantity, price, amount, currency, cart_id, form_id, field,
    `items.product_id`, `items.sku`, `items.quantity`, `items.price`,
    CAST(multiIf(
        event IN ('Product Viewed', 'Product Clicked', 'Product List Viewed'), 1,
        event IN ('Product Added', 'Product Removed', 'Cart Viewed', 'Wishlist Product Added to Cart'), 2,
        event IN ('Checkout Started', 'Checkout Step Viewed', 'Checkout Step Completed', 'Payment Info Entered'), 3,
        event IN ('Form Started', 'Form Field Completed', 'Form Field Failed'), 4,
        0), 'UInt8') AS stage,
    seq AS n
FROM verify_events
WHERE profile_id != '' AND {{.ActivityEvents}}
