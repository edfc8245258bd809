-- Events behind the watermark of their own partition just before them: the
-- highest of min(event time, Kafka timestamp) so far - max_out_of_orderness.
-- A file source is one partition, read file by file; a sorted one has no late
-- events.
CREATE TEMPORARY TABLE verify_late ENGINE = Memory AS
SELECT id, watermark
FROM
(
    SELECT id, at,
        max(reached) OVER (PARTITION BY stream ORDER BY {{if .Files}}topic, {{end}}offset, element ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS watermark
    FROM
    (
        SELECT
            {{template "id"}} AS id,
            toUnixTimestamp64Milli(event_time) AS at,
            if(source IN {{set .Files}}, at, least(at, ifNull(toUnixTimestamp64Milli(received_time), at)))
                - CAST(transform(source, {{list .SourceNames}}, {{numbers .OutOfOrderness}}, 0), 'Int64') AS reached,
            cityHash64(source, if(source IN {{set .Files}}, '', topic), partition) AS stream,
            topic, offset, element
        FROM {{field .Database}}.events FINAL
        WHERE source NOT IN {{set .Sorted}}{{.Range}}
    )
)
WHERE watermark > 0 AND at < watermark
