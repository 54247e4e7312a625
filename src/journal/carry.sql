-- What exists still exists, unless the run that created it was undone since, and its body stays as it was sent.
UPDATE stored_operations SET row = (SELECT new FROM carried WHERE old = row) WHERE NOT undo AND row IN (SELECT old FROM carried);
UPDATE rows SET (wanted, body, guests) = (
        SELECT coalesce(rows.wanted, rows.body), sent.body, sent.guests
        FROM carried JOIN rows AS sent ON sent.id = old WHERE new = rows.id)
    WHERE id IN (SELECT new FROM carried)
      AND EXISTS (SELECT 1 FROM ended WHERE row = rows.id AND NOT undo AND (state = 'created' OR state = 'exists'));
DELETE FROM stored_operations WHERE undo AND row IN (SELECT old FROM carried);

-- The run that was cut off keeps only rows that have a history and no successor.
DELETE FROM rows WHERE id BETWEEN (SELECT first_row FROM continued JOIN runs ON id = run) AND (SELECT last_row FROM continued JOIN runs ON id = run)
    AND NOT EXISTS (SELECT 1 FROM operations WHERE operations.row = iif(merged, twin, rows.id));

DROP TABLE old;
DROP TABLE new;
DROP TABLE carried;
DROP TABLE other_rows;
DROP TABLE continued;
