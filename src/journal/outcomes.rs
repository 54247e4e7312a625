//! Outcomes: settling rows while nothing is being sent, and what is read between runs.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

use super::JournalError;
use super::intents::note_made;
use super::store::{Journal, RunId, now_ms, parse};
use crate::model::{Fate, Group, Past, RowId, Tag};

/// A row that is still to be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRow {
    /// The group that it defines.
    pub group: Group,
    /// What is known of earlier attempts.
    pub past: Past,
}

impl Journal {
    /// A row, if it is still to be settled.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn open_row(&self, row: RowId) -> Result<Option<OpenRow>, JournalError> {
        self.run(|db| {
            let mut query = db.prepare_cached(
                "SELECT body,
                        EXISTS (SELECT 1 FROM intents WHERE row = ?1 AND effect = 'unknown'),
                        EXISTS (SELECT 1 FROM intents WHERE row = ?1 AND (effect = 'absent' OR effect = 'made'))
                 FROM rows WHERE id = ?1 AND body IS NOT NULL
                   AND (code IS NULL OR lead IS NOT NULL OR EXISTS (SELECT 1 FROM intents WHERE row = ?1))
                   AND NOT EXISTS (SELECT 1 FROM outcomes WHERE row = ?1)",
            )?;
            let open = |found: &Row<'_>| {
                let past = match (found.get(1)?, found.get(2)?) {
                    (true, _) => Past::InDoubt,
                    (false, true) => Past::Absent,
                    (false, false) => Past::New,
                };
                Ok(OpenRow { group: parse(0, found.get_ref(0)?.as_str()?)?, past })
            };
            query.query_row([row.0], open).optional()
        })
    }

    /// Does something in one commit.
    pub(super) fn together<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, JournalError> {
        self.run(|db| {
            let batch = db.unchecked_transaction()?;
            let done = work(&batch)?;
            batch.commit().map(|()| done)
        })
    }

    /// Settles rows from lists, in one commit, while nothing is being sent. A group that was found may lack guests: a row
    /// that has guests stays open until its group is complete.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn settle(&mut self, fates: &[(RowId, Fate)]) -> Result<(), JournalError> {
        self.together(|batch| {
            fates.iter().try_for_each(|(row, fate)| {
                let is_found = matches!(fate, Fate::Created { .. });
                if is_found && note_made(batch, *row)? { Ok(()) } else { put_fate(batch, *row, fate) }
            })
        })
    }

    /// The rows of a run that were begun and have no outcome, with their groups, in input order.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn in_doubt(&self, run: RunId) -> Result<Vec<(RowId, Group)>, JournalError> {
        // By the intents: they may be far fewer than the rows.
        let sql = "SELECT DISTINCT id, body FROM intents CROSS JOIN open_rows ON open_rows.id = intents.row
                   WHERE run = ?1 AND effect = 'unknown' ORDER BY id";
        let row = |row: &Row<'_>| Ok((RowId(row.get(0)?), parse(1, row.get_ref(1)?.as_str()?)?));
        self.run(|db| db.prepare(sql)?.query_map([run.0], row)?.collect())
    }

    /// How many open rows of a run have a name that was sent for another run and may have been made less than `age` ago:
    /// lists may not show their groups yet. An answered row counts from its answer: its intent may have waited for a permit.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn sent_lately(&self, run: RunId, age: Duration) -> Result<u64, JournalError> {
        let since = now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        // Mostly nothing was sent lately: then no row is read.
        let sql = "
            WITH lately AS MATERIALIZED (
                SELECT sent.identity FROM intents JOIN rows AS sent ON sent.id = intents.row
                LEFT JOIN outcomes AS came ON came.row = sent.id
                WHERE coalesce(came.at_ms, ?2) >= ?2 AND effect <> 'none'
                  AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.row = sent.id))
            SELECT count(*) FROM open_rows
            WHERE EXISTS (SELECT 1 FROM lately) AND run = ?1 AND identity IN (SELECT identity FROM lately)
              AND NOT EXISTS (SELECT 1 FROM intents WHERE intents.row = open_rows.id)";
        self.run(|db| db.query_row(sql, params![run.0, since], |row| row.get(0)))
    }

    /// Records that lists did not show any group of the rows in doubt for long enough: they may be sent again.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn presume_absent(&self, run: RunId) -> Result<(), JournalError> {
        let absent = "UPDATE intents SET effect = 'absent'
                      WHERE effect = 'unknown'
                        AND EXISTS (SELECT 1 FROM open_rows WHERE run = ?1 AND open_rows.id = intents.row)";
        self.run(|db| db.execute(absent, [run.0]).map(drop))
    }

    /// The groups that runs over this journal created and that were not deleted since, as they were sent, in the order of
    /// their rows.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn created_groups(&self) -> Result<Vec<(Tag, Group)>, JournalError> {
        let sql = "SELECT group_id, body, stamp FROM outcomes JOIN rows ON rows.id = outcomes.row
                   WHERE status = 'created' AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.row = rows.id)
                   ORDER BY rows.id";
        let sent = |row: &Row<'_>| {
            let tag = Tag { id: row.get(0)?, stamp: row.get(2)? };
            Ok((tag, parse(1, row.get_ref(1)?.as_str()?)?))
        };
        self.run(|db| db.prepare(sql)?.query_map([], sent)?.collect())
    }
}

/// Writes a row's outcome.
pub(super) fn put_fate(db: &Connection, row: RowId, fate: &Fate) -> rusqlite::Result<()> {
    let (group_id, stamp, http_status, trouble) = match fate {
        Fate::Created { group, http_status, .. } => {
            (Some(group.id.as_str()), group.stamp.as_deref(), Some(*http_status), None)
        }
        Fate::Exists { group_id, http_status, .. } => (Some(group_id.as_str()), None, *http_status, None),
        Fate::Failed(trouble) | Fate::Unknown(trouble) => (None, None, trouble.http_status, Some(trouble)),
    };
    let note = match fate {
        Fate::Created { differences, .. } | Fate::Exists { differences, .. } => differences.as_deref(),
        Fate::Failed(_) | Fate::Unknown(_) => None,
    };
    let status = fate.status().as_str();
    let (code, error) = trouble.map(|trouble| (trouble.code.as_str(), trouble.message.as_str())).unzip();
    let seal = seal([Some(status), group_id, stamp, code, error], http_status);
    db.prepare_cached(
        "INSERT OR REPLACE INTO outcomes (row, status, group_id, stamp, http_status, code, error, seal, at_ms, note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![row.0, status, group_id, stamp, http_status, code, error, seal, now_ms(), note])
    .map(drop)
}

/// Whether an outcome is as it was written: the columns from `status` to `seal`, as the schema orders them.
///
/// # Errors
/// If a column cannot be read: SQLite takes any bytes for text.
pub(super) fn is_as_written(row: &Row<'_>) -> rusqlite::Result<bool> {
    let text = |column| row.get_ref(column).and_then(|value| Ok(value.as_str_or_null()?));
    let texts = [text(0)?, text(1)?, text(2)?, text(4)?, text(5)?];
    Ok(seal(texts, row.get(3)?) == row.get::<_, i64>(6)?)
}

/// A checksum of an outcome.
fn seal(texts: [Option<&str>; 5], http_status: Option<u16>) -> i64 {
    let mut hasher = Sha256::new();
    for text in texts {
        hasher.update([u8::from(text.is_some())]);
        hasher.update(text.unwrap_or_default());
        hasher.update([0]);
    }
    hasher.update(http_status.unwrap_or_default().to_le_bytes());
    let digest = hasher.finalize();
    digest.first_chunk().map_or(0, |first| i64::from_le_bytes(*first))
}
