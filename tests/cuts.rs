//! The journal cut after every entry, as a power cut leaves it, and recovered: the results are those of the undisturbed run,
//! byte for byte but for the attempts, whether what was under way arrived or not.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod storm;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use storm::life::{End, Habits, Left, Place, import, live};
use storm::world::{ORG, Shared, Ways, request};
use storm::{folder, in_paused_time};
use tallyfy_groups::model::Status;
use tallyfy_groups::sandbox::{FaultScript, Options, Planted};
use tallyfy_groups::send::Stop;
use tallyfy_groups::tallyfy::{Call, Method};

/// Good rows, twins, one that is there already, and rows that the check and the server refuse.
const ROWS: &str = "name,description,members\n\
    Alpha,a,1001\nBeta,b,\nalpha,again,\nOld,was there,\n,no name,\nGamma,c,9999\nDelta,d,1002\nBETA,again,\nEpsilon,e,\nGamma 2,,\n";

/// The organization before the import: users 1001 to 1003, one group.
fn world() -> Shared {
    let options = Options { users: 3, seed: 7, ..Options::default() };
    let world = Shared::new(&options, FaultScript::default(), Ways::NONE, 7);
    let old = Planted { id: "old".to_owned(), name: "Old".to_owned(), ..Planted::default() };
    world.with(|world| world.simulation.plant(old));
    world
}

fn habits() -> Habits {
    // One row after the other, so that ids come in the order of the rows.
    Habits { lanes: 1, ..Habits::default() }
}

/// A folder with the rows, and the journal's files as they were when the run was over.
struct Undisturbed {
    results: String,
    journal: Vec<u8>,
    log: Vec<u8>,
}

fn undisturbed() -> Undisturbed {
    let folder = folder();
    fs::write(folder.path().join("groups.csv"), ROWS).unwrap();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    in_paused_time(async {
        let (left, journal) = import(&place, &world(), &habits(), &Stop::default()).await;
        let counts = [Status::Created, Status::Exists, Status::Duplicate, Status::Invalid, Status::Failed];
        assert_eq!(counts.map(|status| left.count(status)), [5, 1, 2, 1, 1]);
        let (journal_file, log) = (fs::read(place.journal()).unwrap(), fs::read(log_of(&place.journal())).unwrap());
        drop(journal);
        Undisturbed { results: results(&place), journal: journal_file, log }
    })
}

fn log_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The results without the column `attempts` and without the folder's own name.
fn results(place: &Place<'_>) -> String {
    let text = fs::read_to_string(place.results()).unwrap().replace(place.folder.to_str().unwrap(), "");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut writer = csv::Writer::from_writer(Vec::new());
    let mut attempts = None;
    for line in reader.records().map(Result::unwrap) {
        let column = *attempts.get_or_insert_with(|| line.iter().position(|cell| cell == "attempts").unwrap());
        writer.write_record(line.iter().enumerate().filter(|(at, _)| *at != column).map(|(_, cell)| cell)).unwrap();
    }
    String::from_utf8(writer.into_inner().unwrap()).unwrap()
}

/// The frames of a write-ahead log, and which of them end a commit (<https://sqlite.org/fileformat2.html#walformat>).
fn frames(log: &[u8]) -> Vec<(Range<usize>, bool)> {
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let whole = 24 + number(8);
    let starts = (32..log.len()).step_by(whole);
    starts
        .map(|start| (start..start + whole, number(start + 4) > 0))
        .filter(|(range, _)| range.end <= log.len())
        .collect()
}

/// What a cut journal knows of its run.
struct Known {
    is_open: bool,
    /// The bodies of the rows that are created, and of those in doubt.
    created: Vec<String>,
    doubtful: Vec<String>,
}

fn known(journal: &Path) -> Known {
    let db = Connection::open(journal).unwrap();
    let sql = "SELECT id, state = 'open' FROM runs WHERE state <> 'reading'";
    let run: rusqlite::Result<(i64, bool)> = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)));
    let Ok((run, is_open)) = run else { return Known { is_open: false, created: Vec::new(), doubtful: Vec::new() } };
    let bodies = |status: &str| -> Vec<String> {
        let sql = "SELECT body FROM results JOIN rows USING (id) WHERE run = ?1 AND status = ?2 ORDER BY id";
        let mut query = db.prepare(sql).unwrap();
        query.query_map((run, status), |row| row.get(0)).unwrap().map(Result::unwrap).collect()
    };
    Known { is_open, created: bodies("created"), doubtful: bodies("unknown") }
}

/// The server does what it was asked for.
fn post(world: &Shared, body: &str) {
    let path = format!("/organizations/{ORG}/groups");
    let request = request(Call { method: Method::Post, path, body: Some(body.to_owned().into()) });
    world.with(|world| world.simulation.handle(&request, world.simulation.now()));
}

/// Recovers a journal of which only this part of the log was written; `arrived` says what became of what was under way.
/// Gives the results, and whether the run went on.
fn recovered(whole: &Undisturbed, log: &[u8], arrived: bool) -> (String, bool) {
    let folder = folder();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    fs::write(folder.path().join("groups.csv"), ROWS).unwrap();
    fs::write(place.journal(), &whole.journal).unwrap();
    fs::write(log_of(&place.journal()), log).unwrap();
    let known = known(&place.journal());
    in_paused_time(async {
        let world = world();
        known.created.iter().for_each(|body| post(&world, body));
        if arrived {
            known.doubtful.iter().for_each(|body| post(&world, body));
        }
        let left: Left = live(&place, &world, &habits(), End::Natural).await.unwrap();
        let there = world.with(|world| world.simulation.groups().count());
        assert_eq!((there, left.count(Status::Pending)), (6, 0), "each group once");
        (results(&place), known.is_open)
    })
}

#[test]
fn wherever_the_journal_is_cut_the_results_are_those_of_the_undisturbed_run() {
    let whole = undisturbed();
    let frames = frames(&whole.log);
    let commits: Vec<usize> = frames.iter().filter(|(_, ends)| *ends).map(|(range, _)| range.end).collect();
    let mut went_on = 0;
    for (number, end) in commits.iter().enumerate() {
        // The last commit closes the run: from there on it is history, and a new run finds what exists.
        let is_over = number + 1 == commits.len();
        for arrived in [false, true] {
            let (results, is_continued) = recovered(&whole, &whole.log[..*end], arrived);
            went_on += usize::from(is_continued);
            if is_over {
                assert_eq!(results.matches(",created,").count(), 0, "{results}");
            } else {
                assert_eq!(results, whole.results, "cut after commit {number}, arrived {arrived}");
            }
        }
    }
    assert!(went_on >= 2 * 8, "{went_on} of {} commits were in mid-run", commits.len());
}

#[test]
fn an_entry_that_was_half_written_is_as_good_as_none() {
    let whole = undisturbed();
    let mut commit = 32;
    for (range, ends) in frames(&whole.log) {
        let torn = range.start + range.len() / 2;
        let (results, _) = recovered(&whole, &whole.log[..torn], true);
        assert_eq!(results, whole.results, "torn at byte {torn}, after the commit that ends at byte {commit}");
        commit = if ends { range.end } else { commit };
    }
}
