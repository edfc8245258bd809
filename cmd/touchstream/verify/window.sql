{{- $at := "position"}}{{if .Table.Pane}}{{$at = "pane"}}{{end -}}
-- Window {{.Table.Name}} (semantics 5).
WITH
units AS
(
    SELECT at, seq, if(is_late, watermark + {{.Slack}}, 0) AS late_until{{if .Table.OverItems}}, item{{end}}{{if .Table.Gap}}, cityHash64(tuple({{.Table.KeyList}})) AS key_hash{{end}}{{range .Table.Keys}},
        {{.SQL}} AS {{field .Name}}{{end}}{{range .Table.Inputs}},
        {{.SQL}} AS {{.Name}}{{end}}
    FROM verify_events
{{- if .Table.OverItems}}
    -- Over items; an event without any is one.
    LEFT ARRAY JOIN arrayEnumerate(`items.product_id`) AS item
{{- end}}
    WHERE {{.Table.Where}}
),
{{- if .Table.Gap}}
-- Events of one key that are at most the gap apart.
taken AS
(
    SELECT *, at - lagInFrame(at, 1, at - {{.Table.Gap}} - 1) OVER w > {{.Table.Gap}} AS begins
    FROM units
    WHERE late_until <= at + {{.Table.Gap}} + {{.Lateness}}
    WINDOW w AS (PARTITION BY key_hash ORDER BY {{.Table.Order}} ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)
),
placed AS
(
    SELECT *, sum(begins) OVER (PARTITION BY key_hash ORDER BY {{.Table.Order}} ROWS UNBOUNDED PRECEDING) AS place FROM taken
),
aggregated AS
(
    SELECT {{range .Table.Keys}}any({{field .Name}}) AS {{field .Name}}, {{end}}min(at) AS start_ms, max(at) + {{.Table.Gap}} AS end_ms{{range .Table.Calls}},
        {{.Function}}({{.Arguments}}) AS {{.Name}}{{end}}
    FROM placed
    GROUP BY key_hash, place
)
{{- else}}
-- A unit's position on the grid of windows, and the starts of those that hold
-- it, in {{if .Table.Zone}}days of {{.Table.Zone}} since 1970-01-01{{else}}ms{{end}}.
positions AS
(
    SELECT *,
{{- if .Table.Zone}}
        fromUnixTimestamp64Milli(at, {{text .Table.Zone}}) AS local,
        toInt64(toDate32(local)) - {{.Table.OffsetDays}}{{if .Table.OffsetMs}}
            - (1000 * (3600 * toHour(local) + 60 * toMinute(local) + toSecond(local)) + toMillisecond(local) < {{.Table.OffsetMs}}){{end}} AS position
{{- else}}
        at - {{.Table.Origin}} AS position
{{- end}}{{if .Table.Pane}},
        position - positiveModulo(position, {{.Table.Pane}}) AS pane{{end}}
    FROM units
),
{{- if .Table.Pane}}
-- Panes of {{.Table.Pane}} {{if .Table.Zone}}days{{else}}ms{{end}}, of which the windows that overlap are made.
panes AS
(
    SELECT {{range .Table.Keys}}{{field .Name}}, {{end}}pane, late_until{{range .Table.Calls}},
        {{.Function}}State({{.Arguments}}) AS {{.Name}}_state{{end}}
    FROM positions
    GROUP BY {{range .Table.Keys}}{{field .Name}}, {{end}}pane, late_until
),
{{- end}}
placed AS
(
    SELECT *, arrayJoin(arrayMap(i -> {{$at}} - positiveModulo({{$at}}, {{.Table.Slide}}) - i * {{.Table.Slide}},
        range(toUInt64(intDiv({{.Table.Size}} - positiveModulo({{$at}}, {{.Table.Slide}}) + {{.Table.Slide}} - 1, {{.Table.Slide}}))))) AS place,
{{- if .Table.Zone}}
        toUnixTimestamp64Milli(toDateTime64(concat(toString(toDate32(place + {{.Table.OffsetDays}})), {{text .Table.Clock}}), 3, {{text .Table.Zone}})) AS start_ms,
        toUnixTimestamp64Milli(toDateTime64(concat(toString(toDate32(place + {{.Table.OffsetDays}} + {{.Table.Size}})), {{text .Table.Clock}}), 3, {{text .Table.Zone}})) AS end_ms
{{- else}}
        place + {{.Table.Origin}} AS start_ms,
        start_ms + {{.Table.Size}} AS end_ms
{{- end}}
    FROM {{if .Table.Pane}}panes{{else}}positions{{end}}
),
aggregated AS
(
    SELECT {{range .Table.Keys}}{{field .Name}}, {{end}}start_ms, end_ms{{range .Table.Calls}},
        {{.Function}}{{if $.Table.Pane}}Merge({{.Name}}_state){{else}}({{.Arguments}}){{end}} AS {{.Name}}{{end}}
    FROM placed
    -- Late events count until the window's end + allowed_lateness.
    WHERE late_until <= end_ms + {{.Lateness}}
    GROUP BY {{range .Table.Keys}}{{field .Name}}, {{end}}start_ms, end_ms
)
{{- end}}
SELECT {{range .Table.Keys}}{{field .Name}}, {{end}}
    fromUnixTimestamp64Milli(start_ms, 'UTC') AS window_start,
    fromUnixTimestamp64Milli(end_ms, 'UTC') AS window_end{{range .Table.Aggregates}},
    {{.SQL}} AS {{field .Name}}{{end}}
FROM aggregated
