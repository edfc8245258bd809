-- Who was in which zone, and when (semantics 8): a device is in one zone of a
-- store at a time.
CREATE TEMPORARY TABLE verify_stays ENGINE = MergeTree ORDER BY (store, zone, entry) AS
WITH
sightings AS
(
    SELECT
        multiIf({{notBlocked "e.device_id"}}, concat('device_id:', e.device_id), {{notBlocked "e.anonymous_id"}}, concat('anonymous_id:', e.anonymous_id),
            {{notBlocked "e.user_id"}}, concat('user_id:', e.user_id), {{notBlocked "e.loyalty_id"}}, concat('loyalty_id:', e.loyalty_id), '') AS device,
        e.at AS at, e.seq AS seq,
        -- A sensor decides where Sensor Seen was, else the zone; for all other events the zone, else the sensor.
        (e.event = 'Sensor Seen' OR e.zone_id = '') AND e.sensor_id != '' AS by_sensor,
{{- if .Venue}}
        if(by_sensor, s.zone_id, z.zone_id) AS zone,
        if(by_sensor, s.store_id, z.store_id) AS store,
        if(s.presence_ms > 0, s.presence_ms, {{.Crowd.PresenceTimeout.Beacon}}) AS presence,
{{- else}}
        if(e.zone_id != '', toString(e.zone_id), toString(e.sensor_id)) AS zone,
        toString(e.store_id) AS store,
        if(e.event = 'Tag Read', {{.Crowd.PresenceTimeout.RFID}}, {{.Crowd.PresenceTimeout.Beacon}}) AS presence,
{{- end}}
        toString(e.sensor_id) AS sensor,
        multiIf(e.event IN ('Zone Entered', 'Tag Read'), 'enter', e.event = 'Zone Exited', 'exit', e.rssi IS NULL, 'see', 'hear') AS does,
        toFloat64(ifNull(e.rssi, 0)) AS rssi
    FROM verify_events AS e
    LEFT ANY JOIN verify_sensors AS s ON e.sensor_id = s.sensor_id
    LEFT ANY JOIN verify_zones AS z ON e.store_id = z.named_store AND e.zone_id = z.zone_id
    -- Crowd takes no late events and leaves staff out.
    WHERE e.event IN ('Sensor Seen', 'Zone Entered', 'Zone Exited', 'Tag Read') AND NOT e.is_late AND e.staff_id = ''
      AND NOT hasAny({{list .StaffDevices}}, [e.device_id, e.anonymous_id, e.user_id, e.loyalty_id])
      AND device != '' AND zone != ''{{if .Venue}} AND e.store_id IN ('', store){{end}}
),
-- Each sighting is three steps: what has timed out leaves; the signal is
-- smoothed; the device is placed.
steps AS
(
    SELECT store, device, arraySort(groupArrayArray([
            (at, seq, 1, 'time out', zone, sensor, rssi, presence),
            (at, seq, 2, if(does = 'hear', 'smooth', ''), zone, sensor, rssi, presence),
            (at, seq, 3, does, zone, sensor, rssi, presence)])) AS steps
    FROM sightings
    GROUP BY store, device
),
-- The state: 1 zone ('' outside), 2 entry, 3 last sighting, 4 when it times
-- out, 5 put there by an event, 6 current sensor, 7 signals as (sensor, mean,
-- last heard, successive readings ahead of this very current sensor, presence), 8 in the store
-- since, 9 was sensed, 10 presence of the last sighting, 11 stays as (zone,
-- entry, left, last sighting, in the store since, was sensed, presence).
folded AS
(
    SELECT store, device,
        arrayFold((s, e) -> multiIf(
            e.4 = 'time out', if(s.1 != '' AND s.4 < e.1,
                ('', s.2, s.3, s.4, false, '', CAST([], 'Array(Tuple(String, Float64, Int64, Int64, Int64))'), s.8, false, s.10,
                    arrayPushBack(s.11, (s.1, s.2, s.4, s.3, s.8, s.9, s.10))),
                s),
            -- m <- m + (rssi - m) / 2; the first reading, and one after silence, assigns.
            e.4 = 'smooth', (s.1, s.2, s.3, s.4, s.5, s.6,
                arrayPushBack(arrayFilter(x -> x.1 != e.6, s.7), arrayMap((old, now) -> (e.6,
                    if(old.1 = '' OR old.3 + old.5 < e.1, e.7, old.2 + (e.7 - old.2) / 2),
                    e.1,
                    if(s.6 != e.6 AND (now.1 = '' OR now.3 + now.5 < e.1
                            OR if(old.1 = '' OR old.3 + old.5 < e.1, e.7, old.2 + (e.7 - old.2) / 2) >= now.2 + {{.Crowd.RSSI.SwitchDB}}),
                        if(old.1 = '' OR old.3 + old.5 < e.1, 0, old.4) + 1, 0),
                    e.8),
                    [arrayFirst(x -> x.1 = e.6, s.7)], [arrayFirst(x -> x.1 = s.6, s.7)])[1]),
                s.8, s.9, s.10, s.11),
            -- In no zone: it goes where it is seen.
            e.4 IN ('hear', 'see', 'enter') AND s.1 = '',
                (e.5, e.1, e.1, e.1 + if(e.4 = 'enter', {{.Crowd.ZoneTimeout}}, e.8), e.4 = 'enter', if(e.4 = 'enter', '', e.6),
                    arrayMap(x -> (x.1, x.2, x.3, toInt64(0), x.5), s.7), e.1, e.4 != 'enter', e.8, s.11),
            e.4 = 'exit', if(s.1 = e.5,
                ('', s.2, e.1, s.4, false, '', CAST([], 'Array(Tuple(String, Float64, Int64, Int64, Int64))'), s.8, false, s.10,
                    arrayPushBack(s.11, (s.1, s.2, e.1, e.1, s.8, s.9, s.10))),
                s),
            -- Seen where it is.
            e.4 = 'enter' AND s.1 = e.5, (s.1, s.2, e.1, e.1 + {{.Crowd.ZoneTimeout}}, true, s.6, s.7, s.8, s.9, e.8, s.11),
            e.4 IN ('hear', 'see') AND s.1 = e.5, (s.1, s.2, e.1, e.1 + if(s.5, {{.Crowd.ZoneTimeout}}, e.8), s.5,
                if(e.4 = 'see' OR s.6 = '' OR s.7[-1].4 >= {{.Crowd.RSSI.Readings}}, e.6, s.6),
                if(e.4 = 'see' OR s.6 = '' OR s.7[-1].4 >= {{.Crowd.RSSI.Readings}}, arrayMap(x -> (x.1, x.2, x.3, toInt64(0), x.5), s.7), s.7), s.8, s.9, e.8, s.11),
            -- Seen elsewhere: by an event, without a signal's strength, or stronger for some readings.
            e.4 IN ('enter', 'see') OR e.4 = 'hear' AND s.7[-1].4 >= {{.Crowd.RSSI.Readings}},
                (e.5, e.1, e.1, e.1 + if(e.4 = 'enter', {{.Crowd.ZoneTimeout}}, e.8), e.4 = 'enter', if(e.4 = 'enter', '', e.6),
                    arrayMap(x -> (x.1, x.2, x.3, toInt64(0), x.5), s.7), s.8, e.4 != 'enter', e.8,
                    arrayPushBack(s.11, (s.1, s.2, e.1, s.3, s.8, s.9, s.10))),
            -- Heard elsewhere, but not strong enough.
            e.4 = 'hear', (s.1, s.2, e.1, e.1 + if(s.5, {{.Crowd.ZoneTimeout}}, e.8), s.5, s.6, s.7, s.8, s.9, e.8, s.11),
            s),
            steps,
            ('', toInt64(0), toInt64(0), toInt64(0), false, '', CAST([], 'Array(Tuple(String, Float64, Int64, Int64, Int64))'), toInt64(0), false, toInt64(0),
                CAST([], 'Array(Tuple(String, Int64, Int64, Int64, Int64, Bool, Int64))'))) AS state,
        if(state.1 = '', state.11, arrayPushBack(state.11, (state.1, state.2, state.4, state.3, state.8, state.9, state.10))) AS stays
    FROM steps
)
SELECT store, device, stay.1 AS zone, stay.2 AS entry, stay.3 AS left_at, stay.4 AS seen_at, stay.6 AS is_sensed, stay.7 AS presence,
    -- Who is there for longer than {{.Crowd.FixedAfter}} ms counts no more.
    {{if .Crowd.FixedAfter}}stay.5 + {{.Crowd.FixedAfter}}{{else}}9000000000000{{end}} AS counts_until,
    least(left_at, counts_until) AS until
FROM folded
ARRAY JOIN stays AS stay
WHERE entry < counts_until
