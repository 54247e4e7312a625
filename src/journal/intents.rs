//! SQL statements for intents: the next rows to send, their attempts, and the effect of each attempt.

use rusqlite::{Connection, Row, params};

use super::Intent;
use super::store::{RunId, now_ms, parse};
use crate::model::{Effect, Job, RowId};

/// The next rows, with guests that may be new or without, that are neither settled nor in doubt, in input order.
pub(super) fn next_jobs(
    db: &Connection,
    run: RunId,
    with_guests: bool,
    after: RowId,
    count: usize,
) -> rusqlite::Result<Vec<Job>> {
    let (index, guests) = if with_guests {
        ("INDEXED BY rows_with_guests", "guests > 0 AND rows.id NOT IN temp.known_guests")
    } else {
        ("", "(guests = 0 OR rows.id IN temp.known_guests)")
    };
    let mut query = db.prepare_cached(&format!(
        "SELECT rows.id, body,
                (SELECT count(*) FROM intents WHERE intents.row = rows.id),
                EXISTS (SELECT 1 FROM intents WHERE intents.row = rows.id AND (effect = 'absent' OR effect = 'made')),
                EXISTS (SELECT 1 FROM intents WHERE intents.row = rows.id AND effect = 'made')
         FROM runs JOIN rows {index} ON rows.id BETWEEN max(first_row, ?2 + 1) AND last_row
         WHERE runs.id = ?1 AND body IS NOT NULL AND (code IS NULL OR lead IS NOT NULL) AND {guests}
           AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.row = rows.id)
           AND NOT EXISTS (SELECT 1 FROM intents WHERE intents.row = rows.id AND effect = 'unknown')
         ORDER BY rows.id LIMIT ?3",
    ))?;
    query.query_map(params![run.0, after.0, count], job)?.collect()
}

fn job(row: &Row<'_>) -> rusqlite::Result<Job> {
    Ok(Job {
        row: RowId(row.get(0)?),
        group: parse(1, row.get_ref(1)?.as_str()?)?,
        attempts: row.get(2)?,
        may_be_ours: row.get(3)?,
        is_made: row.get(4)?,
    })
}

/// Records that a job is sent now.
pub(super) fn begin(db: &Connection, mut job: Job) -> rusqlite::Result<Intent<Job>> {
    job.attempts += 1;
    db.prepare_cached("INSERT INTO intents (row, attempt, at_ms) VALUES (?1, ?2, ?3)")?.execute(params![
        job.row.0,
        job.attempts,
        now_ms()
    ])?;
    Ok(Intent(job))
}

/// Records the effect of the last attempt of a row.
pub(super) fn conclude(db: &Connection, row: RowId, effect: Effect) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE intents SET effect = ?2 WHERE row = ?1 AND effect = 'unknown'")?
        .execute(params![row.0, effect.as_ref()])
        .map(drop)
}

/// Records that the group of a row with guests was found; returns whether it is such a row.
pub(super) fn note_made(db: &Connection, row: RowId) -> rusqlite::Result<bool> {
    let sql = "UPDATE intents SET effect = 'made'
               WHERE row = ?1 AND effect <> 'none' AND (SELECT guests FROM rows WHERE id = ?1) > 0";
    Ok(db.prepare_cached(sql)?.execute([row.0])? > 0)
}

/// Removes the last attempt of a row, which never left.
pub(super) fn release(db: &Connection, row: RowId) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM intents WHERE row = ?1 AND effect = 'unknown'")?.execute([row.0]).map(drop)
}
