-- The journal of tallyfy-groups: input rows, attempts and outcomes.
-- `SELECT * FROM results WHERE run = (SELECT max(id) FROM runs)` shows the latest run.

-- One row for each time `import` was started over this journal.
CREATE TABLE runs (
    id           INTEGER PRIMARY KEY,
    organization TEXT NOT NULL,
    realm        TEXT NOT NULL CHECK (realm IN ('simulated', 'loopback', 'remote')),
    state        TEXT NOT NULL CHECK (state IN ('reading', 'open', 'ended', 'continued', 'abandoned', 'undone')),
    continues    INTEGER REFERENCES runs (id),  -- the run that was cut off, if this one continues it
    started_at   TEXT NOT NULL,                 -- UTC, RFC 3339
    ended_at     TEXT,
    version      TEXT NOT NULL,                 -- of the program
    first_row    INTEGER,                       -- its rows are rows.id first_row to last_row
    last_row     INTEGER,
    input        BLOB                           -- SHA-256 over its files and the options that read them; null for a pipe
) STRICT;

-- The problems that were found in the files of a run, by kind.
CREATE TABLE problems (
    run      INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    severity TEXT NOT NULL,
    code     TEXT NOT NULL,
    count    INTEGER NOT NULL,
    first    TEXT NOT NULL,                     -- FILE:LINE of the first
    PRIMARY KEY (run, severity, code)
) STRICT, WITHOUT ROWID;

CREATE TABLE files (
    run       INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,                 -- from 0, in the order given
    path      TEXT NOT NULL,                    -- as given; '-' is standard input
    canonical TEXT NOT NULL,                    -- absolute, all links resolved
    place     TEXT NOT NULL,                    -- absolute, only the folder's links resolved
    format    TEXT NOT NULL CHECK (format IN ('csv', 'jsonl')),
    delimiter TEXT NOT NULL,
    header    TEXT NOT NULL,                    -- JSON array of the header's cells
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

-- The results and rejects that each run writes, recorded before they are written. Rejects that have none of these digests were
-- edited by the user, and are kept.
CREATE TABLE written (
    path   TEXT NOT NULL,                       -- absolute
    run    INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    digest BLOB,                                -- SHA-256 of the rejects
    PRIMARY KEY (path, run)
) STRICT, WITHOUT ROWID;

-- One row for each row of the input, in input order; written before anything is sent, and not changed by sending.
CREATE TABLE rows (
    id     INTEGER PRIMARY KEY,
    file   INTEGER NOT NULL,
    row    INTEGER NOT NULL,                    -- data row of the file, from 1
    line   INTEGER NOT NULL,                    -- line of the file, from 1
    name   TEXT NOT NULL,
    identity BLOB,                              -- equal for names that are the same; null without a body
    input  TEXT NOT NULL,                       -- as it stood: JSON array of the cells ({"open_quote": …} if its last quote never closes), or the line
    body   TEXT,                                -- of the create request; null for an invalid, repeated or merged row
    wanted TEXT,                                -- the group as this row defines it: of a merged row, and if finding people changed the body
    guests INTEGER NOT NULL,                    -- how many the body carries
    twin   INTEGER,                             -- rows.id of the earlier row of that name
    merged INTEGER NOT NULL,                    -- whether the people of the row become those of its twin's group
    lead   INTEGER,                             -- of a group with merged rows: rows.id of its first valid row, which has the group's status
    code   TEXT,                                -- of an invalid row; with a body: of people who cannot be members
    error  TEXT,
    warnings TEXT,                              -- sentences, joined by semicolons; null if there are none
    people TEXT                                 -- warnings about its people
) STRICT;

-- Rows that are not sent because of their people.
CREATE INDEX rows_without_people ON rows (id) WHERE code IS NOT NULL AND body IS NOT NULL AND lead IS NULL;

CREATE INDEX merged_rows ON rows (twin, id) WHERE merged;

-- They have workers of their own.
CREATE INDEX rows_with_guests ON rows (id) WHERE guests > 0;

-- One row for each attempt; on disk before the request leaves.
CREATE TABLE intents (
    row      INTEGER NOT NULL,
    attempt  INTEGER NOT NULL,                  -- from 1
    at_ms    INTEGER NOT NULL,                  -- Unix time
    -- unknown: it may have made the group. none: it did not. absent: it was looked up, and lists did not show the group for long enough.
    -- made: the group was found, and may lack guests.
    effect   TEXT NOT NULL DEFAULT 'unknown' CHECK (effect = 'unknown' OR effect = 'none' OR effect = 'absent' OR effect = 'made'),
    PRIMARY KEY (row, attempt)
) STRICT, WITHOUT ROWID;

-- The outcomes of the rows that were to be sent.
CREATE TABLE outcomes (
    row         INTEGER PRIMARY KEY,
    -- No IN: from three values on, SQLite builds a table of them for every row.
    status      TEXT NOT NULL CHECK (status = 'created' OR status = 'exists' OR status = 'failed' OR status = 'unknown'),
    group_id    TEXT,
    stamp       TEXT,                           -- of a created group: its updated_at, as the server first gave it
    http_status INTEGER,
    code        TEXT,
    error       TEXT,
    seal        INTEGER NOT NULL,               -- over status to error: SQLite keeps no checksums of its own
    at_ms       INTEGER NOT NULL,
    note        TEXT                            -- how the group differs from the row
) STRICT;

-- The groups that `undo` was to delete, and the outcomes; on disk before the request leaves.
CREATE TABLE deletions (
    row         INTEGER PRIMARY KEY,
    status      TEXT CHECK (status IN ('deleted', 'gone', 'changed', 'failed', 'unknown')),  -- null: begun, and not answered
    attempts    INTEGER NOT NULL,               -- requests that delete it, as far as is known
    http_status INTEGER,
    code        TEXT,
    error       TEXT,
    at_ms       INTEGER NOT NULL
) STRICT;

-- When the last requests of any kind were answered: the server's limit counts them, also for the next run. These are the
-- bytes of the file beside the journal that ends in -pace and exists during a run; src/journal/trail.rs describes them.
CREATE TABLE pace (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    marks BLOB NOT NULL
) STRICT;

-- The rows of a run that are to be sent and have no outcome.
CREATE VIEW open_rows AS
SELECT runs.id AS run, rows.*
FROM runs JOIN rows ON rows.id BETWEEN runs.first_row AND runs.last_row
WHERE rows.body IS NOT NULL AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.row = rows.id);

-- The rows whose group `undo` deleted or found gone.
CREATE VIEW gone AS
SELECT deletions.row, outcomes.group_id
FROM deletions LEFT JOIN outcomes ON outcomes.row = deletions.row
WHERE deletions.status = 'deleted' OR deletions.status = 'gone';

-- The results file, as a view. A merged row shares the outcome of its twin, `own`, unless its person is not one of the group.
CREATE VIEW results AS
SELECT runs.id AS run, rows.id AS id, rows.file, rows.row, rows.line, rows.name,
    CASE
        WHEN rows.code = 'row-excluded' THEN 'excluded'
        WHEN rows.twin IS NOT NULL AND NOT rows.merged THEN 'duplicate'
        WHEN own.body IS NULL OR rows.code IS NOT NULL AND (rows.merged OR rows.lead IS NOT NULL) THEN 'invalid'
        WHEN mine.group_id IS NOT NULL AND coalesce(own.lead, own.id) <> rows.id THEN 'merged'
        WHEN mine.status IS NOT NULL THEN mine.status
        WHEN EXISTS (SELECT 1 FROM intents WHERE intents.row = own.id AND (effect = 'unknown' OR effect = 'made')) THEN 'unknown'
        WHEN own.code IS NOT NULL AND own.lead IS NULL THEN 'invalid'
        ELSE 'pending'
    END AS status,
    coalesce(mine.group_id, firsts.group_id) AS group_id,
    first.file AS first_file, first.row AS first_row, first.line AS first_line,
    iif(coalesce(own.lead, own.id) = rows.id, (SELECT count(*) FROM intents WHERE intents.row = own.id), 0) AS attempts,
    mine.http_status,
    coalesce(mine.code, rows.code) AS code,
    coalesce(mine.error, rows.error) AS error,
    rows.input,
    nullif(concat_ws('; ', rows.warnings, rows.people, iif(coalesce(own.lead, own.id) = rows.id, mine.note, NULL)), '') AS warnings
FROM runs
JOIN rows ON rows.id BETWEEN runs.first_row AND runs.last_row
JOIN rows AS own ON own.id = iif(rows.merged, rows.twin, rows.id)
LEFT JOIN outcomes AS mine ON mine.row = own.id AND (rows.code IS NULL OR NOT rows.merged AND rows.lead IS NULL)
LEFT JOIN rows AS first ON first.id =
    CASE WHEN NOT rows.merged THEN rows.twin WHEN rows.code IS NULL AND own.lead <> rows.id THEN own.lead END
LEFT JOIN outcomes AS firsts ON NOT rows.merged AND firsts.row = iif(first.merged, first.twin, first.id);

-- The results file of `undo`, as a view. A group of merged rows is shown at the row that has its status.
CREATE VIEW undone AS
SELECT runs.id AS run, shown.id AS id, shown.file, shown.row, shown.line, shown.name,
    CASE WHEN deletions.row IS NULL THEN 'pending' ELSE coalesce(deletions.status, 'unknown') END AS status,
    outcomes.group_id,
    coalesce(deletions.attempts, 0) AS attempts,
    deletions.http_status, deletions.code, deletions.error
FROM runs
JOIN rows ON rows.id BETWEEN runs.first_row AND runs.last_row
JOIN rows AS shown ON shown.id = coalesce(rows.lead, rows.id)
LEFT JOIN outcomes ON outcomes.row = rows.id
LEFT JOIN deletions ON deletions.row = rows.id
WHERE outcomes.status = 'created' OR deletions.row IS NOT NULL;
