-- The order of events that have one instant, from 0: by rank and message_order.
CREATE TEMPORARY TABLE verify_ties ENGINE = Memory AS
SELECT {{template "id"}} AS id,
    row_number() OVER (PARTITION BY event_time ORDER BY {{template "rank"}}, {{template "message_order"}}) - 1 AS tie
FROM {{field .Database}}.events FINAL
WHERE event_time IN (SELECT event_time FROM {{field .Database}}.events WHERE 1{{.Range}} GROUP BY event_time HAVING count() > 1){{.Range}}
