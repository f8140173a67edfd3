-- Written anew by omega-export with each lot: changes made here do not last.

CREATE OR REPLACE VIEW "demande_chf" AS SELECT * FROM read_parquet([
    'ROOT/demande_chf/date_export=2026-11-23/20261123-120000-1.parquet',
    'ROOT/demande_chf/date_export=2026-11-24/20261124-120000-2.parquet'
], union_by_name = true, hive_partitioning = true, hive_types = {'date_export': DATE});
CREATE OR REPLACE VIEW "demande_chf_courant" AS SELECT * FROM "demande_chf"
QUALIFY row_number() OVER (PARTITION BY "numero_demande" ORDER BY "_recupere_le" DESC, "_lot" DESC) = 1;

CREATE OR REPLACE VIEW "demande_dev" AS SELECT * FROM read_parquet([
    'ROOT/demande_dev/date_export=2026-11-24/20261124-120000-2.parquet'
], union_by_name = true, hive_partitioning = true, hive_types = {'date_export': DATE});
COMMENT ON COLUMN "demande_dev"."montant" IS 'Le montant d''un "devis", en €; voir \guide\
ligne 2';
CREATE OR REPLACE VIEW "demande_dev_courant" AS SELECT * FROM "demande_dev"
QUALIFY row_number() OVER (PARTITION BY "numero_demande" ORDER BY "_recupere_le" DESC, "_lot" DESC) = 1;

CREATE OR REPLACE VIEW "demande_mes" AS SELECT * FROM read_parquet([
    'ROOT/demande_mes/date_export=2026-11-24/20261124-120000-2.parquet'
], union_by_name = true, hive_partitioning = true, hive_types = {'date_export': DATE});
CREATE OR REPLACE VIEW "demande_mes_courant" AS SELECT * FROM "demande_mes"
QUALIFY row_number() OVER (PARTITION BY "numero_demande" ORDER BY "_recupere_le" DESC, "_lot" DESC) = 1;

CREATE OR REPLACE VIEW "reponses" AS SELECT * FROM read_parquet([
    'ROOT/reponses/date_export=2026-11-23/20261123-120000-1.parquet'
], union_by_name = true, hive_partitioning = true, hive_types = {'date_export': DATE});

CREATE OR REPLACE VIEW "historique_statuts" AS
WITH lignes AS (
    SELECT 'demande_chf' AS nom_table, numero_demande, _recupere_le, _lot, statut_externe_demande__code, statut_externe_demande__libelle FROM "demande_chf"
    UNION ALL
    SELECT 'demande_dev' AS nom_table, numero_demande, _recupere_le, _lot, statut_externe_demande__code, statut_externe_demande__libelle FROM "demande_dev"
    UNION ALL
    SELECT 'demande_mes' AS nom_table, numero_demande, _recupere_le, _lot, statut_externe_demande__code, statut_externe_demande__libelle FROM "demande_mes"
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
SELECT numero_demande, nom_table AS "table", statut_externe_demande__code, statut_externe_demande__libelle, premiere_vue, derniere_vue,
    date_diff('second', premiere_vue, COALESCE(suivante, derniere_vue)) / 86400.0 AS jours, suivante IS NULL AS en_cours
FROM suivis;
