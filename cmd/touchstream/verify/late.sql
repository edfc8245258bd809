-- Events behind the watermark of their own partition just before them: the
-- highest of min(event time, Kafka timestamp) so far - max_out_of_orderness.
-- A file source is one partition, read file by file; a sorted one has no late
-- events.
CREATE TEMPORARY TABLE verify_late ENGINE = Memory AS
WITH
log AS
(
    SELECT
        {{template "id"}} AS id,
        toUnixTimestamp64Milli(event_time) AS at,
        if(source IN {{set .Files}}, at, least(at, ifNull(toUnixTimestamp64Milli(received_time), at)))
            - CAST(transform(source, {{list .SourceNames}}, {{numbers .OutOfOrderness}}, 0), 'Int64') AS reached,
        cityHash64(source, if(source IN {{set .Files}}, '', topic), partition) AS stream,
        {{if .Files}}topic, {{end}}offset, element, intDiv(offset, 64) AS block
    FROM {{field .Database}}.events FINAL
    WHERE source NOT IN {{set .Sorted}}{{.Range}}
),
-- To be quick: only blocks of offsets with an event that can be late are read
-- event by event.
blocks AS
(
    SELECT stream, {{if .Files}}topic, {{end}}block, max(reached) AS highest, min(at) AS earliest
    FROM log
    GROUP BY stream, {{if .Files}}topic, {{end}}block
),
suspects AS
(
    SELECT stream, {{if .Files}}topic, {{end}}block, former
    FROM
    (
        SELECT *, max(highest) OVER (PARTITION BY stream ORDER BY {{if .Files}}topic, {{end}}block ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS former
        FROM blocks
    )
    WHERE earliest < greatest(former, highest)
)
SELECT id, watermark
FROM
(
    SELECT l.id AS id, l.at AS at,
        greatest(s.former, max(l.reached) OVER (PARTITION BY l.stream, {{if .Files}}l.topic, {{end}}l.block ORDER BY l.offset, l.element
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)) AS watermark
    FROM log AS l
    INNER JOIN suspects AS s ON l.stream = s.stream AND l.block = s.block{{if .Files}} AND l.topic = s.topic{{end}}
)
WHERE watermark > 0 AND at < watermark
