//! Outcomes: settling rows while nothing is being sent, and the questions asked of the journal between sends.

use rusqlite::{Connection, OptionalExtension, params};

use super::JournalError;
use super::store::{Journal, RunId, now_ms};
use crate::model::{Fate, Group, Job, Past, RowId};

/// A group that a run created, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentGroup {
    /// The id the server gave it.
    pub id: String,
    /// What was sent.
    pub group: Group,
}

impl Journal {
    /// How many rows of a run are still to be settled.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn open_rows(&self, run: RunId) -> Result<u64, JournalError> {
        self.run(|db| {
            db.query_row(
                "SELECT count(*) FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
                 WHERE runs.id = ?1 AND body IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.row = rows.id)",
                [run.0],
                |row| row.get(0),
            )
        })
    }

    /// Whether a row is still to be settled, and if so, whether it was begun before.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn past(&self, row: RowId) -> Result<Option<Past>, JournalError> {
        self.run(|db| {
            let mut query = db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM intents WHERE row = ?1 AND NOT is_unapplied)
                 WHERE NOT EXISTS (SELECT 1 FROM outcomes WHERE row = ?1)",
            )?;
            let is_begun: Option<bool> = query.query_row([row.0], |found| found.get(0)).optional()?;
            Ok(is_begun.map(|begun| if begun { Past::InDoubt } else { Past::New }))
        })
    }

    /// Settles rows at once, in one commit; for use while nothing is being sent.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn settle(&mut self, fates: &[(RowId, Fate)]) -> Result<(), JournalError> {
        let path = &self.path;
        let mut work = || {
            let batch = self.db.transaction()?;
            for (row, fate) in fates {
                put_fate(&batch, *row, fate)?;
            }
            batch.commit()
        };
        work().map_err(|reason| Self::failed(path, reason))
    }

    /// The rows of a run that were begun and have no outcome, in input order.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn in_doubt(&self, run: RunId) -> Result<Vec<Job>, JournalError> {
        self.run(|db| {
            let mut query = db.prepare(
                "SELECT rows.id, rows.name, rows.body, attempts FROM results JOIN rows USING (id)
                 WHERE run = ?1 AND status = 'unknown' ORDER BY id",
            )?;
            query.query_map([run.0], job)?.collect()
        })
    }

    /// The groups that runs over this journal created, in the order of their rows.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn created_groups(&self) -> Result<Vec<SentGroup>, JournalError> {
        self.run(|db| {
            let mut query = db.prepare(
                "SELECT outcomes.group_id, rows.body FROM outcomes JOIN rows ON rows.id = outcomes.row
                 WHERE status = 'created' ORDER BY rows.id",
            )?;
            query
                .query_map([], |row| {
                    let body: String = row.get(1)?;
                    Ok(SentGroup { id: row.get(0)?, group: parse(1, &body)? })
                })?
                .collect()
        })
    }

    /// The digest of a file as a run over this journal last wrote it.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn written(&self, path: &str) -> Result<Option<Vec<u8>>, JournalError> {
        self.run(|db| db.query_row("SELECT digest FROM written WHERE path = ?1", [path], |row| row.get(0)).optional())
    }

    /// Notes how a file was written.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn note_written(&self, path: &str, digest: &[u8]) -> Result<(), JournalError> {
        self.run(|db| {
            db.execute("INSERT OR REPLACE INTO written (path, digest) VALUES (?1, ?2)", params![path, digest]).map(drop)
        })
    }
}

/// Writes a row's outcome.
pub(super) fn put_fate(db: &Connection, row: RowId, fate: &Fate) -> rusqlite::Result<()> {
    let (group_id, http_status, trouble) = match fate {
        Fate::Created { group_id, http_status } | Fate::Exists { group_id, http_status } => {
            (Some(group_id), *http_status, None)
        }
        Fate::Failed(trouble) | Fate::Unknown(trouble) => (None, trouble.http_status, Some(trouble)),
    };
    db.prepare_cached(
        "INSERT OR REPLACE INTO outcomes (row, status, group_id, http_status, code, error, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        row.0,
        fate.status().as_str(),
        group_id,
        http_status,
        trouble.map(|trouble| &trouble.code),
        trouble.map(|trouble| &trouble.message),
        now_ms()
    ])
    .map(drop)
}

/// Id, name, body, attempts.
pub(super) fn job(row: &rusqlite::Row<'_>) -> rusqlite::Result<Job> {
    let body: String = row.get(2)?;
    Ok(Job { row: RowId(row.get(0)?), name: row.get(1)?, body: body.into(), attempts: row.get(3)? })
}

/// Reads JSON out of a column.
pub(super) fn parse<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
