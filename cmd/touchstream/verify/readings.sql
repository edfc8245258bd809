-- Readings of the door counters.
CREATE TEMPORARY TABLE verify_readings ENGINE = MergeTree ORDER BY (store, zone, seq) AS
SELECT z.store_id AS store, z.zone_id AS zone, e.at AS at, e.seq AS seq,
    toInt64(ifNull(e.count_in, 0)) AS came, toInt64(ifNull(e.count_out, 0)) AS went,
    {{.CounterDay}} AS day, {{.CounterReset}} AS reset_at
FROM verify_events AS e
LEFT ANY JOIN verify_sensors AS s ON e.sensor_id = s.sensor_id
INNER JOIN verify_zones AS z ON if(e.zone_id != '', toString(e.store_id), s.store_id) = z.named_store AND if(e.zone_id != '', toString(e.zone_id), s.zone_id) = z.zone_id
WHERE e.event = 'Counter Read' AND e.store_id IN ('', z.store_id) AND NOT e.is_late AND e.staff_id = ''
