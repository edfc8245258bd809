CREATE DATABASE IF NOT EXISTS `shop` ENGINE = Atomic;

CREATE TABLE IF NOT EXISTS `shop`.`everything`
(
    `id` UUID COMMENT 'The \\ id\'s.',
    `profile_id` String,
    `channel` LowCardinality(String),
    `at` DateTime64(3, 'UTC'),
    `at_null` Nullable(DateTime64(3, 'UTC')),
    `value` Decimal(18, 4),
    `value_null` Nullable(Decimal(18, 4)),
    `n_null` Nullable(Int64),
    `wait_ms` Int64,
    `ratio` Float64,
    `ratio_null` Nullable(Float64),
    `flag_null` Nullable(Bool),
    `other` Nullable(UUID),
    `items.sku` Array(String),
    `items.price` Array(Nullable(Decimal(18, 4))),
    `attributes` Map(String, String),
    `revision` Int64,
    `is_deleted` Bool,
    `_block` UInt64 COMMENT 'Block that brought the row: generation, run, number.',
    `_version` UInt64 COMMENT 'State generation and revision; the highest counts.',
    INDEX _block_minmax _block TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version, is_deleted)
PARTITION BY toYYYYMM(UUIDv7ToDateTime(`id`, 'UTC'))
ORDER BY (`id`)
TTL toDateTime(UUIDv7ToDateTime(`id`, 'UTC')) + toIntervalDay(90)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT 'It\'s a test: all types.';

CREATE TABLE IF NOT EXISTS `shop`.`identity_overrides`
(
    `profile_id` String,
    `current_profile_id` String,
    `revision` Int64,
    `_block` UInt64 COMMENT 'Block that brought the row: generation, run, number.',
    `_version` UInt64 COMMENT 'State generation and revision; the highest counts.',
    INDEX _block_minmax _block TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
ORDER BY (`profile_id`)
SETTINGS non_replicated_deduplication_window = 10000
COMMENT '';

CREATE TABLE IF NOT EXISTS `shop`.`growing`
(
    `at` DateTime64(3, 'UTC'),
    `shelf` Nullable(Int64),
    `message_id` String,
    `_block` UInt64 COMMENT 'Block that brought the row: generation, run, number.',
    `_version` UInt64 COMMENT 'State generation and revision; the highest counts.',
    INDEX _block_minmax _block TYPE minmax GRANULARITY 1
)
ENGINE = ReplacingMergeTree(_version)
PARTITION BY toYYYYMM(`at`)
ORDER BY (`shelf`, `at`, `message_id`)
TTL toDateTime(`at`) + toIntervalSecond(3600)
SETTINGS allow_nullable_key = 1, non_replicated_deduplication_window = 10000
COMMENT 'Log.';

CREATE OR REPLACE VIEW `shop`.`v_everything` AS
SELECT
    t.`id` AS `id`,
    coalesce(nullIf(o0.current_profile_id, ''), t.`profile_id`) AS `profile_id`,
    t.`channel` AS `channel`,
    t.`at` AS `at`,
    t.`at_null` AS `at_null`,
    t.`value` AS `value`,
    t.`value_null` AS `value_null`,
    t.`n_null` AS `n_null`,
    t.`wait_ms` AS `wait_ms`,
    t.`ratio` AS `ratio`,
    t.`ratio_null` AS `ratio_null`,
    t.`flag_null` AS `flag_null`,
    t.`other` AS `other`,
    t.`items.sku` AS `items.sku`,
    t.`items.price` AS `items.price`,
    t.`attributes` AS `attributes`,
    t.`revision` AS `revision`,
    t.`is_deleted` AS `is_deleted`
FROM `shop`.`everything` AS t FINAL
LEFT ANY JOIN (SELECT profile_id, current_profile_id FROM `shop`.`identity_overrides` FINAL) AS o0 ON t.`profile_id` = o0.profile_id
COMMENT 'Current rows of everything. touchstream:7a5483e6a81bde8b';

CREATE OR REPLACE VIEW `shop`.`v_identity_overrides` AS
SELECT
    t.`profile_id` AS `profile_id`,
    t.`current_profile_id` AS `current_profile_id`,
    t.`revision` AS `revision`
FROM `shop`.`identity_overrides` AS t FINAL
COMMENT 'Current rows of identity_overrides. touchstream:a939297f5eaffe5b';

CREATE OR REPLACE VIEW `shop`.`v_growing` AS
SELECT
    t.`at` AS `at`,
    t.`shelf` AS `shelf`,
    t.`message_id` AS `message_id`
FROM `shop`.`growing` AS t FINAL
COMMENT 'Current rows of growing. touchstream:6d6a7979eb7cd01c';
