-- The venue file's zones. named_store is the store_id with which events name
-- them: the store's, and in a second row '' if no other store has a zone of this
-- id.
CREATE TEMPORARY TABLE verify_zones ENGINE = Memory AS
SELECT * FROM values('named_store String, store_id String, zone_id String, kind String, area_m2 Float64, capacity Float64, calibration Float64, has_counter Bool, categories Array(String), time_zone String'
{{- range .Zones}},
    ({{text .NamedStore}}, {{text .Store}}, {{text .ID}}, {{text .Kind}}, {{.AreaM2}}, {{.Capacity}}, {{.Calibration}}, {{.HasCounter}}, {{list .Categories}}, {{text .TimeZone}}){{end}})
WHERE zone_id != ''
