//! Outcomes: settling rows while nothing is being sent, and the questions asked of the journal between sends.

use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};
use sha2::{Digest, Sha256};

use super::JournalError;
use super::intents::note_made;
use super::store::{Journal, RunId, now_ms};
use crate::model::{Fate, Group, Past, RowId, Tag};

/// A group that a run created, as it was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentGroup {
    /// Its id, and when it was last changed, as the server told them.
    pub tag: Tag,
    /// What was sent.
    pub group: Group,
}

/// The rows of the run ?1 that were begun and have no outcome.
const IN_DOUBT: &str = "
    id BETWEEN (SELECT first_row FROM runs WHERE id = ?1) AND (SELECT last_row FROM runs WHERE id = ?1)
    AND EXISTS (SELECT 1 FROM intents WHERE intents.row = rows.id AND effect = 'unknown')
    AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.row = rows.id)";

/// A row that is still to be settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenRow {
    /// The group that it defines.
    pub group: Group,
    /// What it has behind it.
    pub past: Past,
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
                   AND NOT EXISTS (SELECT 1 FROM outcomes WHERE row = ?1)",
            )?;
            let open = |found: &rusqlite::Row<'_>| {
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
    pub(super) fn together(
        &mut self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<()>,
    ) -> Result<(), JournalError> {
        let whole = |db: &mut Connection| {
            let batch = db.transaction()?;
            work(&batch)?;
            batch.commit()
        };
        whole(&mut self.db).map_err(|reason| Self::failed(&self.path, reason))
    }

    /// Settles rows by what lists show, in one commit; for use while nothing is being sent. A group that was found may lack
    /// guests: a row that carries some stays open until that is seen to.
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

    /// The rows of a run that were begun and have no outcome, with the names of their groups, in input order.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn in_doubt(&self, run: RunId) -> Result<Vec<(RowId, String)>, JournalError> {
        self.run(|db| {
            let mut query = db.prepare(&format!("SELECT id, name FROM rows WHERE {IN_DOUBT} ORDER BY id"))?;
            query.query_map([run.0], |row| Ok((RowId(row.get(0)?), row.get(1)?)))?.collect()
        })
    }

    /// How many open rows of a run have a name that was sent for another run and may have been made less than `age` ago:
    /// lists may not show their groups yet. What came is counted from when it came: an intent may have waited for the pace.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn sent_lately(&self, run: RunId, age: Duration) -> Result<u64, JournalError> {
        let since = now_ms().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        self.run(|db| {
            db.query_row(
                "SELECT count(*) FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
                 WHERE runs.id = ?1 AND body IS NOT NULL
                   AND NOT EXISTS (SELECT 1 FROM outcomes WHERE outcomes.row = rows.id)
                   AND NOT EXISTS (SELECT 1 FROM intents WHERE intents.row = rows.id)
                   AND identity IN (
                       SELECT sent.identity FROM intents JOIN rows AS sent ON sent.id = intents.row
                       LEFT JOIN outcomes AS came ON came.row = sent.id
                       WHERE coalesce(came.at_ms, ?2) >= ?2 AND effect <> 'none' AND NOT EXISTS (
                           SELECT 1 FROM deletions
                           WHERE deletions.row = sent.id
                             AND (deletions.status = 'deleted' OR deletions.status = 'gone')))",
                params![run.0, since],
                |row| row.get(0),
            )
        })
    }

    /// Notes that lists did not show any group of the rows in doubt for long enough: they may be sent again.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn presume_absent(&self, run: RunId) -> Result<(), JournalError> {
        let absent = format!(
            "UPDATE intents SET effect = 'absent'
             WHERE effect = 'unknown' AND row IN (SELECT id FROM rows WHERE {IN_DOUBT})"
        );
        self.run(|db| db.execute(&absent, [run.0]).map(drop))
    }

    /// The groups that runs over this journal created and that were not deleted since, in the order of their rows.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn created_groups(&self) -> Result<Vec<SentGroup>, JournalError> {
        self.run(|db| {
            let mut query = db.prepare(
                "SELECT group_id, body, stamp FROM outcomes JOIN rows ON rows.id = outcomes.row
                 WHERE status = 'created' AND NOT EXISTS (
                     SELECT 1 FROM deletions WHERE deletions.row = rows.id AND deletions.status IN ('deleted', 'gone'))
                 ORDER BY rows.id",
            )?;
            query
                .query_map([], |row| {
                    let body: String = row.get(1)?;
                    let tag = Tag { id: row.get(0)?, stamp: row.get(2)? };
                    Ok(SentGroup { tag, group: parse(1, &body)? })
                })?
                .collect()
        })
    }
}

/// Writes a row's outcome.
pub(super) fn put_fate(db: &Connection, row: RowId, fate: &Fate) -> rusqlite::Result<()> {
    let (group_id, stamp, http_status, trouble) = match fate {
        Fate::Created { group, http_status } => {
            (Some(group.id.as_str()), group.stamp.as_deref(), Some(*http_status), None)
        }
        Fate::Exists { group_id, http_status, .. } => (Some(group_id.as_str()), None, *http_status, None),
        Fate::Failed(trouble) | Fate::Unknown(trouble) => (None, None, trouble.http_status, Some(trouble)),
    };
    let status = fate.status().as_str();
    let (code, error) = trouble.map(|trouble| (trouble.code.as_str(), trouble.message.as_str())).unzip();
    let note = if let Fate::Exists { differences, .. } = fate { differences.as_deref() } else { None };
    let seal = seal([Some(status), group_id, stamp, code, error], http_status);
    db.prepare_cached(
        "INSERT OR REPLACE INTO outcomes (row, status, group_id, stamp, http_status, code, error, seal, at_ms, note)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?
    .execute(params![row.0, status, group_id, stamp, http_status, code, error, seal, now_ms(), note])
    .map(drop)
}

/// Whether an outcome says what was written: the columns from `status` on as they stand in the schema, without the time.
pub(super) fn is_as_written(row: &Row<'_>) -> bool {
    // SQLite takes any bytes for text.
    let text = |column| row.get_ref(column).ok().and_then(|value| value.as_str_or_null().ok());
    let (Some(status), Some(group_id), Some(stamp), Some(code), Some(error)) =
        (text(0), text(1), text(2), text(4), text(5))
    else {
        return false;
    };
    let (http_status, sealed): (Option<Option<u16>>, Option<i64>) = (row.get(3).ok(), row.get(6).ok());
    http_status.is_some_and(|http_status| Some(seal([status, group_id, stamp, code, error], http_status)) == sealed)
}

/// A number that is another one as soon as one bit of all this is.
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

/// Reads JSON out of a column.
pub(super) fn parse<T: serde::de::DeserializeOwned>(column: usize, text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, Box::new(error))
    })
}
