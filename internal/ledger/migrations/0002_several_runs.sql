-- Several runs at once: each has its plan, and claims the numbers that it asks for.

-- The pace has moved to the files of the quota gate, and the plans to their own table.
ALTER TABLE ledger DROP COLUMN last_write_at;
ALTER TABLE ledger DROP COLUMN margin_ns;
ALTER TABLE ledger DROP COLUMN planned_run;

-- 1: a run of refresh all was alive when it began, so that it does not end that run's campaign.
ALTER TABLE runs ADD COLUMN beside INTEGER NOT NULL DEFAULT 0;
-- What its plan held, and what of it was due still, once it has ended. NULL: it had no plan, or has not ended.
ALTER TABLE runs ADD COLUMN listed INTEGER;
ALTER TABLE runs ADD COLUMN remaining INTEGER;

-- Of the last document, also when a reject came after it. NULL: none yet, or from before this column.
ALTER TABLE demandes ADD COLUMN statut TEXT;
-- From the last answer that settled the number to next_due; NULL as settled_at, or from before this column.
ALTER TABLE demandes ADD COLUMN every INTEGER;
ALTER TABLE demandes ADD COLUMN unchanged INTEGER NOT NULL DEFAULT 0;   -- documents in a row equal to the one before
ALTER TABLE demandes ADD COLUMN rejects INTEGER NOT NULL DEFAULT 0;     -- settling rejects in a row
ALTER TABLE demandes ADD COLUMN failed_runs INTEGER NOT NULL DEFAULT 0; -- of them the last ones, of motif erreur_serveur
UPDATE demandes SET rejects = 1, failed_runs = (motif = 'erreur_serveur') WHERE motif IS NOT NULL;

DROP TABLE plan;

-- One row a plan: of a live run, or of one that died and is not swept away yet.
CREATE TABLE plans (
    run_id    INTEGER PRIMARY KEY REFERENCES runs (id),
    refresh   TEXT    NOT NULL,
    since     INTEGER NOT NULL,             -- the run's
    committed INTEGER NOT NULL DEFAULT 0,
    listed    INTEGER NOT NULL DEFAULT 0,   -- numbers, once committed
    void      INTEGER NOT NULL DEFAULT 0    -- 1: its rows in plan are being removed
);

-- What each run's lists hold.
CREATE TABLE plan (
    run_id     INTEGER NOT NULL,
    demande_id INTEGER NOT NULL,
    lane       INTEGER NOT NULL,            -- 0 to 63, the caller's: a supplier
    place      INTEGER NOT NULL,            -- in the lists, from 1
    rhythm     INTEGER NOT NULL,            -- 0: never answered; else the class of the interval, see rhythm.go
    next_due   INTEGER NOT NULL,            -- as it was when planned; 0: never answered
    state      INTEGER NOT NULL,            -- 0: waits; 1: handed out; 2: not to be asked for (again)
    PRIMARY KEY (run_id, demande_id)
) WITHOUT ROWID;

-- What waits, by lane in the order in which it is asked for within a rhythm. A number that is handed out or settled
-- leaves it, so that pages stay cheap to the end.
CREATE INDEX plan_left ON plan (run_id, lane, rhythm, next_due, place) WHERE state = 0;

-- The numbers that runs have been handed and have not settled. A dead run's are void.
CREATE TABLE claims (
    demande_id INTEGER PRIMARY KEY,
    run_id     INTEGER NOT NULL
);

CREATE INDEX claims_run ON claims (run_id);

-- 1: the answers of the published lot have left the ledger.
ALTER TABLE lots ADD COLUMN emptied INTEGER NOT NULL DEFAULT 0;
UPDATE lots SET emptied = 1 WHERE published_at IS NOT NULL;
CREATE INDEX lots_emptying ON lots (id) WHERE published_at IS NOT NULL AND emptied = 0;
