{{- /* Kind and value of the strongest identifier that is not blocked, of columns
whose names begin as told; '' without one. */ -}}
{{- define "device_key"}}multiIf(
        {{notBlocked (print . "anonymous_id")}}, concat('anonymous_id:', {{.}}anonymous_id),
        {{notBlocked (print . "device_id")}}, concat('device_id:', {{.}}device_id),
        {{notBlocked (print . "user_id")}}, concat('user_id:', {{.}}user_id),
        {{notBlocked (print . "loyalty_id")}}, concat('loyalty_id:', {{.}}loyalty_id),
        ''){{end}}

{{- define "id"}}cityHash64(event, event_time, message_id){{end}}

{{- /* Of events of one instant: entering, viewing, adding, removing, checkout,
order, the rest. */ -}}
{{- define "rank"}}CAST(multiIf(
        event IN ('Store Entered', 'Zone Entered'), 0,
        event IN ('page', 'screen', 'Products Searched', 'Product List Viewed', 'Product List Filtered', 'Promotion Viewed',
                  'Promotion Clicked', 'Product Clicked', 'Product Viewed', 'Cart Viewed'), 1,
        event IN ('Product Added', 'Product Added to Wishlist', 'Wishlist Product Added to Cart'), 2,
        event IN ('Product Removed', 'Product Removed from Wishlist'), 3,
        event IN ('Checkout Started', 'Checkout Step Viewed', 'Checkout Step Completed', 'Payment Info Entered'), 4,
        event = 'Order Completed', 5,
        6), 'UInt8'){{end}}

{{- define "message_order"}}if(position(message_id, '/') > 0 AND message_id = concat(source, '/', topic, '/', toString(partition), '/', toString(offset), '/', toString(element)),
       concat('\0', source, '/', topic, '/', leftPad(toString(partition), 10, '0'), '/', leftPad(toString(offset), 19, '0'), '/', leftPad(toString(element), 10, '0')),
       message_id){{end}}
