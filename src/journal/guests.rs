//! The guests that the rows of a run invite, and all guests that were sent.

use std::time::Duration;

use super::JournalError;
use super::operations::task;
use super::store::{Journal, RunId, now_ms, parse};
use crate::model::{RowId, WantedGroup};

/// The guests of a group that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentGuests {
    /// Their addresses.
    pub guests: Vec<String>,
    /// How long ago the response came; zero if none came.
    pub age: Duration,
    /// Whether the group is there, so that the organization knows them.
    pub are_known: bool,
}

impl Journal {
    /// Whether an open row of a run has guests to invite.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn has_open_guests(&self, run: RunId) -> Result<bool, JournalError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM open_with_guests WHERE run = ?1 AND kind IS NOT 'delete'
                       AND (operation -> '$.edit' IS NULL OR operation ->> '$.edit.guests.add[0]' IS NOT NULL))";
        self.run(|db| db.query_row(sql, [run.0], |row| row.get(0)))
    }

    /// Gives the guests whom each open row of a run that has some invites, in input order.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn open_guests(&self, run: RunId, mut each: impl FnMut(RowId, &[String])) -> Result<(), JournalError> {
        self.run(|db| {
            let mut query =
                db.prepare("SELECT id, body, operation FROM open_with_guests WHERE run = ?1 ORDER BY id")?;
            let mut rows = query.query([run.0])?;
            while let Some(row) = rows.next()? {
                let open = task(row, false)?;
                each(open.operation.row, open.invited());
            }
            Ok(())
        })
    }

    /// Notes rows whose guests are all known to the organization: until the journal is closed they are sent as rows without
    /// guests are. A row whose group may lack guests is not.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn note_known_guests(&self, rows: &[RowId]) -> Result<(), JournalError> {
        let sql = "INSERT INTO temp.known_guests
                   SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM operations WHERE row = ?1 AND kind = 'update'
                                               AND operation -> '$.edit' IS NULL)";
        self.together(|batch| {
            let mut insert = batch.prepare(sql)?;
            rows.iter().try_for_each(|row| insert.execute([row.0]).map(drop))
        })
    }

    /// Gives the guests of the groups that were sent and exist, or may exist, in the order of the responses.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn sent_guests(&self, mut each: impl FnMut(&SentGuests)) -> Result<(), JournalError> {
        let now = now_ms();
        self.run(|db| {
            let mut query = db.prepare(
                "SELECT body, iif(state = 'planned' OR state = 'sending', ?1, at_ms) AS at_ms, state IN ('created', 'updated')
                 FROM rows INDEXED BY rows_with_guests JOIN operations ON operations.row = rows.id
                 WHERE guests > 0 AND NOT undo
                   AND (state IN ('created', 'updated', 'unknown', 'sending') OR may_be_applied)
                 ORDER BY at_ms",
            )?;
            let mut rows = query.query([now])?;
            while let Some(row) = rows.next()? {
                let at_ms: i64 = row.get(1)?;
                let WantedGroup { guests, .. } = parse(row, 0)?;
                // If the clock was set back since, the response counts as just received.
                let age = Duration::from_millis(u64::try_from(now.saturating_sub(at_ms)).unwrap_or_default());
                each(&SentGuests { guests, age, are_known: row.get(2)? });
            }
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{created, define, folder, group, owner, run, settle};
    use super::*;
    use crate::model::WantedGroup;

    #[test]
    fn guests_are_told_of_the_rows_that_are_open_and_have_some() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (run, first) = run(&mut journal, &["A", "B", "C", "D", "a"], true);
        let guests = [&["x@a.example", "Y@a.example"][..], &["X@A.example", "hélène@b.example"], &["z@a.example"]];
        for (index, guests) in (0..).zip(guests) {
            let guests = guests.iter().map(|guest| (*guest).to_owned()).collect();
            let group = WantedGroup { guests, ..group("G") };
            define(&journal, RowId(first.0 + index), &group);
        }
        let open = |journal: &Journal| {
            let mut told = Vec::new();
            journal.open_guests(run, |_, guests| told.push(guests.to_vec())).unwrap();
            told
        };
        assert_eq!(open(&journal), guests);
        settle(&journal, RowId(first.0 + 1), created("g"));
        assert_eq!(open(&journal), [guests[0], guests[2]]);
    }
}
