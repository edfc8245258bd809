-- People in zones, by window (semantics 8).
WITH
-- Door counts: the people after each reading, never below 0, until the next
-- reading or the daily reset.
doors AS
(
    SELECT *, sum(came - went) OVER (PARTITION BY store, zone, day ORDER BY seq ROWS UNBOUNDED PRECEDING) AS level FROM verify_readings
),
counted AS
(
    SELECT store, zone, at AS from_ms,
        least(reset_at, leadInFrame(at, 1, 9000000000000) OVER (PARTITION BY store, zone ORDER BY seq ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)) AS to_ms,
        toInt64(level - least(0, min(level) OVER (PARTITION BY store, zone, day ORDER BY seq ROWS UNBOUNDED PRECEDING))) AS people
    FROM doors
),
with_doors AS (SELECT store, zone FROM verify_readings UNION DISTINCT SELECT store_id, zone_id FROM verify_zones WHERE has_counter),
-- Devices in a zone, from one change of their number to the next.
changes AS
(
    SELECT store, zone, at, sum(change) AS change
    FROM
    (
        SELECT store, zone, entry AS at, 1 AS change FROM verify_stays
        UNION ALL
        SELECT store, zone, until AS at, -1 AS change FROM verify_stays
    )
    WHERE (store, zone) NOT IN with_doors
    GROUP BY store, zone, at
),
present AS
(
    SELECT store, zone, at AS from_ms, leadInFrame(at, 1, at) OVER w AS to_ms, sum(change) OVER w2 AS people
    FROM changes
    WINDOW w AS (PARTITION BY store, zone ORDER BY at ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING),
        w2 AS (PARTITION BY store, zone ORDER BY at ROWS UNBOUNDED PRECEDING)
),
-- Cut into windows: levels of occupancy, arrivals, departures and stays.
levels AS
(
    SELECT store, zone, window_ms,
        arrayJoin(range(toUInt64(intDiv(from_ms, window_ms)), toUInt64(intDiv(to_ms - 1, window_ms)) + 1)) AS place,
        least(to_ms, (toInt64(place) + 1) * window_ms) - greatest(from_ms, toInt64(place) * window_ms) AS lasted,
        people, from_ms < (toInt64(place) + 1) * window_ms AND to_ms >= (toInt64(place) + 1) * window_ms AS at_end
    FROM (SELECT * FROM counted UNION ALL SELECT * FROM present)
    ARRAY JOIN {{.WindowList}} AS window_ms
    WHERE people > 0 AND to_ms > from_ms
),
stays AS
(
    SELECT store, zone, window_ms, device, is_sensed,
        arrayJoin(range(toUInt64(intDiv(entry, window_ms)), toUInt64(greatest(intDiv(until - 1, window_ms), intDiv(entry, window_ms))) + 1)) AS place,
        intDiv(entry, window_ms) = place AS came
    FROM verify_stays
    ARRAY JOIN {{.WindowList}} AS window_ms
),
gathered AS
(
    SELECT store, zone, window_ms, place,
        sum(area) AS area, max(most) AS most, sum(last) AS last, sum(came) AS came, sum(went) AS went, sum(seen) AS seen,
        arraySort(arrayFlatten(groupArray(dwell))) AS dwells, max(is_sensed) AS is_sensed
    FROM
    (
        SELECT store, zone, window_ms, toInt64(place) AS place, toInt64(sum(lasted * people)) AS area, toInt64(max(people)) AS most, toInt64(sumIf(people, at_end)) AS last,
            toInt64(0) AS came, toInt64(0) AS went, toInt64(0) AS seen, CAST([], 'Array(Int64)') AS dwell, false AS is_sensed
        FROM levels GROUP BY store, zone, window_ms, place
        UNION ALL
        SELECT store, zone, window_ms, toInt64(place), toInt64(0), toInt64(0), toInt64(0),
            if((store, zone) IN with_doors, toInt64(0), toInt64(countIf(came))), toInt64(0), toInt64(uniqExact(device)), CAST([], 'Array(Int64)'), max(is_sensed)
        FROM stays GROUP BY store, zone, window_ms, place
        UNION ALL
        -- Who is fixed leaves without exit and dwell.
        SELECT store, zone, window_ms, intDiv(left_at, window_ms) AS place, toInt64(0), toInt64(0), toInt64(0),
            toInt64(0), if((store, zone) IN with_doors, toInt64(0), toInt64(count())), toInt64(0), groupArray(seen_at - entry), false
        FROM verify_stays ARRAY JOIN {{.WindowList}} AS window_ms
        WHERE left_at <= counts_until
        GROUP BY store, zone, window_ms, place
        UNION ALL
        SELECT store, zone, window_ms, intDiv(at, window_ms) AS place, toInt64(0), toInt64(0), toInt64(0),
            toInt64(sum(verify_readings.came)), toInt64(sum(verify_readings.went)), toInt64(0), CAST([], 'Array(Int64)'), false
        FROM verify_readings ARRAY JOIN {{.WindowList}} AS window_ms
        GROUP BY store, zone, window_ms, place
    )
    GROUP BY store, zone, window_ms, place
),
occupied AS (SELECT *, area > 0 OR came > 0 OR seen > 0 AND (store, zone) NOT IN with_doors AS is_occupied FROM gathered),
-- A row while the zone is occupied, which door counters decide where there are
-- any, one of zeros after it emptied, and one of an exit alone.
rows AS
(
    SELECT store, zone, window_ms, place, sum(area) AS area, max(most) AS most, sum(last) AS last, sum(came) AS came, sum(went) AS went, sum(seen) AS seen,
        arraySort(arrayFlatten(groupArray(dwells))) AS dwells, max(is_sensed) AS is_sensed, max(was_sensed) AS was_sensed, max(is_row) AS is_row, max(is_occupied) AS is_occupied
    FROM
    (
        SELECT store, zone, window_ms, place, area, most, last, came, went, seen, dwells, is_sensed, false AS was_sensed, is_occupied, is_occupied OR went > 0 AS is_row
        FROM occupied
        UNION ALL
        SELECT store, zone, window_ms, place + 1, toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0), toInt64(0), CAST([], 'Array(Int64)'), false, is_sensed, false, true
        FROM occupied WHERE is_occupied
    )
    GROUP BY store, zone, window_ms, place
    HAVING is_row
)
SELECT
    r.store AS store_id, r.zone AS zone_id, window_ms,
    fromUnixTimestamp64Milli(place * window_ms, 'UTC') AS window_start,
    (store, zone) IN with_doors AS has_doors,
    if(z.zone_id = '', 1, z.calibration) AS device_people,
    if(has_doors, 1, device_people) AS unit,
    unit * area / window_ms AS occupancy_avg,
    unit * most AS occupancy_max,
    unit * last AS occupancy_end,
    unit * came AS entries,
    unit * went AS exits,
    device_people * seen AS uniques,
    if(empty(dwells), NULL, dwells[toUInt64(ceil(length(dwells) * 0.5))]) AS dwell_p50_ms,
    if(empty(dwells), NULL, dwells[toUInt64(ceil(length(dwells) * 0.9))]) AS dwell_p90_ms,
    if(z.area_m2 > 0, occupancy_avg / z.area_m2, NULL) AS persons_per_m2,
    multiIf(persons_per_m2 IS NULL, '', persons_per_m2 <= 0.31, 'A', persons_per_m2 <= 0.43, 'B', persons_per_m2 <= 0.72, 'C',
        persons_per_m2 <= 1.08, 'D', persons_per_m2 <= 2.15, 'E', 'F') AS level_of_service,
    if(z.capacity > 0, occupancy_avg / z.capacity, NULL) AS capacity_share,
    NOT has_doors AND (if(is_occupied, is_sensed, was_sensed) OR device_people != 1) AS is_estimate
FROM rows AS r
LEFT ANY JOIN verify_zones AS z ON r.store = z.named_store AND r.zone = z.zone_id
