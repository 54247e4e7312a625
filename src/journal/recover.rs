//! Resumes a run that was cut off: rows are matched by name, not by position or other content.
//!
//! Only its name shows whether a group exists, so a row in doubt stays in doubt if its other cells were corrected.

use rusqlite::params;

use super::JournalError;
use super::state::Change;
use super::store::{Journal, RunId};
use crate::model::RowId;

/// Rows of a run whose existing group was deleted since by an undo are new again.
const DELETED_SINCE: &str = "
    DELETE FROM stored_operations WHERE NOT undo AND row IN (
        SELECT row FROM operations
        WHERE row BETWEEN (SELECT first_row FROM runs WHERE id = ?1) AND (SELECT last_row FROM runs WHERE id = ?1)
          AND NOT undo AND state = 'exists' AND group_id IN (SELECT group_id FROM gone))";

const OTHER_ROWS: &str = "holds an unfinished run of other rows; finish that one first, name another journal with --journal, or start over with --fresh";

const OPEN_SYNC: &str = "holds a sync that was cut off; finish that one first, name another journal with --journal, or start over with --fresh";

impl Journal {
    /// The run's files are read, and its rows are `first` to `last`: from here on it counts.
    /// Unless `is_fresh`, it continues the run that was cut off, if there is one: returns whether there was.
    ///
    /// # Errors
    /// If the journal cannot be written, or the run that was cut off was of other rows altogether.
    pub fn commence(&mut self, run: RunId, rows: (RowId, RowId), is_fresh: bool) -> Result<bool, JournalError> {
        let (RowId(first), RowId(last)) = rows;
        let cut_off = self.open_run()?.filter(|_| !is_fresh);
        if cut_off.as_ref().is_some_and(|run| run.plan.is_some()) {
            return Err(JournalError::refused(&self.path, OPEN_SYNC));
        }
        let earlier = cut_off.map(|cut_off| cut_off.run.0);
        let is_of_others = self.together(|batch| {
            if let Some(cut_off) = earlier {
                let continued = "CREATE TEMP TABLE continued AS SELECT ?1 AS run, ?2 AS first, ?3 AS last";
                batch.execute(continued, [cut_off, first, last])?;
                batch.execute_batch(include_str!("match.sql"))?;
                if batch.query_row("SELECT are_all FROM other_rows", [], |row| row.get(0))? {
                    return Ok(true);
                }
                batch.execute_batch(include_str!("carry.sql"))?;
            }
            let left = if is_fresh {
                "UPDATE runs SET state = 'abandoned' WHERE state IN ('open', 'continued')"
            } else {
                "UPDATE runs SET state = 'continued' WHERE state = 'open'"
            };
            batch.execute(left, [])?;
            let open = "UPDATE runs SET state = 'open', first_row = ?2, last_row = ?3, continues = ?4 WHERE id = ?1";
            batch.execute(open, params![run.0, first, last, earlier])?;
            Ok(false)
        })?;
        if is_of_others {
            return Err(JournalError::refused(&self.path, OTHER_ROWS));
        }
        earlier.map_or(Ok(()), |_| self.resume(run))?;
        Ok(earlier.is_some())
    }

    /// Resumes a run that was cut off, whose rows are the same: what failed is tried again, and what is unknown is in doubt again.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn resume(&self, run: RunId) -> Result<(), JournalError> {
        self.run(|db| db.execute(DELETED_SINCE, [run.0]).map(drop))?;
        self.take_up_unknown(run)?;
        // A row of a sync with the id of no group stays as it is.
        let failed = "operation.state = 'failed' AND NOT (operation.kind = 'update' AND operation.group_id IS NULL)";
        self.change_all(failed, run, &Change::Resume)
    }
}
