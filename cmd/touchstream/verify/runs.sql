-- Runs of a device's events (semantics 4), of which sessions are made.
CREATE TEMPORARY TABLE verify_runs ENGINE = MergeTree ORDER BY tuple() SETTINGS {{.Unmerged}} AS
WITH
-- Late events count until their session's end + allowed_lateness.
taken AS
(
    SELECT device_hash, at, seq, is_system FROM verify_events
    WHERE device_hash != 0 AND (NOT is_late OR watermark + {{.Slack}} <= at + {{.Sessions.Gap}} + {{.Lateness}})
),
-- Each event with the time of the last one of its device before it that is no
-- system event.
neighbours AS
(
    SELECT *,
        max(if(is_system, NULL, at)) OVER earlier AS before
    FROM taken
    WINDOW earlier AS (PARTITION BY device_hash ORDER BY seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- A run is a stretch without a gap. System events neither open nor extend one:
-- they belong to the one that is open at their time.
runs AS
(
    SELECT *,
        before IS NOT NULL AND at - before {{if .Sessions.GapInclusive}}<={{else}}<{{end}} {{.Sessions.Gap}} AS continues,
        sum(NOT is_system AND NOT continues) OVER (PARTITION BY device_hash ORDER BY seq
            ROWS UNBOUNDED PRECEDING) AS run
    FROM neighbours
)
SELECT device_hash, seq, at, before, is_system, run
FROM runs
WHERE continues OR NOT is_system
