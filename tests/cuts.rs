//! The journal is cut after every commit, as a power cut leaves it, and recovered: apart from the attempts, the results are
//! byte for byte those of an undisturbed run, whether the requests on their way arrived or not.

use std::collections::HashMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kit::import::{import_and_keep_journal, journal_state};
use crate::kit::sync::{sync, undo};
use crate::kit::{End, Network, Server, Settings, Workspace, import_to_end, in_paused_time};
use tallyfy_groups::sandbox::{Options, SandboxGroup};

/// Good rows, duplicates, one that exists already, and rows that the check and the server refuse.
const ROWS: &str = "name,description,members\n\
    Alpha,a,1001\nBeta,b,\nalpha,again,\nOld,was there,\n,no name,\nGamma,c,9999\nDelta,d,1002\nBETA,again,\nEpsilon,e,\nGamma 2,,\n";

/// The organization before the import: users 1001 to 1003, one group.
fn server() -> Server {
    let options = Options { users: 3, seed: 7, ..Options::default() };
    let server = Server::new(&options, "", Network::INSTANT, 7);
    let old = SandboxGroup { id: "old".to_owned(), name: "Old".to_owned(), ..SandboxGroup::default() };
    server.with(|simulation| simulation.plant(old));
    server
}

/// One row after the other, so that ids come in the order of the rows.
fn settings() -> Settings {
    Settings { concurrency: 1, ..Settings::default() }
}

/// An import that was not cut.
struct Undisturbed {
    results: String,
    /// The journal's files while it was still open.
    journal: Vec<u8>,
    log: Vec<u8>,
    /// The request body of each name.
    bodies: HashMap<String, String>,
}

fn undisturbed() -> Undisturbed {
    let workspace = Workspace::new(ROWS);
    in_paused_time(async {
        let server = server();
        let (finished, open) = import_and_keep_journal(&workspace, &server, &settings()).await;
        let counts = ["created", "exists", "duplicate", "invalid", "failed"].map(|status| finished.count(status));
        assert_eq!(counts, [5, 1, 2, 1, 1]);
        let (journal, log) = (fs::read(workspace.journal()).unwrap(), fs::read(log_of(&workspace.journal())).unwrap());
        drop(open);
        Undisturbed { results: results(&workspace), journal, log, bodies: server.bodies() }
    })
}

fn log_of(journal: &Path) -> PathBuf {
    let mut name = journal.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

/// The results without the column `attempts` and without the folder's name.
fn results(workspace: &Workspace) -> String {
    let text = fs::read_to_string(workspace.results()).unwrap().replace(workspace.folder().to_str().unwrap(), "");
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

/// Recovers a journal with only this part of its log; on the server is what the journal says is done, and requests in doubt
/// arrived or not. Returns the results, and whether the run was continued.
fn recovered(whole: &Undisturbed, log: &[u8], arrived: bool) -> (String, bool) {
    let workspace = Workspace::new(ROWS);
    fs::write(workspace.journal(), &whole.journal).unwrap();
    fs::write(log_of(&workspace.journal()), log).unwrap();
    let state = journal_state(&workspace.journal());
    in_paused_time(async {
        let server = server();
        let arrived: &[String] = if arrived { &state.in_doubt } else { &[] };
        state.created.iter().chain(arrived).for_each(|name| server.create(&whole.bodies[name]));
        let finished = import_to_end(&workspace, &server, &settings()).await;
        let groups = server.with(|simulation| simulation.groups().count());
        assert_eq!((groups, finished.count("pending")), (6, 0), "each group once");
        (results(&workspace), state.is_open)
    })
}

#[test]
fn wherever_the_journal_is_cut_the_results_are_those_of_the_undisturbed_run() {
    let whole = undisturbed();
    let frames = frames(&whole.log);
    let commits: Vec<usize> = frames.iter().filter(|(_, ends)| *ends).map(|(range, _)| range.end).collect();
    let mut continued = 0;
    for (number, end) in commits.iter().enumerate() {
        // The last commit closes the run: after it, a new run finds the groups as existing.
        let is_closed = number + 1 == commits.len();
        for arrived in [false, true] {
            let (results, is_continued) = recovered(&whole, &whole.log[..*end], arrived);
            continued += usize::from(is_continued);
            if is_closed {
                assert_eq!(results.matches(",created,").count(), 0, "{results}");
            } else {
                assert_eq!(results, whole.results, "cut after commit {number}, arrived {arrived}");
            }
        }
    }
    assert!(continued >= 2 * 8, "{continued} of {} cuts were in the middle of the run", 2 * commits.len());
}

#[test]
fn a_half_written_commit_is_ignored() {
    let whole = undisturbed();
    let mut commit = 32;
    for (range, ends) in frames(&whole.log) {
        let torn = range.start + range.len() / 2;
        let (results, _) = recovered(&whole, &whole.log[..torn], true);
        assert_eq!(results, whole.results, "torn at byte {torn}, after the commit that ends at byte {commit}");
        commit = if ends { range.end } else { commit };
    }
}

/// Groups that are created, renamed, exchanged, changed and deleted by the second file, and one that stays.
const BEFORE: &str =
    "key,name,description,members,guests\n1,A,x,1001,\n2,B,x,1002,\n3,C,x,1003,\n4,D,x,1001,\n5,E,x,1002,\n";
const AFTER: &str = "key,name,description,members,guests\n1,B,x,1001,\n2,A,y,1002;1003,\n3,C,x,1001,new@x.org\n5,E,x,1002,\n6,F,x,1003,\n";

/// So long that the server's clock goes on by seconds, as it would.
const LATENCY: Duration = Duration::from_millis(400);
/// The time from one cut to the next.
const STEP: Duration = Duration::from_millis(100);

const FLAGS: &[&str] = &["--prune", "--max-remove", "100%"];

/// A server with the groups of `BEFORE`, whose file has become that of `AFTER`.
async fn after_the_first_night(workspace: &Workspace) -> (Server, Settings) {
    let network = Network { usual: LATENCY, longest: LATENCY, tail: 0.0 };
    let server = Server::new(&Options { users: 3, seed: 7, ..Options::default() }, "", network, 7);
    // Requests of a run that was killed have arrived by then.
    let settings = Settings { rate: "none", settle: 6 * LATENCY, ..settings() };
    sync(workspace, &server, &settings, FLAGS, End::Natural).await.unwrap();
    fs::write(workspace.input(), AFTER).unwrap();
    (server, settings)
}

/// A sync that is killed after this time, and the results of the next one; nothing if it was not killed.
fn sync_cut(at: Option<Duration>) -> Option<Vec<(String, &'static str, Option<String>)>> {
    let workspace = Workspace::new(BEFORE);
    in_paused_time(async {
        let (server, settings) = after_the_first_night(&workspace).await;
        if let Some(at) = at
            && sync(&workspace, &server, &settings, FLAGS, End::Killed(at)).await.is_some()
        {
            return None;
        }
        let done = sync(&workspace, &server, &settings, FLAGS, End::Natural).await.unwrap();
        let mut groups: Vec<_> =
            server.groups().into_iter().map(|group| (group.name, group.description, group.members)).collect();
        groups.sort();
        let expected = [
            ("A", "y", vec![1002, 1003]),
            ("B", "x", vec![1001]),
            ("C", "x", vec![1001]),
            ("E", "x", vec![1002]),
            ("F", "x", vec![1003]),
        ];
        let expected =
            expected.map(|(name, description, members)| (name.to_owned(), Some(description.to_owned()), members));
        assert_eq!(groups, expected, "{at:?}");
        Some(done.rows.into_iter().map(|row| (row.name, row.status, row.error)).collect())
    })
}

#[test]
fn whenever_a_sync_is_cut_off_the_same_command_ends_it_as_an_undisturbed_one() {
    let undisturbed = sync_cut(None).unwrap();
    let statuses: Vec<&str> = undisturbed.iter().map(|(_, status, _)| *status).collect();
    assert_eq!(statuses, ["updated", "updated", "updated", "unchanged", "created", "deleted"]);
    let mut cuts = 0;
    while let Some(results) = sync_cut(Some(STEP * cuts)) {
        assert_eq!(results, undisturbed, "cut {cuts}");
        cuts += 1;
    }
    assert!(cuts > 40, "{cuts}");
}

/// What is cut off.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Cut {
    Sync,
    Undo,
}

/// The groups of `BEFORE`, sorted, after a sync of `AFTER` and its undo. One of the two is killed after this time; an undo is begun again.
/// Nothing if it was not killed.
fn undone(cut: Cut, at: Duration) -> Option<Vec<String>> {
    let workspace = Workspace::new(BEFORE);
    in_paused_time(async {
        let (server, settings) = after_the_first_night(&workspace).await;
        let end = if cut == Cut::Sync { End::Killed(at) } else { End::Natural };
        let mut ended = sync(&workspace, &server, &settings, FLAGS, end).await;
        let run = 2;
        if cut == Cut::Undo {
            ended = undo(&workspace, &server, &settings, run, End::Killed(at)).await;
        }
        if ended.is_some() {
            return None;
        }
        let rows = undo(&workspace, &server, &settings, run, End::Natural).await.unwrap().rows;
        let is_done = |status: &str| ["created", "updated", "deleted", "gone", "unchanged"].contains(&status);
        assert!(rows.iter().all(|row| is_done(row.status)), "{cut:?} cut off after {at:?}: {rows:?}");
        let said = |group: SandboxGroup| {
            format!("{} {:?} {:?} {:?}", group.name, group.description, group.members, group.guests)
        };
        let mut groups: Vec<String> = server.groups().into_iter().map(said).collect();
        groups.sort();
        Some(groups)
    })
}

#[test]
fn whenever_a_sync_or_its_undo_is_cut_off_an_undo_takes_everything_back() {
    let expected = [("A", 1001), ("B", 1002), ("C", 1003), ("D", 1001), ("E", 1002)]
        .map(|(name, member)| format!("{name} Some(\"x\") [{member}] []"));
    for cut in [Cut::Sync, Cut::Undo] {
        let mut cuts = 0;
        while let Some(groups) = undone(cut, STEP * cuts) {
            assert_eq!(groups, expected, "{cut:?}, cut {cuts}");
            cuts += 1;
        }
        assert!(cuts > 40, "{cuts}");
    }
}
