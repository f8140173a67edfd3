-- All times are INTEGER microseconds since 1970-01-01 UTC. PRAGMA user_version is the number of the last migration applied.

-- What the ledger is, and the pace of its calls. One row.
CREATE TABLE ledger (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    mode         TEXT    NOT NULL CHECK (mode IN ('reel', 'simule')),
    identity     TEXT    NOT NULL,  -- 8 random hexadecimal digits, in every lot's name
    created_at   INTEGER NOT NULL,
    last_write_at INTEGER,          -- when the last request was written to the API; NULL: never
    margin_ns    INTEGER,           -- the pacer's margin, in nanoseconds; NULL: not learned yet
    planned_run  INTEGER            -- the run whose plan the table plan holds; NULL while one is being made
);

-- One row a run of the program.
CREATE TABLE runs (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    refresh   TEXT    NOT NULL CHECK (refresh IN ('missing', 'due', 'all')),
    begun_at  INTEGER NOT NULL,
    since     INTEGER NOT NULL,             -- begin of the campaign: see Run.Since
    ended_at  INTEGER,                      -- NULL: still running, or killed
    complete  INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER,
    answers   INTEGER NOT NULL DEFAULT 0,   -- recorded during the run
    documents INTEGER NOT NULL DEFAULT 0,   -- of them, documents, unchanged ones too
    unchanged INTEGER NOT NULL DEFAULT 0,
    rejects   INTEGER NOT NULL DEFAULT 0
);

-- One row a number ever listed. What it keeps of the answers outlives the lots. Rows are never deleted.
CREATE TABLE demandes (
    id              INTEGER PRIMARY KEY,
    numero          TEXT    NOT NULL UNIQUE,
    code_cdgf       TEXT    NOT NULL,
    -- Of the last answer that settled the number; NULL: never answered.
    settled_at      INTEGER,
    next_due        INTEGER,
    http_status     INTEGER,                -- 0: no answer of the API's own
    attempts        INTEGER,
    motif           TEXT,                   -- why it was a reject; NULL: it was a document
    -- Of the last document, also when a reject came after it; NULL: none yet.
    document_sha256 BLOB,
    document_type   TEXT,
    changed_at      INTEGER                 -- when a document last differed from the one before
);

-- What the current run's lists hold. Emptied when the next plan begins.
CREATE TABLE plan (
    demande_id INTEGER PRIMARY KEY,
    place      INTEGER NOT NULL,            -- in the lists, from 1
    next_due   INTEGER,                     -- as it was when planned; NULL: never answered
    done       INTEGER NOT NULL             -- 1: settled since the run's Since
);

-- What is left to ask for, in the order in which it is asked for: NULL sorts first, so the never answered by place,
-- then the others by due time. A number that is settled leaves it, so that pages stay cheap to the end.
CREATE INDEX plan_left ON plan (next_due, place) WHERE done = 0;

-- One row an answer, until its lot is published. The ids have no gap and are never used again (AUTOINCREMENT), so that
-- a lot is a range of them: sealing a hundred thousand answers writes one row.
CREATE TABLE reponses (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    demande_id  INTEGER NOT NULL REFERENCES demandes (id),
    kind        INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 3), -- see the constants in record.go
    code_cdgf   TEXT    NOT NULL,           -- asked with at the time
    http_status INTEGER NOT NULL,
    sha256      BLOB,
    type        TEXT    NOT NULL,
    motif       TEXT    NOT NULL,
    message     TEXT    NOT NULL,
    attempts    INTEGER NOT NULL,
    received_at INTEGER NOT NULL,
    body        BLOB                        -- last, so that the others are read without it; NULL: empty, or unchanged
);

-- The changed documents of one type; the rejects.
CREATE INDEX reponses_documents ON reponses (type, id) WHERE kind = 1;
CREATE INDEX reponses_rejects ON reponses (id) WHERE kind = 3;

-- One row a sealed lot. Published ones stay, for the count.
CREATE TABLE lots (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    sealed_at    INTEGER NOT NULL,
    first_id     INTEGER NOT NULL,          -- its answers: reponses.id BETWEEN first_id AND last_id
    last_id      INTEGER NOT NULL,
    published_at INTEGER,                   -- NULL: waits
    tables       BLOB                       -- JSON of the columns that its tables are written with; NULL: not fixed yet
);

CREATE INDEX lots_waiting ON lots (id) WHERE published_at IS NULL;
