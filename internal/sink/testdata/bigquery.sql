-- Written anew by omega-export with each lot: changes made here do not last.
-- Replace DATASET by your dataset, everywhere (bodies of views heed no default dataset):
--     sed 's/DATASET/my_dataset/g' bigquery.sql | bq query --use_legacy_sql=false
-- This output is a folder. Copy it to a bucket, replace BUCKET/PREFIX below by where it stands there, and make the lines of
-- the copied _tables/*.files addresses of the bucket: gs://BUCKET/PREFIX/ instead of the folder's path.

CREATE OR REPLACE EXTERNAL TABLE `DATASET`.`demande_chf__nuits` (
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
CREATE OR REPLACE VIEW `DATASET`.`demande_chf` (
    `numero_demande`,
    `_recupere_le`,
    `_lot`,
    `statut_externe_demande__code`,
    `statut_externe_demande__libelle`,
    `date_export`
) AS
SELECT `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `date_export` FROM `DATASET`.`demande_chf__nuits`;
CREATE OR REPLACE VIEW `DATASET`.`demande_chf_courant` AS SELECT * FROM `DATASET`.`demande_chf`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `numero_demande` ORDER BY `_recupere_le` DESC, `_lot` DESC) = 1;

CREATE OR REPLACE EXTERNAL TABLE `DATASET`.`demande_dev__nuits` (
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
WITH PARTITION COLUMNS (`date_export` DATE)
OPTIONS (
    format = 'PARQUET',
    uris = ['gs://BUCKET/PREFIX/_tables/demande_dev.files'],
    file_set_spec_type = 'NEW_LINE_DELIMITED_MANIFEST',
    enable_list_inference = true,
    hive_partition_uri_prefix = 'gs://BUCKET/PREFIX/demande_dev'
);
-- Left out: listes: type LIST<LIST<STRING>>: BigQuery has no array of arrays
-- Left out: _file_name: BigQuery keeps such names for itself
CREATE OR REPLACE VIEW `DATASET`.`demande_dev` (
    `numero_demande`,
    `_recupere_le`,
    `_lot`,
    `statut_externe_demande__code`,
    `statut_externe_demande__libelle`,
    `annule`,
    `rang`,
    `debit`,
    `montant` OPTIONS (description = 'Le montant d\'un "devis", en €; voir \\guide\\\u000aligne 2'),
    `precis`,
    `date_depot`,
    `brut`,
    `etiquettes`,
    `lignes`,
    `date_export`
) AS
SELECT `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `annule`, `rang`, `debit`, `montant`, `precis`, `date_depot`, `brut`, `etiquettes`, `lignes`, `date_export` FROM `DATASET`.`demande_dev__nuits`;
CREATE OR REPLACE VIEW `DATASET`.`demande_dev_courant` AS SELECT * FROM `DATASET`.`demande_dev`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `numero_demande` ORDER BY `_recupere_le` DESC, `_lot` DESC) = 1;

CREATE OR REPLACE EXTERNAL TABLE `DATASET`.`demande_mes__nuits` (
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
CREATE OR REPLACE VIEW `DATASET`.`demande_mes` (
    `numero_demande`,
    `_recupere_le`,
    `_lot`,
    `statut_externe_demande__code`,
    `statut_externe_demande__libelle`,
    `date_export`
) AS
SELECT `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `date_export` FROM `DATASET`.`demande_mes__nuits`;
CREATE OR REPLACE VIEW `DATASET`.`demande_mes_courant` AS SELECT * FROM `DATASET`.`demande_mes`
WHERE TRUE
QUALIFY ROW_NUMBER() OVER (PARTITION BY `numero_demande` ORDER BY `_recupere_le` DESC, `_lot` DESC) = 1;

CREATE OR REPLACE EXTERNAL TABLE `DATASET`.`reponses__nuits` (
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
CREATE OR REPLACE VIEW `DATASET`.`reponses` (
    `numero_demande`,
    `corps`,
    `date_export`
) AS
SELECT `numero_demande`, `corps`, `date_export` FROM `DATASET`.`reponses__nuits`;

CREATE OR REPLACE VIEW `DATASET`.`historique_statuts` AS
WITH lignes AS (
    SELECT 'demande_chf' AS nom_table, numero_demande, _recupere_le, _lot, statut_externe_demande__code, statut_externe_demande__libelle FROM `DATASET`.`demande_chf`
    UNION ALL
    SELECT 'demande_dev' AS nom_table, numero_demande, _recupere_le, _lot, statut_externe_demande__code, statut_externe_demande__libelle FROM `DATASET`.`demande_dev`
    UNION ALL
    SELECT 'demande_mes' AS nom_table, numero_demande, _recupere_le, _lot, statut_externe_demande__code, statut_externe_demande__libelle FROM `DATASET`.`demande_mes`
), precedentes AS (
    SELECT *, LAG(statut_externe_demande__code) OVER w AS code_precedent, LAG(nom_table) OVER w AS table_precedente,
        ROW_NUMBER() OVER w AS rang
    FROM lignes WINDOW w AS (PARTITION BY numero_demande ORDER BY _recupere_le, _lot)
), vues AS (
    SELECT numero_demande, _recupere_le, _lot, nom_table, statut_externe_demande__code, statut_externe_demande__libelle, 0 AS encore,
        CASE WHEN rang = 1 OR nom_table <> table_precedente OR statut_externe_demande__code IS DISTINCT FROM code_precedent
            THEN 1 ELSE 0 END AS change
    FROM precedentes
), periodes AS (
    SELECT *, SUM(change) OVER (
        PARTITION BY numero_demande ORDER BY _recupere_le, _lot, encore ROWS UNBOUNDED PRECEDING) AS periode
    FROM vues
), rangees AS (
    SELECT *, ROW_NUMBER() OVER (PARTITION BY numero_demande, periode ORDER BY encore, _recupere_le DESC, _lot DESC) AS rang
    FROM periodes
), statuts AS (
    SELECT numero_demande, periode, MAX(nom_table) AS nom_table, MAX(statut_externe_demande__code) AS statut_externe_demande__code,
        MAX(CASE WHEN rang = 1 THEN statut_externe_demande__libelle END) AS statut_externe_demande__libelle,
        MIN(_recupere_le) AS premiere_vue, MAX(_recupere_le) AS derniere_vue
    FROM rangees WHERE periode > 0 GROUP BY numero_demande, periode
), suivis AS (
    SELECT *, LEAD(premiere_vue) OVER (PARTITION BY numero_demande ORDER BY periode) AS suivante FROM statuts
)
SELECT numero_demande, nom_table AS `table`, statut_externe_demande__code, statut_externe_demande__libelle, premiere_vue, derniere_vue,
    TIMESTAMP_DIFF(COALESCE(suivante, derniere_vue), premiere_vue, SECOND) / 86400 AS jours, suivante IS NULL AS en_cours
FROM suivis;

CREATE OR REPLACE VIEW `DATASET`.`demandes` AS
SELECT 'demande_chf' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `date_export` FROM `DATASET`.`demande_chf`
UNION ALL
SELECT 'demande_dev' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `date_export` FROM `DATASET`.`demande_dev`
UNION ALL
SELECT 'demande_mes' AS `table`, `numero_demande`, `_recupere_le`, `_lot`, `statut_externe_demande__code`, `statut_externe_demande__libelle`, `date_export` FROM `DATASET`.`demande_mes`;
