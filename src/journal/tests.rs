//! What the journal keeps, and what it hands to the run that goes on.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::params;
use tempfile::TempDir;

use super::*;
use crate::model::{
    Dialect, Format, Group, GroupRef, InputFile, MatchNames, Outcome, Place, Raw, RequestError, ResultRow, RowId,
    Status, Validity, WantedGroup,
};

pub(super) fn owner() -> Owner {
    Owner { organization: "org".to_owned(), realm: Realm::Loopback }
}

pub(super) fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("g.journal");
    (folder, path)
}

pub(super) fn group<M: Default>(name: &str) -> Group<M> {
    Group { name: name.to_owned(), ..Group::default() }
}

/// Stages one good row for each name and commences the run.
pub(super) fn run(journal: &mut Journal, names: &[&str], is_fresh: bool) -> (RunId, RowId) {
    let run = journal.begin_run(&owner()).unwrap();
    let first = journal.next_row().unwrap();
    let dialect = Dialect { format: Format::Csv, delimiter: b',', header: vec!["name".to_owned()], is_rejects: false };
    journal.stage_file(run, 0, Path::new("g.csv"), &InputFile { path: "g.csv".to_owned(), dialect }).unwrap();
    let matching = MatchNames::Folded;
    let mut stage = journal.stage(true).unwrap();
    for (index, name) in (0..).zip(names) {
        let place = Place { file: 0, row: index + 1, line: index + 2 };
        let key = matching.key(name);
        let earlier = names[..usize::try_from(index).unwrap()].iter().position(|known| matching.key(known) == key);
        let row = StagedRow::new(name, &Raw::Cells(vec![(*name).to_owned()]), Some(&group(name)));
        let validity = earlier.map_or(Validity::Valid(key), |twin| Validity::Repeat(u32::try_from(twin).unwrap()));
        stage.add(u32::try_from(index).unwrap(), place, &row, &validity, &[]).unwrap();
    }
    let last = RowId(first.0 + i64::try_from(names.len()).unwrap() - 1);
    stage.finish(run, last).unwrap();
    journal.commence(run, (first, last), is_fresh).unwrap();
    (run, first)
}

/// A row whose group existed before.
pub(super) fn exists() -> Outcome {
    Outcome::Exists { group: GroupRef::new("g1"), http_status: None }
}

/// How many rows of a run are still to be settled.
pub(super) fn open_rows(journal: &Journal, run: RunId) -> u64 {
    let sql = "SELECT count(*) FROM open_rows WHERE run = ?1";
    journal.run(|db| db.query_row(sql, [run.0], |row| row.get(0))).unwrap()
}

fn results(journal: &Journal, run: RunId) -> Vec<(String, Status, Option<String>, u32)> {
    let mut rows = Vec::new();
    let note = |row: &ResultRow| -> Result<(), JournalError> {
        rows.push((row.name.clone(), row.status, row.group_id.clone(), row.attempts));
        Ok(())
    };
    journal.results(run, false, note).unwrap();
    rows
}

/// Gives a row another group.
pub(super) fn define(journal: &Journal, row: RowId, group: &WantedGroup) {
    let body = serde_json::to_string(group).unwrap();
    let update = "UPDATE rows SET body = ?2, guests = ?3 WHERE id = ?1";
    journal.run(|db| db.execute(update, params![row.0, body, group.guests.len()]).map(drop)).unwrap();
}

fn unknown() -> Outcome {
    Outcome::Unknown(RequestError::interrupted())
}

pub(super) fn created(id: &str) -> Outcome {
    Outcome::found(GroupRef::new(id))
}

fn failed() -> Outcome {
    Outcome::Failed(RequestError { code: "http-422".to_owned(), message: "no".to_owned(), http_status: Some(422) })
}

/// Changes the operation of a row.
pub(super) fn apply(journal: &Journal, row: RowId, changes: &[Change]) {
    let known = journal.open_row(row).unwrap().map(|task| task.operation);
    let operation = known.unwrap_or_else(|| Operation::planned(row, false, OperationKind::Create));
    journal.apply([(operation, changes.to_vec())]).unwrap();
}

/// Records the outcome of a row that was sent once.
pub(super) fn settle(journal: &Journal, row: RowId, outcome: Outcome) {
    apply(journal, row, &[Change::Begin(None), Change::End(outcome)]);
}

/// An open row that is not of a known group: whether it was sent.
fn was_sent(journal: &Journal, row: i64) -> Option<bool> {
    journal.open_row(RowId(row)).unwrap().map(|task| task.operation.was_sent())
}

#[test]
fn rows_that_a_killed_run_had_half_staged_are_taken_back_before_anybody_looks() {
    let (folder, path) = folder();
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let (known, _) = run(&mut journal, &["A"], false);
    let mut stage = journal.stage(true).unwrap();
    let long = "x".repeat(100_000);
    let row = StagedRow::new("B", &Raw::Cells(vec![long]), None);
    for number in 0..100 {
        stage.add(100 + number, Place { file: 0, row: 1, line: 2 }, &row, &Validity::Invalid, &[]).unwrap();
    }
    let copy = folder.path().join("copy.journal");
    std::fs::copy(&path, &copy).unwrap();
    let pages = std::fs::copy(beside(&path, "-journal"), beside(&copy, "-journal")).unwrap();
    assert!(pages > 0, "some rows are in the file already");
    drop(stage);
    let journal = Journal::peek(&copy).unwrap().unwrap();
    assert_eq!(results(&journal, known).len(), 1);
    assert_eq!(journal.next_row().unwrap(), RowId(2));
}

#[test]
fn a_run_that_was_cut_off_hands_on_what_is_there_and_what_is_in_doubt() {
    let (_folder, path) = folder();
    {
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (_, first) = run(&mut journal, &["A", "B", "C", "D", "E", "A"], false);
        let last = [Change::End(created("gA")), Change::NotApplied, Change::End(unknown()), Change::Absent];
        for (offset, change) in [0, 1, 2, 4].into_iter().zip(last) {
            apply(&journal, RowId(first.0 + offset), &[Change::Begin(None), change]);
        }
        apply(&journal, RowId(first.0 + 1), &[Change::End(failed())]);
    }
    let mut journal = Journal::open(&path, &owner()).unwrap();
    // Reordered, extended, and without D.
    let (second, first) = run(&mut journal, &["new", "C", "B", "A", "A", "E"], false);
    let expected = [
        ("new", Status::Pending, None, 0),
        ("C", Status::Unknown, None, 1),
        ("B", Status::Pending, None, 1),
        ("A", Status::Created, Some("gA".to_owned()), 1),
        ("A", Status::Duplicate, Some("gA".to_owned()), 0),
        ("E", Status::Pending, None, 1),
    ];
    assert_eq!(
        results(&journal, second),
        expected.map(|(name, status, id, sends)| (name.to_owned(), status, id, sends))
    );
    assert_eq!(journal.in_doubt(second).unwrap().len(), 1);
    let sent: Vec<_> = (1..6).map(|offset| was_sent(&journal, first.0 + offset)).collect();
    assert_eq!(sent, [Some(true), Some(false), None, None, Some(true)]);
    assert_eq!(open_rows(&journal, second), 4);
    journal.presume_absent(second).unwrap();
    assert_eq!((was_sent(&journal, first.0 + 1), journal.in_doubt(second).unwrap()), (Some(true), Vec::new()));
}

#[test]
fn a_row_that_the_file_lacked_for_a_while_keeps_its_past() {
    let (_folder, path) = folder();
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let (_, first) = run(&mut journal, &["A", "B", "C"], false);
    apply(&journal, RowId(first.0 + 1), &[Change::Begin(None)]);
    settle(&journal, first, created("gA"));
    run(&mut journal, &["C"], false);
    let (third, first) = run(&mut journal, &["A", "B", "C"], false);
    assert_eq!(results(&journal, third)[0], ("A".to_owned(), Status::Created, Some("gA".to_owned()), 1));
    assert_eq!(was_sent(&journal, first.0 + 1), Some(true));
    journal.end_run(third, true).unwrap();
    let (_, first) = run(&mut journal, &["A", "B", "C"], false);
    assert!((0..3).all(|offset| was_sent(&journal, first.0 + offset) == Some(false)), "a run that ended is history");
}

#[test]
fn a_row_in_doubt_stays_so_when_it_is_mended_or_another_row_of_its_name_comes_first() {
    let (_folder, path) = folder();
    for (before, after) in [(["Sales", "SALES"], ["SALES", "Sales"]), (["Sales", "x"], ["x", " sales"])] {
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (_, first) = run(&mut journal, &before, true);
        apply(&journal, first, &[Change::Begin(None)]);
        let (second, _) = run(&mut journal, &after, false);
        let doubtful: Vec<String> = journal.in_doubt(second).unwrap().into_iter().map(|task| task.group.name).collect();
        assert_eq!(doubtful, [if after[0] == "x" { " sales" } else { "SALES" }]);
    }
}

#[test]
fn a_run_that_ended_or_is_left_by_fresh_is_history() {
    for is_fresh in [true, false] {
        let (_folder, path) = folder();
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (one, first) = run(&mut journal, &["A"], false);
        settle(&journal, first, created("gA"));
        if !is_fresh {
            journal.end_run(one, true).unwrap();
        }
        let (two, _) = run(&mut journal, &["A"], is_fresh);
        assert_eq!(results(&journal, two)[0].1, Status::Pending);
        assert_eq!(results(&journal, one)[0].1, Status::Created);
        let owned = journal.owned_groups(true).unwrap();
        assert_eq!(owned.into_values().map(|owned| owned.group().clone()).collect::<Vec<_>>(), [group("A")]);
    }
}

#[test]
fn a_run_that_was_cut_off_while_it_read_its_files_leaves_the_one_before_to_be_continued() {
    let (_folder, path) = folder();
    {
        let mut journal = Journal::open(&path, &owner()).unwrap();
        let (_, first) = run(&mut journal, &["A", "B"], false);
        settle(&journal, first, created("gA"));
        journal.begin_run(&owner()).unwrap();
    }
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let (run, _) = run(&mut journal, &["A", "B"], false);
    assert_eq!(results(&journal, run)[0].1, Status::Created);
}

#[test]
fn a_journal_is_refused_to_a_second_import_which_is_told_who_has_it() {
    let (folder, path) = folder();
    let journal = Journal::open(&path, &owner()).unwrap();
    let error = Journal::open(&path, &owner()).unwrap_err();
    assert!(matches!(error, JournalError::Locked { holder: Some(id), .. } if id == std::process::id()));
    drop(journal);
    Journal::open(&path, &owner()).unwrap();
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["g.journal"]);
}

/// Why a journal is refused.
fn refusal<T: std::fmt::Debug>(result: Result<T, JournalError>) -> String {
    match result {
        Err(JournalError::Refused { why, .. }) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_journal_of_another_organization_realm_version_or_program_is_refused() {
    let (_folder, path) = folder();
    let mut journal = Journal::open(&path, &owner()).unwrap();
    run(&mut journal, &["A"], false);
    drop(journal);
    // It has learned nothing so far.
    let mistyped = Owner { organization: "orgg".to_owned(), ..owner() };
    drop(Journal::open(&path, &mistyped).unwrap());
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let (_, row) = run(&mut journal, &["A"], false);
    settle(&journal, row, exists());
    drop(journal);
    for other in [
        Owner { organization: "other".to_owned(), ..owner() },
        Owner { realm: Realm::Remote, ..owner() },
        Owner { realm: Realm::Simulated, ..owner() },
    ] {
        assert!(refusal(Journal::open(&path, &other)).starts_with("belongs to organization"));
    }
    rusqlite::Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert!(refusal(Journal::open(&path, &owner())).starts_with("is of version 99"));
    std::fs::write(&path, "name,description\n".repeat(100)).unwrap();
    assert!(refusal(Journal::open(&path, &owner())).starts_with("the file is not a journal"));
    std::fs::remove_file(&path).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(refusal(Journal::open(&path, &owner())).starts_with("the file is not a journal"));
}

#[tokio::test]
async fn the_writer_hands_out_every_open_row_once_and_has_its_intent_on_disk() {
    let (_folder, path) = folder();
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let names: Vec<String> = (0..500).map(|number| format!("G{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (run, first) = run(&mut journal, &names, false);
    settle(&journal, RowId(first.0 + 7), created("g7"));
    let (writer, handle, feed) = Writer::new(journal, run, Selection::default(), || panic!("it can be written"));
    let reader = rusqlite::Connection::open(&path).unwrap();
    let send = async {
        handle.end_guests();
        let mut given = Vec::new();
        while let Some(begun) = feed.next().await {
            let task = begun.spend();
            let sql = "SELECT state FROM operations WHERE row = ?1";
            let state: String = reader.query_row(sql, [task.operation.row.0], |row| row.get(0)).unwrap();
            assert_eq!(state, "sending", "{task:?}");
            given.push(task.group.name.clone());
            handle.record(task.operation.next(Change::End(created(&task.group.name))).unwrap()).unwrap();
        }
        drop(handle);
        given
    };
    let (journal, given) = tokio::join!(writer.work(), send);
    assert_eq!(given, names.iter().filter(|name| **name != "G7").copied().collect::<Vec<_>>());
    assert!(results(&journal.unwrap(), run).iter().all(|(_, status, ..)| *status == Status::Created));
}

#[tokio::test]
async fn what_was_begun_and_never_left_is_pending_again_and_what_had_no_effect_is_not_in_doubt() {
    let (_folder, path) = folder();
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let (run, _) = run(&mut journal, &["A", "B", "C"], false);
    let (writer, handle, feed) = Writer::new(journal, run, Selection::default(), || panic!("it can be written"));
    let send = async {
        let next = async || feed.next().await.unwrap().spend();
        let (one, two, three) = (next().await, next().await, next().await);
        handle.stop();
        handle.record(one.operation.next(Change::Withdraw).unwrap()).unwrap();
        handle.record(two.operation.next(Change::NotApplied).unwrap()).unwrap();
        let three = GroupOperation { operation: three.operation.next(Change::Absent).unwrap(), ..three };
        handle.record(three.operation.clone()).unwrap();
        assert_eq!(handle.begin(three).await.unwrap().spend().operation.attempts, 2);
        assert!(feed.next().await.is_none());
        drop(handle);
    };
    let (journal, ()) = tokio::join!(writer.work(), send);
    let told: Vec<(Status, u32)> =
        results(&journal.unwrap(), run).into_iter().map(|(_, status, _, sends)| (status, sends)).collect();
    assert_eq!(told, [(Status::Pending, 0), (Status::Pending, 1), (Status::Unknown, 2)]);
}

#[tokio::test]
async fn from_the_moment_the_journal_cannot_be_written_nothing_is_handed_out() {
    let (_folder, path) = folder();
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let names: Vec<String> = (0..50).map(|number| format!("G{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let (run, _) = run(&mut journal, &names, false);
    // The disk is full from here on.
    let full = "CREATE TEMP TRIGGER full BEFORE INSERT ON main.stored_operations WHEN new.state = 'created' BEGIN SELECT raise(ABORT, 'full'); END";
    journal.run(|db| db.execute_batch(full)).unwrap();
    let is_told = Arc::new(AtomicBool::new(false));
    let on_failure = Arc::clone(&is_told);
    let (writer, handle, feed) =
        Writer::new(journal, run, Selection::default(), move || on_failure.store(true, Ordering::Release));
    let send = async {
        let task = feed.next().await.unwrap().spend();
        let operation = task.operation.next(Change::End(created("g0"))).unwrap();
        while handle.record(operation.clone()).is_ok() {
            tokio::task::yield_now().await;
        }
        assert!(is_told.load(Ordering::Acquire));
        assert!(feed.next().await.is_none(), "tasks that were begun ahead do not leave any more");
        drop(handle);
    };
    let (journal, ()) = tokio::join!(writer.work(), send);
    assert!(matches!(journal, Err(JournalError::Database { .. })));
}

#[test]
fn an_unfinished_run_of_other_rows_is_not_forgotten_unless_told_so() {
    let (_folder, path) = folder();
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let (one, first) = run(&mut journal, &["A", "B"], false);
    settle(&journal, first, created("gA"));
    let stranger = journal.begin_run(&owner()).unwrap();
    let row = journal.next_row().unwrap();
    let nothing = (row, RowId(row.0 - 1));
    assert!(refusal(journal.commence(stranger, nothing, false)).starts_with("holds an unfinished run of other rows"));
    assert_eq!(results(&journal, one)[0].1, Status::Created);
    assert!(!journal.commence(stranger, nothing, true).unwrap());
}

#[test]
fn what_was_planned_for_another_organization_is_forgotten_with_its_rows() {
    let (_folder, path) = folder();
    let mut journal = Journal::open(&path, &owner()).unwrap();
    let (_, first) = run(&mut journal, &["A", "B", "C"], false);
    let planned = |row| (Operation::planned(RowId(row), false, OperationKind::Create), []);
    journal.apply::<[Change; 0]>((first.0..first.0 + 3).map(planned)).unwrap();
    drop(journal);
    let other = Owner { organization: "other".to_owned(), ..owner() };
    let mut journal = Journal::open(&path, &other).unwrap();
    run(&mut journal, &["A"], false);
    drop(journal);
    let journal = Journal::open(&path, &other).unwrap();
    let left = |db: &rusqlite::Connection| {
        db.query_row("SELECT count(*) FROM stored_operations", [], |row| row.get::<_, u64>(0))
    };
    assert_eq!(journal.run(left).unwrap(), 0);
}
