-- The venue file's sensors, with how long a device stays after a sighting.
CREATE TEMPORARY TABLE verify_sensors ENGINE = Memory AS
SELECT * FROM values('sensor_id String, store_id String, zone_id String, kind String, presence_ms Int64'
{{- range .Sensors}},
    ({{text .ID}}, {{text .Store}}, {{text .Zone}}, {{text .Kind}}, {{.Presence}}){{end}})
WHERE sensor_id != ''
