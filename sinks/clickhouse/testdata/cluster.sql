CREATE DATABASE IF NOT EXISTS `odd \`name'` ON CLUSTER 'main' ENGINE = Atomic;

CREATE TABLE IF NOT EXISTS `odd \`name'`.`growing` ON CLUSTER 'main'
(
    `at` DateTime64(3, 'UTC'),
    `shelf` Nullable(Int64),
    `message_id` String,
    `_block` UInt64 COMMENT 'Block that brought the row: generation, run, number.',
    `_version` UInt64 COMMENT 'State generation and revision; the highest counts.',
    INDEX _block_minmax _block TYPE minmax GRANULARITY 1
)
ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{uuid}/{shard}', '{replica}', _version)
PARTITION BY toYYYYMM(`at`)
ORDER BY (`shelf`, `at`, `message_id`)
SETTINGS allow_nullable_key = 1
COMMENT 'Log.';

CREATE OR REPLACE VIEW `odd \`name'`.`v_growing` ON CLUSTER 'main' AS
SELECT
    t.`at` AS `at`,
    t.`shelf` AS `shelf`,
    t.`message_id` AS `message_id`
FROM `odd \`name'`.`growing` AS t FINAL
COMMENT 'Current rows of growing. touchstream:aa17475c8757d2e3';
