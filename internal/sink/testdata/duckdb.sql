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
    SELECT 'demande_chf' AS "table", "numero_demande", "_recupere_le", "_lot", "statut_externe_demande__code", "statut_externe_demande__libelle" FROM "demande_chf"
    UNION ALL
    SELECT 'demande_dev' AS "table", "numero_demande", "_recupere_le", "_lot", "statut_externe_demande__code", "statut_externe_demande__libelle" FROM "demande_dev"
    UNION ALL
    SELECT 'demande_mes' AS "table", "numero_demande", "_recupere_le", "_lot", "statut_externe_demande__code", "statut_externe_demande__libelle" FROM "demande_mes"
), changements AS (
    SELECT *, "statut_externe_demande__code" IS DISTINCT FROM lag("statut_externe_demande__code") OVER w
        OR row_number() OVER w = 1 AS change
    FROM lignes WINDOW w AS (PARTITION BY "numero_demande", "table" ORDER BY "_recupere_le", "_lot")
), periodes AS (
    SELECT *, count(*) FILTER (WHERE change) OVER (
        PARTITION BY "numero_demande", "table" ORDER BY "_recupere_le", "_lot" ROWS UNBOUNDED PRECEDING) AS periode
    FROM changements
)
SELECT "numero_demande", "table", "statut_externe_demande__code",
    last("statut_externe_demande__libelle" ORDER BY "_recupere_le", "_lot") AS "statut_externe_demande__libelle",
    min("_recupere_le") AS "premiere_vue", max("_recupere_le") AS "derniere_vue"
FROM periodes GROUP BY "numero_demande", "table", periode, "statut_externe_demande__code";
