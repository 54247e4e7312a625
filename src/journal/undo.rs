//! What `undo` needs to know and records: the runs, the groups a run created, and the deletions with their outcomes.

use std::path::Path;

use rusqlite::{Connection, Row, params};

use super::files::canonical_and_place;
use super::outcomes::put_fate;
use super::store::{Journal, RunId, now_ms, parse};
use super::{Intent, JournalError};
use crate::model::{Creation, Fate, Group, Removal, RowId, Tag};

/// How far the deletion of one group got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RemovalState {
    /// It is settled.
    Settled(Removal),
    /// The run stops, and a request that deletes it may have been applied.
    InDoubt,
    /// The run stops, and nothing that deletes it was sent.
    Released,
}

/// What is recorded about the deletion of one group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeletionAttempt {
    /// The row it comes from.
    pub row: RowId,
    /// How often its deletion was sent.
    pub sends: u32,
    /// How far it got.
    pub progress: RemovalState,
}

/// A run, for a person to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastRun {
    /// Its number.
    pub id: RunId,
    /// When it began: UTC, RFC 3339.
    pub started_at: String,
    /// The files it read, as they were typed.
    pub files: String,
    /// Whether one of them is the file asked for.
    pub is_wanted: bool,
    /// How many groups it created.
    pub created: u64,
    /// How many of them are deleted or gone.
    pub undone: u64,
}

/// What a run created, without what is deleted or gone already; in input order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Creations {
    /// The groups.
    pub made: Vec<Creation>,
    /// Rows in doubt, with the group that was sent.
    pub in_doubt: Vec<(RowId, Group)>,
}

/// What is known before anything is deleted.
#[derive(Debug, Default)]
pub struct Findings {
    /// Rows in doubt whose group was found.
    pub adopted: Vec<(RowId, Tag)>,
    /// Rows without a group to delete, and why.
    pub settled: Vec<(RowId, Removal)>,
    /// Whether any group will be deleted.
    pub is_deleting: bool,
}

/// Without the plus, SQLite would walk all groups that were ever created once for each run.
const RUNS: &str = "
    SELECT runs.id, started_at, count(outcomes.row), count(gone.row),
           (SELECT coalesce(group_concat(path, ', '), '') FROM files WHERE run = runs.id),
           ?1 IS NULL OR EXISTS (SELECT 1 FROM files WHERE run = runs.id AND canonical = ?1)
    FROM runs
    LEFT JOIN outcomes ON outcomes.row BETWEEN first_row AND last_row AND +outcomes.status = 'created'
    LEFT JOIN gone ON gone.row = outcomes.row
    WHERE state <> 'reading' GROUP BY runs.id ORDER BY runs.id";

/// Rows whose group was created, or may have been created.
const CREATIONS: &str = "
    SELECT rows.id, body, outcomes.status = 'created', group_id, stamp,
           deletions.row IS NOT NULL AND (deletions.status IS NULL OR deletions.attempts > 0)
    FROM runs JOIN rows ON rows.id BETWEEN first_row AND last_row
    LEFT JOIN outcomes ON outcomes.row = rows.id
    LEFT JOIN deletions ON deletions.row = rows.id
    WHERE runs.id = ?1 AND body IS NOT NULL
      AND (outcomes.status IN ('created', 'unknown')
           OR outcomes.row IS NULL AND EXISTS (SELECT 1 FROM intents WHERE intents.row = rows.id AND (effect = 'unknown' OR effect = 'made')))
      AND NOT EXISTS (SELECT 1 FROM gone WHERE gone.row = rows.id)
    ORDER BY rows.id";

impl Journal {
    /// All runs, the oldest first; with a file, those over it are marked as wanted, else all.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn past_runs(&self, file: Option<&Path>) -> Result<Vec<PastRun>, JournalError> {
        let run = |row: &Row<'_>| {
            Ok(PastRun {
                id: RunId(row.get(0)?),
                started_at: row.get(1)?,
                created: row.get(2)?,
                undone: row.get(3)?,
                files: row.get(4)?,
                is_wanted: row.get(5)?,
            })
        };
        let canonical = file.map(|file| canonical_and_place(file).0);
        self.run(|db| db.prepare(RUNS)?.query_map([canonical], run)?.collect())
    }

    /// The groups that a run created or may have created.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn creations(&self, run: RunId) -> Result<Creations, JournalError> {
        self.run(|db| {
            let mut query = db.prepare(CREATIONS)?;
            let mut rows = query.query([run.0])?;
            let mut all = Creations::default();
            while let Some(found) = rows.next()? {
                let row = RowId(found.get(0)?);
                let group = parse(1, found.get_ref(1)?.as_str()?)?;
                if found.get::<_, Option<bool>>(2)?.unwrap_or(false) {
                    let tag = Tag { id: found.get(3)?, stamp: found.get(4)? };
                    all.made.push(Creation { row, group, tag, may_be_deleted: found.get(5)? });
                } else {
                    all.in_doubt.push((row, group));
                }
            }
            Ok(all)
        })
    }

    /// Records what is known before anything is deleted. If anything of the run is undone, no import continues it.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn commence_undo(&mut self, run: RunId, found: &Findings) -> Result<(), JournalError> {
        self.together(|batch| {
            for (row, tag) in &found.adopted {
                put_fate(batch, *row, &Fate::found(tag.clone()))?;
            }
            for (row, removal) in &found.settled {
                put_removal(batch, *row, 0, removal)?;
            }
            let is_over = found.is_deleting || found.settled.iter().any(|(_, removal)| !removal.status().is_open());
            if is_over {
                // The run that it continued is not continued either.
                let earlier = "UPDATE runs SET state = 'abandoned'
                               WHERE state = 'continued' AND (SELECT state FROM runs WHERE id = ?1) = 'open'";
                batch.execute(earlier, [run.0])?;
                batch.execute("UPDATE runs SET state = 'undone' WHERE id = ?1", [run.0])?;
            }
            Ok(())
        })
    }

    /// Records the intents to delete these groups.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn condemn(&mut self, groups: &[Creation]) -> Result<Vec<Intent<Creation>>, JournalError> {
        self.together(|batch| {
            let mut begin = batch.prepare_cached(
                "INSERT INTO deletions (row, attempts, at_ms) VALUES (?1, 0, ?2)
                 ON CONFLICT (row) DO UPDATE SET status = NULL, http_status = NULL, code = NULL, error = NULL, at_ms = ?2",
            )?;
            for group in groups {
                begin.execute(params![group.row.0, now_ms()])?;
            }
            Ok(())
        })?;
        Ok(groups.iter().cloned().map(Intent).collect())
    }

    /// Records the outcomes of deletions.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn note_attempts(&mut self, attempts: &[DeletionAttempt]) -> Result<(), JournalError> {
        self.together(|batch| {
            for DeletionAttempt { row, sends, progress } in attempts {
                match progress {
                    RemovalState::Settled(removal) => put_removal(batch, *row, *sends, removal)?,
                    RemovalState::InDoubt => {
                        let add = "UPDATE deletions SET attempts = attempts + ?2 WHERE row = ?1";
                        batch.prepare_cached(add)?.execute(params![row.0, sends])?;
                    }
                    RemovalState::Released => {
                        batch.prepare_cached("DELETE FROM deletions WHERE row = ?1")?.execute([row.0])?;
                    }
                }
            }
            Ok(())
        })
    }
}

fn put_removal(db: &Connection, row: RowId, sends: u32, removal: &Removal) -> rusqlite::Result<()> {
    let (http_status, code, error) = match removal {
        Removal::Deleted(status) => (Some(*status), None, None),
        Removal::Gone => (None, None, None),
        Removal::Changed(what) => (None, Some("changed"), Some(what.as_str())),
        Removal::Failed(trouble) | Removal::Unknown(trouble) => {
            (trouble.http_status, Some(trouble.code.as_str()), Some(trouble.message.as_str()))
        }
    };
    db.prepare_cached(
        "INSERT INTO deletions (row, status, attempts, http_status, code, error, at_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT (row) DO UPDATE SET status = ?2, attempts = attempts + ?3, http_status = ?4, code = ?5, error = ?6,
             at_ms = ?7",
    )?
    .execute(params![row.0, removal.status().as_str(), sends, http_status, code, error, now_ms()])
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::{begin, created, folder, group, owner, run};
    use crate::model::{Outcome, Status};

    fn statuses(journal: &Journal, run: RunId) -> Vec<(String, Status, u32)> {
        let mut all = Vec::new();
        let note = |account: &Outcome| -> Result<(), JournalError> {
            all.push((account.name.clone(), account.status, account.attempts));
            Ok(())
        };
        journal.undo_accounts(run, note).unwrap();
        all
    }

    fn attempt(row: RowId, sends: u32, progress: RemovalState) -> DeletionAttempt {
        DeletionAttempt { row, sends, progress }
    }

    /// A run that created A and B, left C in doubt, and never came to D.
    fn cut_off(journal: &mut Journal) -> (RunId, RowId) {
        let (id, first) = run(journal, &["A", "B", "C", "D"], false);
        journal.settle(&[(first, created("gA")), (RowId(first.0 + 1), created("gB"))]).unwrap();
        begin(journal, RowId(first.0 + 2), "unknown");
        (id, first)
    }

    #[test]
    fn what_was_begun_is_kept_and_what_is_done_is_not_done_again() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (id, first) = cut_off(&mut journal);
        let all = journal.creations(id).unwrap();
        assert_eq!(all.made.iter().map(|made| made.tag.id.as_str()).collect::<Vec<_>>(), ["gA", "gB"]);
        assert_eq!(all.in_doubt, [(RowId(first.0 + 2), group("C"))]);
        assert!(all.made.iter().all(|made| !made.may_be_deleted));
        journal.condemn(&all.made).unwrap();
        drop(journal);
        // Cut off here: both may be deleted.
        let mut journal = Journal::open(&path, &owner()).unwrap();
        assert!(journal.creations(id).unwrap().made.iter().all(|made| made.may_be_deleted));
        let unknown = |name: &str| (name.to_owned(), Status::Unknown, 0);
        assert_eq!(statuses(&journal, id), [unknown("A"), unknown("B")]);
        let settled = attempt(first, 2, RemovalState::Settled(Removal::Deleted(204)));
        let released = attempt(RowId(first.0 + 1), 0, RemovalState::Released);
        journal.note_attempts(&[settled, released]).unwrap();
        assert_eq!(statuses(&journal, id)[0], ("A".to_owned(), Status::Deleted, 2));
        assert_eq!(statuses(&journal, id)[1], ("B".to_owned(), Status::Pending, 0));
        let left = journal.creations(id).unwrap().made;
        assert_eq!(
            left.iter().map(|made| (made.tag.id.as_str(), made.may_be_deleted)).collect::<Vec<_>>(),
            [("gB", false)]
        );
        let groups = journal.created_groups().unwrap();
        assert_eq!(groups.iter().map(|(tag, _)| tag.id.as_str()).collect::<Vec<_>>(), ["gB"]);
    }

    #[test]
    fn a_run_that_is_taken_back_is_not_gone_on_with_and_one_that_is_left_alone_is() {
        let changed = Removal::Changed("renamed".to_owned());
        for (removal, is_deleting, is_continued) in
            [(changed.clone(), false, true), (Removal::Gone, false, false), (changed, true, false)]
        {
            let (_folder, path) = folder();
            let mut journal = Journal::open(&path, &owner()).unwrap();
            let (id, first) = cut_off(&mut journal);
            let found = Findings { settled: vec![(first, removal)], is_deleting, ..Findings::default() };
            journal.commence_undo(id, &found).unwrap();
            let (next, first) = run(&mut journal, &["A", "B", "C", "D"], false);
            assert_eq!(journal.open_row(first).unwrap().is_none(), is_continued);
            assert_eq!(journal.in_doubt(next).unwrap().len(), usize::from(is_continued));
        }
    }

    #[test]
    fn a_row_in_doubt_whose_group_is_found_is_settled_as_created() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (id, first) = cut_off(&mut journal);
        let tag = Tag { id: "gC".to_owned(), stamp: None };
        let adopted = vec![(RowId(first.0 + 2), tag)];
        journal.commence_undo(id, &Findings { adopted, is_deleting: true, ..Findings::default() }).unwrap();
        let all = journal.creations(id).unwrap();
        assert_eq!((all.made.len(), all.in_doubt.len()), (3, 0));
        let past = journal.past_runs(None).unwrap();
        assert_eq!((past.len(), past[0].created, past[0].undone), (1, 3, 0));
    }
}
