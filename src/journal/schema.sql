-- The journal of tallyfy-groups: input rows, attempts and outcomes.
-- `SELECT * FROM results WHERE run = (SELECT max(id) FROM runs)` shows the latest run.

-- One row for each time `import` or `sync` was started over this journal.
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
    input        BLOB,                          -- SHA-256 over its files and the options that read them; null for a pipe
    plan         TEXT,                          -- of a sync: the id of its plan, once it is agreed
    is_undo_open INTEGER                        -- whether the undo of it has not written its results yet
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

-- Syncs of whole files.
CREATE VIEW whole_syncs AS SELECT * FROM runs
WHERE plan IS NOT NULL AND NOT EXISTS (SELECT 1 FROM files WHERE files.run = runs.id AND dialect ->> '$.is_rejects');

CREATE TABLE files (
    run       INTEGER NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number    INTEGER NOT NULL,                 -- from 0, in the order given
    path      TEXT NOT NULL,                    -- as given; '-' is standard input
    canonical TEXT NOT NULL,                    -- absolute, all links resolved
    place     TEXT NOT NULL,                    -- absolute, only the folder's links resolved
    dialect   TEXT NOT NULL,                    -- how its rows are written, as JSON
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

-- One row for each row of the input, in input order; written before anything is sent, and not changed by sending. A sync has
-- further rows behind them, without a file: for groups that it deletes, and for temporary names.
CREATE TABLE rows (
    id     INTEGER PRIMARY KEY,
    file   INTEGER,                             -- its number
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
    people TEXT,                                -- warnings about its people
    known_id TEXT                               -- the id of its group, if a sync found it
) STRICT;

-- Rows that are not sent because of their people.
CREATE INDEX rows_without_people ON rows (id) WHERE code IS NOT NULL AND body IS NOT NULL AND lead IS NULL;

CREATE INDEX merged_rows ON rows (twin, id) WHERE merged;

-- They have workers of their own.
CREATE INDEX rows_with_guests ON rows (id) WHERE guests > 0;

-- What is done about each row, and what undoes it: at most one operation of each. Written before its request leaves, and when
-- its answer is known. A row without one is to be created, or in a sync unchanged. src/journal/state.rs has the changes of state.
CREATE TABLE stored_operations (
    row       INTEGER NOT NULL,
    undo      INTEGER NOT NULL,
    state     TEXT NOT NULL,                    -- planned, sending (in doubt after a crash), or the status of its outcome
    operation TEXT NOT NULL,                    -- all that is known of it, as JSON
    seal      INTEGER NOT NULL,                 -- over both: SQLite keeps no checksums of its own
    at_ms     INTEGER NOT NULL,                 -- Unix time of the last change
    PRIMARY KEY (row, undo)
) STRICT, WITHOUT ROWID;

-- The same with what is in the JSON. A table would compute it with each write.
CREATE VIEW operations AS
SELECT row, undo, state, operation, at_ms,
    operation ->> '$.kind' AS kind,             -- create, update or delete
    operation ->> '$.attempts' AS attempts,
    coalesce(operation ->> '$.level', 0) AS level,
    operation ->> '$.waits_for' AS waits_for,
    json_array_length(operation, '$.sent_ms') > (state = 'sending') AS may_be_applied, -- whether an earlier attempt may
    coalesce(operation ->> '$.state.group.id', operation ->> '$.target.id') AS group_id,
    operation ->> '$.state.http_status' AS http_status,
    operation ->> '$.state.code' AS code,
    operation ->> '$.state.message' AS error,
    operation ->> '$.state.group.differences' AS note -- how the group differs from the row, or from what was sent
FROM stored_operations;

-- Operations that have an outcome.
CREATE VIEW ended AS SELECT * FROM operations WHERE state <> 'planned' AND state <> 'sending';

-- When the last requests of any kind were answered: the server's limit counts them, also for the next run. These are the
-- bytes of the file beside the journal that ends in -pace and exists during a run; src/journal/request_log.rs describes them.
CREATE TABLE pace (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    marks BLOB NOT NULL
) STRICT;

-- The rows of a run that are to be sent and have no outcome.
CREATE VIEW open_rows AS
SELECT runs.id AS run, rows.*
FROM runs JOIN rows ON rows.id BETWEEN runs.first_row AND runs.last_row
WHERE rows.body IS NOT NULL AND NOT EXISTS (SELECT 1 FROM ended WHERE ended.row = rows.id AND NOT undo)
    AND (runs.plan IS NULL OR EXISTS (SELECT 1 FROM operations WHERE operations.row = rows.id AND NOT undo));

-- The rows of groups, with what they and the rows that are merged into them say.
CREATE VIEW defined AS
SELECT id, name, identity, coalesce(wanted, body) || coalesce(
    (SELECT group_concat(part.wanted) FROM rows AS part WHERE part.merged AND part.twin = rows.id), '') AS definition
FROM rows WHERE body IS NOT NULL;

-- The rows whose group `undo` deleted or found gone.
CREATE VIEW gone AS
SELECT row, sent.group_id
FROM operations AS deletion LEFT JOIN (SELECT row, group_id FROM operations WHERE NOT undo) AS sent USING (row)
WHERE undo AND (state = 'deleted' OR state = 'gone');

-- The rows whose operation was taken back, or whose group is gone.
CREATE VIEW taken_back AS
SELECT row FROM operations WHERE undo AND state IN ('created', 'updated', 'deleted', 'gone', 'unchanged');

-- The results file, as a view. A merged row shares the operation of its twin, `own`, unless its person is not one of the group.
CREATE VIEW results AS
SELECT runs.id AS run, rows.id AS id, rows.file, rows.row, rows.line, rows.name,
    CASE
        WHEN rows.code = 'row-excluded' THEN 'excluded'
        WHEN rows.twin IS NOT NULL AND NOT rows.merged THEN 'duplicate'
        WHEN own.body IS NULL OR rows.code IS NOT NULL AND (rows.merged OR rows.lead IS NOT NULL) THEN 'invalid'
        WHEN mine.state IN ('created', 'exists', 'updated', 'unchanged') AND coalesce(own.lead, own.id) <> rows.id THEN 'merged'
        WHEN mine.state = 'sending' OR mine.state = 'planned' AND mine.kind = 'update' AND mine.operation -> '$.edit' IS NULL THEN 'unknown'
        WHEN mine.state <> 'planned' THEN mine.state
        WHEN own.code IS NOT NULL AND own.lead IS NULL THEN 'invalid'
        WHEN mine.row IS NOT NULL OR runs.plan IS NULL THEN 'pending'
        WHEN coalesce(own.lead, own.id) <> rows.id THEN 'merged'
        ELSE 'unchanged'
    END AS status,
    mine.kind,
    coalesce(mine.group_id, iif(rows.code IS NULL, own.known_id, NULL), firsts.group_id, first.known_id) AS group_id,
    first.file AS first_file, first.row AS first_row, first.line AS first_line,
    iif(coalesce(own.lead, own.id) = rows.id, coalesce(mine.attempts, 0), 0) AS attempts,
    mine.http_status,
    coalesce(mine.code, iif(mine.state = 'held', 'held', rows.code)) AS code,
    coalesce(mine.error, rows.error) AS error,
    rows.input,
    mine.operation -> '$.edit' AS edit,
    nullif(concat_ws('; ', rows.warnings, rows.people, iif(coalesce(own.lead, own.id) = rows.id, mine.note, NULL)), '') AS warnings
FROM runs
JOIN rows ON rows.id BETWEEN runs.first_row AND runs.last_row
JOIN rows AS own ON own.id = iif(rows.merged, rows.twin, rows.id)
LEFT JOIN operations AS mine ON mine.row = own.id AND mine.undo = 0 AND (rows.code IS NULL OR NOT rows.merged AND rows.lead IS NULL)
LEFT JOIN rows AS first ON first.id =
    CASE WHEN NOT rows.merged THEN rows.twin WHEN rows.code IS NULL AND own.lead <> rows.id THEN own.lead END
LEFT JOIN operations AS firsts ON NOT rows.merged AND firsts.row = iif(first.merged, first.twin, first.id) AND firsts.undo = 0
-- Temporary names are no results.
WHERE rows.file IS NOT NULL OR mine.kind <> 'update';

-- The open rows of a run that have guests.
CREATE VIEW open_with_guests AS
SELECT runs.id AS run, rows.id, body, operation, kind
FROM runs JOIN rows INDEXED BY rows_with_guests ON rows.id BETWEEN first_row AND last_row AND guests > 0
LEFT JOIN operations ON operations.row = rows.id AND NOT undo
WHERE (rows.code IS NULL OR lead IS NOT NULL)
    AND (operations.state IN ('planned', 'sending') OR operations.row IS NULL AND runs.plan IS NULL);

-- What the runs did, and how much of it is taken back. Without the plus, SQLite would walk all groups that were ever created once for
-- each run.
CREATE VIEW past_runs AS
SELECT runs.id AS run, started_at, count(done.row) AS changed, count(undoing.row) AS undone,
    (SELECT coalesce(group_concat(path, ', '), '') FROM files WHERE run = runs.id) AS files
FROM runs
LEFT JOIN operations AS done ON done.row BETWEEN first_row AND last_row AND NOT done.undo
    AND +done.state IN ('created', 'updated', 'deleted')
LEFT JOIN taken_back AS undoing ON undoing.row = done.row
WHERE runs.state <> 'reading' GROUP BY runs.id;

-- The rows of a run that define a group; whether it is to be made so, and whether everybody whom they list is known.
CREATE VIEW desired AS
SELECT runs.id AS run, rows.id, file, row, line, body, code IS NULL OR lead IS NOT NULL AS is_valid, known_id,
    code IS NULL AND NOT EXISTS (
        SELECT 1 FROM rows AS part WHERE part.merged AND part.twin = rows.id AND part.code IS NOT NULL) AS may_remove
FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
WHERE body IS NOT NULL;

-- What a run did or may have done, and is not taken back; and what takes it back, as far as that is known.
CREATE VIEW not_taken_back AS
SELECT runs.id AS run, rows.id, body, undoing.operation AS undoing, done.operation AS done, done.state
FROM runs CROSS JOIN operations AS done ON done.row BETWEEN first_row AND last_row AND NOT done.undo
JOIN rows ON rows.id = done.row
LEFT JOIN operations AS undoing ON undoing.row = rows.id AND undoing.undo
WHERE body IS NOT NULL
    AND (done.state IN ('created', 'updated', 'deleted', 'unchanged', 'unknown', 'sending')
         OR done.state = 'planned' AND done.may_be_applied)
    AND NOT EXISTS (SELECT 1 FROM taken_back WHERE taken_back.row = rows.id);

-- Operations that changed which groups are owned, or what is known of them, or may have added people; and what undid them.
CREATE VIEW of_owned AS
SELECT rows.id, body, done.operation AS done, undoing.operation AS undoing,
    rows.file IS NULL AND done.kind = 'update' AS is_temporary, done.state IN ('planned', 'sending', 'unknown') AS is_in_doubt
FROM operations AS done JOIN rows ON rows.id = done.row
LEFT JOIN operations AS undoing ON undoing.row = rows.id AND undoing.undo
WHERE NOT done.undo AND (done.state IN ('created', 'updated', 'unchanged', 'deleted', 'gone')
    OR done.state IN ('planned', 'sending', 'unknown') AND done.kind = 'update' AND done.may_be_applied);

-- The rows with an error; nothing is sent for them.
CREATE VIEW invalid_rows AS
SELECT runs.id AS run, 'invalid' AS kind, rows.id, file, row, line, json_object('name', name) AS definition, error, NULL AS operation
FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
WHERE code <> 'row-excluded' AND (merged OR twin IS NULL);

-- What an import would do about each group, before anything is sent; at the row that has its status.
CREATE VIEW planned_groups AS
SELECT runs.id AS run,
    CASE WHEN operations.state = 'failed' THEN 'fail' WHEN operations.state = 'exists' THEN 'exists'
         WHEN operations.state = 'planned' AND operation -> '$.edit' IS NOT NULL THEN 'update' ELSE 'create' END AS kind,
    rows.id, shown.file, shown.row, shown.line, rows.body AS definition, NULL AS error, operation
FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
JOIN rows AS shown ON shown.id = coalesce(rows.lead, rows.id)
LEFT JOIN operations ON operations.row = rows.id AND NOT undo
WHERE rows.body IS NOT NULL AND (rows.code IS NULL OR rows.lead IS NOT NULL);

-- The results file of `undo`, as a view. A group of merged rows is shown at the row that has its status.
CREATE VIEW undone AS
SELECT runs.id AS run, shown.id AS id, shown.file, shown.row, shown.line, shown.name,
    CASE coalesce(deletion.state, 'planned') WHEN 'planned' THEN 'pending' WHEN 'sending' THEN 'unknown' ELSE deletion.state END AS status,
    coalesce(deletion.group_id, sent.group_id) AS group_id,
    coalesce(deletion.attempts, 0) AS attempts,
    deletion.http_status, iif(deletion.state = 'held', 'held', deletion.code) AS code, deletion.error,
    NULL AS first_file, NULL AS first_row, NULL AS first_line, NULL AS kind, NULL AS warnings,
    '[]' AS input, deletion.operation -> '$.edit' AS edit
FROM runs
JOIN rows ON rows.id BETWEEN runs.first_row AND runs.last_row
JOIN rows AS shown ON shown.id = coalesce(rows.lead, rows.id)
LEFT JOIN operations AS sent ON sent.row = rows.id AND sent.undo = 0
LEFT JOIN operations AS deletion ON deletion.row = rows.id AND deletion.undo = 1
WHERE (sent.state IN ('created', 'updated', 'deleted') OR deletion.row IS NOT NULL)
    -- Temporary names that are taken back are no results.
    AND (rows.file IS NOT NULL OR sent.kind <> 'update' OR deletion.state NOT IN ('updated', 'unchanged'));
