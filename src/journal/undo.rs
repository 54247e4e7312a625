//! What `undo` needs to know and records: the runs, what a run did, and the operations that take it back.

use std::path::Path;

use rusqlite::Row;

use super::JournalError;
use super::files::canonical_and_place;
use super::operations::{task, write};
use super::state::{Change, GroupOperation, Operation, State};
use super::store::{Journal, RunId, parse};

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
    /// How many groups it created, changed or deleted.
    pub changed: u64,
    /// How many of them are as before again, or gone.
    pub undone: u64,
}

/// Something that a run did, or may have done, and that is not taken back yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PastOperation {
    /// What takes it back, with the group as it was sent. If nothing is known of that yet, it is a deletion.
    pub undoing: GroupOperation,
    /// The operation.
    pub done: Operation,
}

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
                changed: row.get(2)?,
                undone: row.get(3)?,
                files: row.get(4)?,
                is_wanted: row.get(5)?,
            })
        };
        let canonical = file.map(|file| canonical_and_place(file).0);
        let sql = "SELECT run, started_at, changed, undone, files,
                          ?1 IS NULL OR EXISTS (SELECT 1 FROM files WHERE files.run = past_runs.run AND canonical = ?1)
                   FROM past_runs ORDER BY run";
        self.run(|db| db.prepare(sql)?.query_map([canonical], run)?.collect())
    }

    /// Whether a run did something, or may have, that is not taken back already, or the undo of it was cut off before its results.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn has_changes(&self, run: RunId) -> Result<bool, JournalError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM not_taken_back WHERE run = ?1 AND (state <> 'unchanged' OR done ->> '$.takes_over')) OR coalesce(is_undo_open, FALSE) FROM runs WHERE id = ?1";
        self.run(|db| db.query_row(sql, [run.0], |row| row.get(0)))
    }

    /// What a run did or may have done, without what is taken back already; in input order.
    ///
    /// # Errors
    /// If the journal cannot be read.
    pub fn past_operations(&self, run: RunId) -> Result<Vec<PastOperation>, JournalError> {
        let sql = "SELECT id, body, undoing, done FROM not_taken_back WHERE run = ?1 ORDER BY id";
        let past = |row: &Row<'_>| {
            let undoing = task(row, true)?;
            Ok(PastOperation { done: Operation { row: undoing.operation.row, ..parse(row, 3)? }, undoing })
        };
        self.run(|db| db.prepare(sql)?.query_map([run.0], past)?.collect())
    }

    /// Records the plan of an undo before anything is changed. If anything of the run is undone, no other run continues it.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn commence_undo(&self, run: RunId, operations: Vec<(Operation, Vec<Change>)>) -> Result<(), JournalError> {
        let operations = self.changed(operations)?;
        let is_undone = |operation: &Operation| match &operation.state {
            State::Planned | State::Sending => true,
            State::Ended(outcome) => !outcome.status().is_open(),
        };
        self.together(|batch| {
            operations.iter().try_for_each(|operation| write(batch, operation))?;
            if operations.iter().any(is_undone) {
                // The run that it continued is not continued either.
                let earlier = "UPDATE runs SET state = 'abandoned'
                               WHERE state = 'continued' AND (SELECT state FROM runs WHERE id = ?1) = 'open'";
                batch.execute(earlier, [run.0])?;
                batch.execute("UPDATE runs SET state = 'undone', is_undo_open = TRUE WHERE id = ?1", [run.0])?;
            }
            Ok(())
        })
    }

    /// The results of an undo are written.
    ///
    /// # Errors
    /// If the journal cannot be written.
    pub fn end_undo(&self, run: RunId) -> Result<(), JournalError> {
        self.run(|db| db.execute("UPDATE runs SET is_undo_open = FALSE WHERE id = ?1", [run.0]).map(drop))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::tests::{apply, created, folder, group, owner, run, settle};
    use crate::model::{GroupRef, Outcome, ResultRow, RowId, Status};

    fn statuses(journal: &Journal, run: RunId) -> Vec<(String, Status, u32)> {
        let mut all = Vec::new();
        let note = |row: &ResultRow| -> Result<(), JournalError> {
            all.push((row.name.clone(), row.status, row.attempts));
            Ok(())
        };
        journal.results(run, true, note).unwrap();
        all
    }

    /// A run that created A and B, left C in doubt, and never came to D.
    fn cut_off(journal: &mut Journal) -> (RunId, RowId) {
        let (id, first) = run(journal, &["A", "B", "C", "D"], false);
        settle(journal, first, created("gA"));
        settle(journal, RowId(first.0 + 1), created("gB"));
        apply(journal, RowId(first.0 + 2), &[Change::Begin(None)]);
        (id, first)
    }

    /// The deletion of a group that the run created.
    fn deletion(journal: &Journal, run: RunId, id: &str) -> Operation {
        let is_wanted = |past: &PastOperation| past.done.group().is_some_and(|group| group.id == id);
        let past = journal.past_operations(run).unwrap().into_iter().find(is_wanted).unwrap();
        Operation { target: past.done.group().cloned(), ..past.undoing.operation }
    }

    #[test]
    fn what_was_begun_is_kept_and_what_is_done_is_not_done_again() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (id, _) = cut_off(&mut journal);
        let all = journal.past_operations(id).unwrap();
        let ids: Vec<_> = all.iter().map(|made| made.done.group().map(|group| group.id.as_str())).collect();
        assert_eq!(ids, [Some("gA"), Some("gB"), None]);
        assert_eq!((all[2].done.state.clone(), all[2].undoing.group.clone()), (State::Sending, group("C")));
        assert!(all.iter().all(|made| !made.undoing.operation.was_sent()));
        let begun = ["gA", "gB"].map(|made| (deletion(&journal, id, made), vec![Change::Begin(None)]));
        journal.commence_undo(id, begun.to_vec()).unwrap();
        drop(journal);
        // Cut off here: both may be deleted.
        let journal = Journal::open(&path, &owner()).unwrap();
        assert!(["gA", "gB"].iter().all(|made| deletion(&journal, id, made).was_sent()));
        let unknown = |name: &str| (name.to_owned(), Status::Unknown, 1);
        assert_eq!(statuses(&journal, id), [unknown("A"), unknown("B")]);
        journal.apply([(deletion(&journal, id, "gA"), [Change::End(Outcome::Deleted { http_status: 204 })])]).unwrap();
        journal.apply([(deletion(&journal, id, "gB"), [Change::Withdraw])]).unwrap();
        assert_eq!(statuses(&journal, id)[0], ("A".to_owned(), Status::Deleted, 1));
        assert_eq!(statuses(&journal, id)[1], ("B".to_owned(), Status::Pending, 0));
        assert!(!deletion(&journal, id, "gB").was_sent());
        assert_eq!(journal.owned_groups(true).unwrap().into_keys().collect::<Vec<_>>(), ["gB"]);
    }

    #[test]
    fn a_run_that_is_taken_back_is_not_gone_on_with_and_one_that_is_left_alone_is() {
        let changed = Change::End(Outcome::Held { message: "renamed".to_owned() });
        for (changes, is_continued) in
            [(vec![changed], true), (vec![Change::End(Outcome::Gone)], false), (Vec::new(), false)]
        {
            let (_folder, path) = folder();
            let mut journal = Journal::open(&path, &owner()).unwrap();
            let (id, _) = cut_off(&mut journal);
            journal.commence_undo(id, vec![(deletion(&journal, id, "gA"), changes)]).unwrap();
            let (next, first) = run(&mut journal, &["A", "B", "C", "D"], false);
            assert_eq!(journal.open_row(first).unwrap().is_none(), is_continued);
            assert_eq!(journal.in_doubt(next).unwrap().len(), usize::from(is_continued));
        }
    }

    #[test]
    fn a_row_in_doubt_whose_group_is_found_counts_as_created() {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (id, first) = cut_off(&mut journal);
        let group_ref = GroupRef::new("gC");
        apply(&journal, RowId(first.0 + 2), &[Change::End(Outcome::found(group_ref))]);
        assert_eq!(deletion(&journal, id, "gC").state, State::Planned);
        let past = journal.past_runs(None).unwrap();
        assert_eq!((past.len(), past[0].changed, past[0].undone), (1, 3, 0));
    }
}
