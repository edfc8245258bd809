-- Events behind the watermark of their own partition just before them: the
-- highest of min(event time, Kafka timestamp) so far - max_out_of_orderness.
-- A file source is one partition, read file by file; a sorted one has no late
-- events.
CREATE TEMPORARY TABLE verify_late ENGINE = Memory AS
SELECT source, topic, partition, offset, element, watermark
FROM
(
    SELECT
        source, topic, partition, offset, element, toUnixTimestamp64Milli(event_time) AS at,
        max(if(source IN {{set .Files}}, at, least(at, ifNull(toUnixTimestamp64Milli(received_time), at)))) OVER (
            PARTITION BY source, if(source IN {{set .Files}}, '', topic), partition
            ORDER BY topic, offset, element
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
        - transform(source, {{list .SourceNames}}, {{numbers .OutOfOrderness}}, 0) AS watermark,
        row_number() OVER (
            PARTITION BY source, if(source IN {{set .Files}}, '', topic), partition
            ORDER BY topic, offset, element) AS place
    FROM {{field .Database}}.events FINAL
    WHERE source NOT IN {{set .Sorted}}{{.Range}}
)
WHERE place > 1 AND at < watermark
