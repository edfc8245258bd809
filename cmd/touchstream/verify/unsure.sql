-- Profiles whose abandonments follow the order of arrival or of merges: those
-- with late events, and those that merged when both had been active. A late
-- event merges profiles at the watermark that it came behind.
CREATE TEMPORARY TABLE verify_unsure ENGINE = Memory AS
SELECT a.profile_id AS profile_id
FROM
(
    SELECT profile_id, former_id, min(at) AS first_ms, max(is_late) AS has_late
    FROM verify_events
    WHERE profile_id != '' AND {{.ActivityEvents}}
    GROUP BY profile_id, former_id
) AS a
LEFT ANY JOIN
(
{{- if .HasMerges}}
    SELECT m.profile_id AS profile_id, max(greatest(m.at, l.watermark)) AS merged_ms
    FROM
    (
        SELECT if(o.current_profile_id = '', m.to_profile_id, o.current_profile_id) AS profile_id, m.message_id AS message_id, toUnixTimestamp64Milli(m.at) AS at
        FROM {{field .Database}}.identity_merges AS m FINAL
        LEFT ANY JOIN (SELECT profile_id, current_profile_id FROM {{field .Database}}.identity_overrides FINAL) AS o ON m.to_profile_id = o.profile_id
    ) AS m
    LEFT ANY JOIN
    (
        SELECT e.message_id AS message_id, max(l.watermark) AS watermark
        FROM (SELECT *, {{template "id"}} AS id FROM {{field .Database}}.events FINAL WHERE 1{{.Range}}) AS e
        INNER JOIN verify_late AS l ON e.id = l.id
        WHERE e.message_id IN (SELECT message_id FROM {{field .Database}}.identity_merges)
        GROUP BY message_id
    ) AS l ON m.message_id = l.message_id
    GROUP BY profile_id
{{- else}}
    SELECT '' AS profile_id, toInt64(0) AS merged_ms WHERE false
{{- end}}
) AS m ON a.profile_id = m.profile_id
GROUP BY a.profile_id
HAVING max(a.has_late) OR countIf({{if .HasMerges}}a.first_ms <= m.merged_ms{{else}}true{{end}}) > 1
