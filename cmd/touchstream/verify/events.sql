-- Every event that counts, once, in the columns that the tables below need.
--
-- at           event time in ms
-- seq          the place in the order of all events: by time, and in one ms by
--              rank and message_order (not told apart beyond a million events)
-- device_hash  hash of the kind and value of the strongest of anonymous_id,
--              device_id, user_id, loyalty_id that is not blocked; 0 without one
-- profile_id   as known on arrival, by its present name
-- former_id    as known on arrival, if its name is another one now
-- message_order is the message id; ids that are places in a file or partition
--              begin with '\0' and sort by number
-- order_key    the order that an Order Completed belongs to, by itself without
--              order_id
-- is_user, is_named  there is a user_id, or one or a loyalty_id
-- watermark    that of the partition just before the event, 0 if it is in time
--
-- Events are joined with verify_ties and verify_late by a hash of what tells them
-- apart. Of ten million events or devices two have one hash with a probability of
-- 3 in a million. Whatever that does to the derived rows, it shows as a difference.
CREATE TEMPORARY TABLE verify_events ENGINE = MergeTree ORDER BY tuple() SETTINGS {{.Unmerged}} AS
SELECT
    if(({{template "device_key" "e."}} AS device_key) = '', 0, cityHash64(device_key)) AS device_hash,
    toUnixTimestamp64Milli(e.event_time) AS at,
    at * 1048576 + least(t.tie, 1048575) AS seq,
    e.event AS event,
    CAST(event IN ('identify', 'alias', 'group', 'Sensor Seen', 'Counter Read', 'Message Sent', 'Shipment Updated', 'Pickup Ready',
              'Pickup Expired', 'Order Updated', 'Order Refunded', 'Order Cancelled', 'Case Closed'), 'Bool') AS is_system,
    e.message_order AS message_order,
    multiIf(event != 'Order Completed', '', e.order_id = '', e.message_id, e.order_id) AS order_key,
    e.source AS source, e.topic AS topic_, e.partition AS partition_, e.offset AS offset_, e.element AS element_,
    if(o.current_profile_id = '', '', e.profile_id) AS former_id,
    if(o.current_profile_id = '', e.profile_id, o.current_profile_id) AS profile_id,
    {{notBlocked "e.user_id"}} AS is_user,
    is_user OR {{notBlocked "e.loyalty_id"}} AS is_named,
    {{if .Bots}}CAST(multiSearchAny(lower(toLowCardinality(e.user_agent)), {{list .Bots}}), 'Bool'){{else}}false{{end}} AS is_bot_agent,
    l.watermark AS watermark,
    l.watermark > 0 AS is_late
{{- range .EventColumns}},
    e.{{.}} AS {{field .}}
{{- end}}
FROM
(
    SELECT *, {{template "id"}} AS id, {{template "message_order"}} AS message_order
    FROM {{field .Database}}.events FINAL
    WHERE 1{{.Range}}
    {{- if .HasDeadLetters}}
    -- An event that no operator took any more is a dead letter.
    AND cityHash64(source, topic, partition, offset, event_time) NOT IN (
        SELECT cityHash64(source, topic, partition, offset, parseDateTime64BestEffortOrZero(extract(detail, '^event time ([^ ]+) '), 3, 'UTC'))
        FROM {{field .Database}}.dead_letters FINAL WHERE reason = 'late')
    {{- end}}
) AS e
LEFT ANY JOIN verify_ties AS t ON e.id = t.id
LEFT ANY JOIN verify_late AS l ON e.id = l.id
{{- if .HasOverrides}}
LEFT ANY JOIN (SELECT profile_id, current_profile_id FROM {{field .Database}}.identity_overrides FINAL) AS o ON e.profile_id = o.profile_id
{{- else}}
LEFT ANY JOIN (SELECT '' AS profile_id, '' AS current_profile_id WHERE false) AS o ON e.profile_id = o.profile_id
{{- end}}
