//! Intents, as statements: what is begun, what had no effect, what is to be begun next.

use rusqlite::{Connection, params};

use super::Begun;
use super::outcomes::job;
use super::store::{RunId, now_ms};
use crate::model::{Job, RowId};

/// The next rows that were never begun, in input order.
pub(super) fn new_jobs(db: &Connection, run: RunId, after: RowId, count: usize) -> rusqlite::Result<Vec<Job>> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let mut query = db.prepare_cached(
        "SELECT rows.id, name, body, (SELECT count(*) FROM intents WHERE intents.row = rows.id)
         FROM runs JOIN rows ON rows.id BETWEEN max(first_row, ?2 + 1) AND last_row
         WHERE runs.id = ?1 AND body IS NOT NULL
           AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.row = rows.id)
           AND NOT EXISTS (SELECT 1 FROM intents WHERE intents.row = rows.id AND NOT is_unapplied)
         ORDER BY rows.id LIMIT ?3",
    )?;
    query.query_map(params![run.0, after.0, count], job)?.collect()
}

/// Notes that a job is sent once more; its last send, if there was one, is known to have had no effect.
pub(super) fn begin(db: &Connection, mut job: Job) -> rusqlite::Result<Begun> {
    if job.attempts > 0 {
        unapplied(db, job.row)?;
    }
    job.attempts += 1;
    db.prepare_cached("INSERT INTO intents (row, attempt, at_ms) VALUES (?1, ?2, ?3)")?.execute(params![
        job.row.0,
        job.attempts,
        now_ms()
    ])?;
    Ok(Begun(job))
}

/// Notes that the sends of a row had no effect.
pub(super) fn unapplied(db: &Connection, row: RowId) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE intents SET is_unapplied = 1 WHERE row = ?1")?.execute([row.0]).map(drop)
}

/// Forgets the last send of a row, which never left.
pub(super) fn release(db: &Connection, row: RowId) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM intents WHERE row = ?1 AND NOT is_unapplied")?.execute([row.0]).map(drop)
}
