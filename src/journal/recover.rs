//! Going on with a run that was cut off: rows are known by what they say, not by where they stand.

use rusqlite::{Connection, OptionalExtension, params};

use super::JournalError;
use super::store::{Journal, RunId};
use crate::model::RowId;

/// Rows of the two runs that say the same, the n-th of one with the n-th of the other.
const MATCH: &str = "
    CREATE TEMP TABLE carried AS
    WITH old AS (SELECT rows.id, digest, row_number() OVER (PARTITION BY digest ORDER BY rows.id) AS nth
                 FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row WHERE runs.id = ?1),
         new AS (SELECT id, digest, row_number() OVER (PARTITION BY digest ORDER BY id) AS nth
                 FROM rows WHERE id BETWEEN ?2 AND ?3)
    SELECT old.id AS old, new.id AS new FROM old JOIN new USING (digest, nth)";

/// Groups that are there stay there; what failed is tried again; what was in doubt stays in doubt.
const CARRY: &str = "
    CREATE UNIQUE INDEX temp.carried_old ON carried (old);
    UPDATE intents SET is_unapplied = 1
        WHERE row IN (SELECT row FROM outcomes WHERE status = 'failed' AND row IN (SELECT old FROM carried));
    DELETE FROM outcomes WHERE status IN ('failed', 'unknown') AND row IN (SELECT old FROM carried);
    UPDATE outcomes SET row = (SELECT new FROM carried WHERE old = row) WHERE row IN (SELECT old FROM carried);
    UPDATE intents SET row = (SELECT new FROM carried WHERE old = row) WHERE row IN (SELECT old FROM carried);
    DELETE FROM rows WHERE id IN (SELECT old FROM carried);
    DROP TABLE carried;";

impl Journal {
    /// The run's files are read, and its rows are `first` to `last`: from here on it counts.
    /// Unless `is_fresh`, it goes on with the run that was cut off, if there is one: gives whether there was.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn commence(&mut self, run: RunId, rows: (RowId, RowId), is_fresh: bool) -> Result<bool, JournalError> {
        let path = &self.path;
        let mut work = || {
            let whole = self.db.transaction()?;
            let cut_off = cut_off(&whole)?;
            if let Some(cut_off) = cut_off.filter(|_| !is_fresh) {
                whole.execute(MATCH, params![cut_off, rows.0.0, rows.1.0])?;
                whole.execute_batch(CARRY)?;
            }
            whole.execute(
                "UPDATE runs SET state = CASE WHEN ?1 THEN 'abandoned' ELSE 'continued' END WHERE state = 'open'",
                [is_fresh],
            )?;
            whole.execute(
                "UPDATE runs SET state = 'open', first_row = ?2, last_row = ?3, continues = ?4 WHERE id = ?1",
                params![run.0, rows.0.0, rows.1.0, cut_off.filter(|_| !is_fresh)],
            )?;
            whole.commit()?;
            Ok(cut_off.is_some() && !is_fresh)
        };
        work().map_err(|reason| Self::failed(path, reason))
    }
}

fn cut_off(db: &Connection) -> rusqlite::Result<Option<i64>> {
    db.query_row("SELECT id FROM runs WHERE state = 'open' ORDER BY id DESC LIMIT 1", [], |row| row.get(0)).optional()
}
