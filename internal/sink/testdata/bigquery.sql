-- Written anew by omega-export with each lot: changes made here do not last.
-- Replace DATASET by your dataset, everywhere (bodies of views heed no default dataset):
--     sed 's/DATASET/my_dataset/g' bigquery.sql | bq query --use_legacy_sql=false
-- This output is a folder. Copy it to a bucket, replace BUCKET/PREFIX below by where it stands there, and make the lines of
-- the copied _tables/*.files addresses of the bucket: gs://BUCKET/PREFIX/ instead of the folder's path.

CREATE OR REPLACE EXTERNAL TABLE `DATASET`.`demande_chf` (
    `numero_demande` STRING,
    `_recupere_le` TIMESTAMP,
    `_lot` STRING,
    `statut_externe_demande__code` STRING,
    `statut_externe_demande__libelle` STRING
)
WITH PARTITION COLUMNS (`date_export` DATE)
OPTIONS (
    format = 'PARQUET',
    uris = ['gs://BUCKET/PREFIX/_tables/demande_chf.files'],
    file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST',
    enable_list_inference = true,
    hive_partition_uri_prefix = 'gs://BUCKET/PREFIX/demande_chf'
);
CREATE OR REPLACE VIEW `DATASET`.`demande_chf_courant` AS SELECT * FROM `DATASET`.`demande_chf`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `numero_demande` ORDER BY `_recupere_le` DESC, `_lot` DESC) = 1;

CREATE OR REPLACE EXTERNAL TABLE `DATASET`.`demande_dev` (
    `numero_demande` STRING,
    `_recupere_le` TIMESTAMP,
    `_lot` STRING,
    `statut_externe_demande__code` STRING,
    `statut_externe_demande__libelle` STRING,
    `annule` BOOL,
    `rang` INT64,
    `debit` FLOAT64,
    `montant` NUMERIC(12, 2) OPTIONS (description = 'Le montant d\'un "devis", en €; voir \\guide\\\u000aligne 2'),
    `precis` BIGNUMERIC(38, 20),
    `date_depot` DATE,
    `brut` BYTES,
    `etiquettes` ARRAY<STRING>,
    `lignes` ARRAY<STRUCT<`code` STRING, `prix` NUMERIC(9, 2), `jours` ARRAY<DATE>>>
)
-- Left out: listes: type LIST<LIST<STRING>>: BigQuery has no array of arrays
-- Left out: _file_name: BigQuery keeps such names for itself
WITH PARTITION COLUMNS (`date_export` DATE)
OPTIONS (
    format = 'PARQUET',
    uris = ['gs://BUCKET/PREFIX/_tables/demande_dev.files'],
    file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST',
    enable_list_inference = true,
    hive_partition_uri_prefix = 'gs://BUCKET/PREFIX/demande_dev'
);
CREATE OR REPLACE VIEW `DATASET`.`demande_dev_courant` AS SELECT * FROM `DATASET`.`demande_dev`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `numero_demande` ORDER BY `_recupere_le` DESC, `_lot` DESC) = 1;

CREATE OR REPLACE EXTERNAL TABLE `DATASET`.`demande_mes` (
    `numero_demande` STRING,
    `_recupere_le` TIMESTAMP,
    `_lot` STRING,
    `statut_externe_demande__code` STRING,
    `statut_externe_demande__libelle` STRING
)
WITH PARTITION COLUMNS (`date_export` DATE)
OPTIONS (
    format = 'PARQUET',
    uris = ['gs://BUCKET/PREFIX/_tables/demande_mes.files'],
    file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST',
    enable_list_inference = true,
    hive_partition_uri_prefix = 'gs://BUCKET/PREFIX/demande_mes'
);
CREATE OR REPLACE VIEW `DATASET`.`demande_mes_courant` AS SELECT * FROM `DATASET`.`demande_mes`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `numero_demande` ORDER BY `_recupere_le` DESC, `_lot` DESC) = 1;

CREATE OR REPLACE EXTERNAL TABLE `DATASET`.`reponses` (
    `numero_demande` STRING,
    `corps` BYTES
)
WITH PARTITION COLUMNS (`date_export` DATE)
OPTIONS (
    format = 'PARQUET',
    uris = ['gs://BUCKET/PREFIX/_tables/reponses.files'],
    file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST',
    enable_list_inference = true,
    hive_partition_uri_prefix = 'gs://BUCKET/PREFIX/reponses'
);

CREATE OR REPLACE VIEW `DATASET`.`historique_statuts` AS
WITH lignes AS (
    SELECT 'demande_chf' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle` FROM `DATASET`.`demande_chf`
    UNION ALL
    SELECT 'demande_dev' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle` FROM `DATASET`.`demande_dev`
    UNION ALL
    SELECT 'demande_mes' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle` FROM `DATASET`.`demande_mes`
), precedentes AS (
    SELECT *, LAG(statut_externe_demande__code) OVER w AS precedent, ROW_NUMBER() OVER w AS rang
    FROM lignes WINDOW w AS (PARTITION BY numero_demande, `table` ORDER BY _recupere_le, _lot)
), periodes AS (
    SELECT *, COUNTIF(rang = 1 OR statut_externe_demande__code IS DISTINCT FROM precedent) OVER (
        PARTITION BY numero_demande, `table` ORDER BY _recupere_le, _lot ROWS UNBOUNDED PRECEDING) AS periode
    FROM precedentes
)
SELECT numero_demande, `table`, statut_externe_demande__code,
    ARRAY_AGG(statut_externe_demande__libelle ORDER BY _recupere_le DESC, _lot DESC LIMIT 1)[OFFSET(0)] AS statut_externe_demande__libelle,
    MIN(_recupere_le) AS premiere_vue, MAX(_recupere_le) AS derniere_vue
FROM periodes GROUP BY numero_demande, `table`, periode, statut_externe_demande__code;

CREATE OR REPLACE VIEW `DATASET`.`demandes` AS
SELECT 'demande_chf' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `date_export` FROM `DATASET`.`demande_chf`
UNION ALL
SELECT 'demande_dev' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `date_export` FROM `DATASET`.`demande_dev`
UNION ALL
SELECT 'demande_mes' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `date_export` FROM `DATASET`.`demande_mes`;
