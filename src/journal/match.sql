-- Which rows of the run that was cut off, and of those that it continued, are which of the new ones. Within a run, names are unique.
-- `continued` has the run, and the first and the last of the new rows. Where each person has a row, a group that is there and was corrected
-- since in the file is compared with its rows like any other group that exists, and gets who is new: there the definitions must be equal.
CREATE TEMP TABLE old AS
SELECT defined.id, name, identity, iif(EXISTS (
    SELECT 1 FROM operations WHERE row = defined.id AND NOT undo
        AND (operations.state IN ('created', 'exists') OR kind = 'update' AND operation -> '$.edit' IS NOT NULL)), definition, NULL) AS definition
FROM runs JOIN defined ON defined.id BETWEEN first_row AND last_row
WHERE state IN ('open', 'continued') ORDER BY defined.id DESC;

CREATE TEMP TABLE new AS
SELECT id, name, identity, iif(instr(definition, '"is_of_person":true') > 0, definition, NULL) AS definition
FROM continued JOIN defined ON defined.id BETWEEN first AND last;

-- First by the name itself, then by its key: `--match-names` may have changed between the runs.
CREATE TEMP TABLE carried (old INTEGER PRIMARY KEY, new INTEGER NOT NULL UNIQUE);
INSERT OR IGNORE INTO carried SELECT old.id, new.id FROM old JOIN new USING (name)
WHERE ifnull(old.definition = new.definition, TRUE) ORDER BY old.rowid;
INSERT OR IGNORE INTO carried SELECT old.id, new.id FROM old JOIN new USING (identity)
WHERE ifnull(old.definition = new.definition, TRUE) ORDER BY old.rowid;

-- Whether the run that was cut off has sent something, and none of its rows is among the new ones.
CREATE TEMP TABLE other_rows AS
SELECT NOT EXISTS (SELECT 1 FROM carried) AND NOT EXISTS (SELECT 1 FROM old JOIN new USING (name)) AND EXISTS (
    SELECT 1 FROM old JOIN operations ON row = old.id WHERE attempts > 0 OR operations.state <> 'planned') AS are_all;
