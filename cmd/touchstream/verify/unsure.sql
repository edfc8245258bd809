-- Profiles whose abandonments follow the order of arrival or of merges: those
-- with late events, and those that merged when both had been active.
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
    SELECT if(o.current_profile_id = '', m.to_profile_id, o.current_profile_id) AS profile_id, max(toUnixTimestamp64Milli(m.at)) AS merged_ms
    FROM {{field .Database}}.identity_merges AS m FINAL
    LEFT ANY JOIN (SELECT profile_id, current_profile_id FROM {{field .Database}}.identity_overrides FINAL) AS o ON m.to_profile_id = o.profile_id
    GROUP BY profile_id
{{- else}}
    SELECT '' AS profile_id, toInt64(0) AS merged_ms WHERE false
{{- end}}
) AS m ON a.profile_id = m.profile_id
GROUP BY a.profile_id
HAVING max(a.has_late) OR countIf({{if .HasMerges}}a.first_ms <= m.merged_ms{{else}}true{{end}}) > 1
