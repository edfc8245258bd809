-- Who went from one zone to another (semantics 8): the entry is within the
-- presence timeout of leaving the former zone.
WITH moves AS
(
    SELECT store, zone, entry,
        lagInFrame(zone, 1, '') OVER w AS former,
        lagInFrame(left_at, 1, 0) OVER w AS former_left,
        lagInFrame(seen_at, 1, 0) OVER w AS former_seen,
        lagInFrame(presence, 1, 0) OVER w AS former_presence
    FROM verify_stays
    WINDOW w AS (PARTITION BY store, device ORDER BY entry, left_at ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
)
SELECT store AS store_id, former AS from_zone, zone AS to_zone, window_ms,
    fromUnixTimestamp64Milli(intDiv(entry, window_ms) * window_ms, 'UTC') AS window_start,
    toInt64(count()) AS moves,
    arraySort(groupArray(entry - former_seen))[toUInt64(ceil(count() * 0.5))] AS transit_p50_ms
FROM moves
ARRAY JOIN {{.WindowList}} AS window_ms
WHERE former NOT IN ('', zone) AND entry <= former_left + former_presence
GROUP BY store_id, from_zone, to_zone, window_ms, window_start
