-- Sessions as stretches of seq in a device's events.
CREATE TEMPORARY TABLE verify_spans ENGINE = MergeTree ORDER BY (device_hash, first_seq) AS
WITH
-- Where runs of max_duration and more are cut: at the first event at or after
-- start + max_duration, again and again.
cuts AS
(
    SELECT device_hash, run,
        arrayFold((starts, t) -> if(t >= starts[-1] + {{.Sessions.MaxDuration}}, arrayPushBack(starts, t), starts),
            arraySort(groupArray(at)), [min(at)]) AS starts
    FROM verify_runs
    WHERE NOT is_system
    GROUP BY device_hash, run
    HAVING max(at) - min(at) >= {{.Sessions.MaxDuration}}
),
pieces AS
(
    SELECT r.*, greatest(1, arrayCount(s -> s <= r.at, c.starts)) AS piece, length(c.starts) > 1 AS is_cut
    FROM verify_runs AS r
    LEFT ANY JOIN cuts AS c ON r.device_hash = c.device_hash AND r.run = c.run
)
SELECT device_hash,
    min(seq) AS first_seq,
    max(seq) AS last_seq,
    minIf(at, NOT is_system) AS start_ms,
    maxIf(at, NOT is_system) AS end_ms,
    -- The first event's distance to its session is that to another session.
    toInt64(sumIf(least(at - ifNull(before, at), {{.Sessions.EngagedGap}}), NOT is_system)
        - argMinIf(least(at - ifNull(before, at), {{.Sessions.EngagedGap}}), seq, NOT is_system)) AS engaged_ms,
    argMinIf(ifNull(before, 0), seq, NOT is_system) AS seen_before,
    arraySort(groupArrayIf(intDiv(at, 60000), NOT is_system)) AS minutes,
    max(is_cut) AS is_cut
FROM pieces
GROUP BY device_hash, run, piece
