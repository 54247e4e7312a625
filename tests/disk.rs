//! A slow disk, a full one, a failing one: no request leaves whose intent is not on disk, and once the disk is mended
//! the same command finishes; no group is there twice, and no row is forgotten.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use crate::support::{
    Desk, Draft, EACCES, EIO, ENOSPC, Fault, Noted, Outcome, Server, as_csv, assert_accounts, assert_answers,
    good_names, noted, rows, statuses, wait_for,
};
use tallyfy_groups::sandbox::Options;

/// The file at which a fault midway begins.
const SWITCH: &str = "../switch";
/// What every message about a failed disk says.
const WAY_OUT: &str = "run the same command again";
const IMPORT: &[&str] = &["import", "groups.csv", "--concurrency", "4", "--settle", "1s", "--json"];
const JOURNAL: &str = "groups.journal";
const RESULTS: &str = "groups.results.csv";
const REJECTS: &str = "groups.rejects.csv";
/// Part of the name of every file that the program writes.
const ANY: &str = "groups";
/// What results and rejects are called until they are whole.
const UNFINISHED: &str = "/.tallyfy-groups-";

#[test]
fn no_row_is_forgotten_however_slow_the_disk_is() {
    let rows = rows(150, 0, 0, 41);
    let import = |sync_ms, latency_ms, lanes| {
        let server = Server::slow(Duration::from_millis(latency_ms));
        let desk = Desk::at(&server).with_slow_sync(sync_ms).with("groups.csv", as_csv(&rows));
        let outcome = desk.run(&["import", "groups.csv", "--concurrency", lanes]);
        let lines = desk.results("groups.results.csv");
        let pending = statuses(&lines).iter().filter(|status| **status == "pending").count();
        assert_eq!(pending, 0, "sync {sync_ms} ms, latency {latency_ms} ms, {lanes} lanes: {outcome:?}");
        outcome.expect(0);
        server.assert_each_once(&good_names(&rows));
    };
    thread::scope(|all| {
        for (sync_ms, latency_ms, lanes) in [(60, 3, "16"), (150, 3, "16"), (30, 60, "64")] {
            all.spawn(move || import(sync_ms, latency_ms, lanes));
        }
    });
}

/// A fault, when it strikes, and the file its message has to name.
#[derive(Clone, Copy, Debug)]
struct Case {
    fault: Fault,
    when: When,
    file: &'static str,
}

#[derive(Clone, Copy, Debug)]
enum When {
    AtOnce,
    /// This many groups are there.
    Groups(usize),
    /// This file is there.
    File(&'static str),
}

impl Case {
    /// The file without which nothing fails.
    fn gate(self) -> Option<&'static str> {
        match self.when {
            When::AtOnce => None,
            When::Groups(_) => Some(SWITCH),
            When::File(file) => Some(file),
        }
    }
}

const fn at_once(fault: Fault, file: &'static str) -> Case {
    Case { fault, when: When::AtOnce, file }
}

const fn midway(fault: Fault) -> Case {
    Case { fault, when: When::Groups(40), file: JOURNAL }
}

/// 150 rows; some are invalid where it is about the rejects.
struct World {
    rows: Vec<Draft>,
    server: Server,
    desk: Desk,
}

impl World {
    fn of(case: Case) -> Self {
        let rows = rows(150, 5, if case.file == REJECTS { 5 } else { 0 }, 51);
        // Names are not unique, so nothing but the program stops a second group.
        let options = Options { allow_same_names: true, latency: Duration::from_millis(5), ..Options::default() };
        let server = Server::start(options, "");
        let desk = Desk::at(&server).with("groups.csv", as_csv(&rows)).under(case.fault, case.gate());
        Self { rows, server, desk }
    }

    fn run(&self, case: Case) -> Outcome {
        let running = self.desk.start(IMPORT);
        if let When::Groups(count) = case.when {
            self.server.wait_for_groups(count);
            self.desk.write(SWITCH, "");
        }
        running.end()
    }

    /// What was sent is in the journal, and what is in the journal is so.
    fn assert_on_disk(&self, case: Case) -> BTreeMap<String, Noted> {
        let noted = noted(&self.desk, JOURNAL);
        let posts = self.server.tally(|tally| tally.posts.clone());
        for (name, count) in posts {
            let intents = noted.get(&name).map_or(0, |noted| noted.intents);
            assert!(count <= intents, "{case:?}: {name:?} was sent {count} times, {intents} of them are on disk");
        }
        for (name, id) in noted.iter().filter_map(|(name, noted)| Some((name, noted.group_id.as_ref()?))) {
            assert_eq!(*id, self.server.group(name).id, "{case:?}");
        }
        noted
    }

    /// The same command over the mended disk does the rest.
    fn finish(self, case: Case, noted: &BTreeMap<String, Noted>) {
        let Self { rows, server, desk } = self;
        let is_settled = |name: &String| noted.get(name).is_some_and(|noted| noted.group_id.is_some());
        let is_all = good_names(&rows).iter().all(is_settled);
        let requests = server.requests();
        let desk = desk.healed();
        let outcome = desk.run(IMPORT);
        assert!(outcome.code() == Some(if case.file == REJECTS { 9 } else { 0 }), "{case:?}: {outcome:?}");
        server.assert_each_once(&good_names(&rows));
        let lines = desk.results(RESULTS);
        assert_answers(&lines, &rows, &server, "created");
        assert_accounts(&outcome.json(), &lines);
        assert!(!is_all || server.requests() == requests, "{case:?}: all was done, and yet something was asked");
        let mut files = vec!["groups.csv", JOURNAL, REJECTS, RESULTS];
        files.retain(|file| *file != REJECTS || case.file == REJECTS);
        assert_eq!(desk.files(), files, "{case:?}");
    }
}

/// Runs an import over the bad disk and again over the mended one, and holds both to the promise.
fn judge(case: Case) {
    let world = World::of(case);
    let outcome = world.run(case);
    assert!(world.desk.failures() > 0, "{case:?}: nothing failed: {outcome:?}");
    let codes = if world.server.all_posts() == 0 { &[1, 2][..] } else { &[1] };
    assert!(outcome.code().is_some_and(|code| codes.contains(&code)), "{case:?}: {outcome:?}");
    let error = outcome.stderr.lines().last().unwrap_or_default();
    assert!(error.starts_with("error: ") && error.contains(case.file) && error.contains(WAY_OUT), "{case:?}: {error}");
    assert!(!outcome.stderr.contains("panicked"), "{case:?}: {outcome:?}");
    let litter = world.desk.files().into_iter().find(|file| file.starts_with(&UNFINISHED[1..]));
    assert_eq!(litter, None, "{case:?}");
    let noted = world.assert_on_disk(case);
    world.finish(case, &noted);
}

/// All at once: most of the time is spent waiting.
fn judge_all(cases: Vec<Case>) {
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || judge(case));
        }
    });
}

#[test]
fn a_full_disk_stops_the_import_before_anything_is_lost() {
    let room = [0, 3, 2_000, 20_000, 60_000, 90_000, 110_000, 130_000, 150_000, 200_000]
        .map(|bytes| at_once(Fault::from("room", ANY, ENOSPC, bytes), JOURNAL));
    judge_all(room.to_vec());
}

#[test]
fn a_journal_that_cannot_be_written_stops_the_import_before_anything_is_lost() {
    let writes =
        [1, 2, 3, 5, 10, 20, 40, 60, 80].map(|call| at_once(Fault::from("write", JOURNAL, ENOSPC, call), JOURNAL));
    let syncs =
        [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 15].map(|call| at_once(Fault::from("sync", JOURNAL, EIO, call), JOURNAL));
    judge_all([&writes[..], &syncs].concat());
}

#[test]
fn a_disk_that_fills_up_midway_stops_the_import_before_anything_is_lost() {
    let cases = [
        midway(Fault::from("room", ANY, ENOSPC, 0)),
        midway(Fault::from("room", ANY, ENOSPC, 5_000)),
        midway(Fault::from("write", JOURNAL, EIO, 1)),
        midway(Fault::from("write", JOURNAL, ENOSPC, 7)),
        midway(Fault::from("sync", JOURNAL, EIO, 1)),
        midway(Fault::from("sync", JOURNAL, EIO, 3)),
    ];
    judge_all(cases.to_vec());
}

#[test]
fn results_and_rejects_that_fail_at_the_end_are_written_by_the_next_run() {
    let mut cases = Vec::new();
    for (file, nth) in [(RESULTS, 1), (REJECTS, 2)] {
        cases.push(at_once(Fault::from("sync", UNFINISHED, EIO, nth), file));
        // The first two are opened before anything is sent, to see whether they can be.
        cases.push(at_once(Fault::from("open", UNFINISHED, ENOSPC, nth), file));
        cases.push(at_once(Fault::from("open", UNFINISHED, EACCES, nth + 2), file));
        for errno in [EIO, EACCES, ENOSPC] {
            cases.push(at_once(Fault::from("rename", UNFINISHED, errno, nth), file));
        }
    }
    for nth in [1, 2] {
        cases.push(at_once(Fault::from("write", UNFINISHED, ENOSPC, nth), RESULTS));
    }
    let once_there = |fault, file| Case { fault, when: When::File(RESULTS), file };
    cases.push(once_there(Fault::from("write", UNFINISHED, ENOSPC, 1), REJECTS));
    // The first sync once the results are there is their folder's.
    cases.push(once_there(Fault::from("sync", "/", EIO, 1), RESULTS));
    // The same for the rejects: those that were cut off between the two do not count as edited by the user.
    cases.push(Case { fault: Fault::from("sync", "/", EIO, 1), when: When::File(REJECTS), file: REJECTS });
    // The run's end, which the journal notes last.
    cases.push(once_there(Fault::from("write", JOURNAL, ENOSPC, 1), JOURNAL));
    judge_all(cases);
}

#[test]
fn a_disk_that_fails_for_a_moment_loses_nothing() {
    let thrice = |what, part, errno, from| Fault { what, part, errno, from, times: 3 };
    let cases = [
        at_once(thrice("write", JOURNAL, ENOSPC, 30), JOURNAL),
        at_once(thrice("sync", JOURNAL, EIO, 9), JOURNAL),
        midway(thrice("write", JOURNAL, ENOSPC, 1)),
        midway(thrice("sync", JOURNAL, EIO, 1)),
        at_once(thrice("sync", UNFINISHED, EIO, 1), RESULTS),
        at_once(thrice("open", UNFINISHED, EACCES, 3), RESULTS),
    ];
    judge_all(cases.to_vec());
}

#[test]
fn a_disk_that_takes_only_half_of_what_is_written_gets_the_rest_after_it() {
    for part in [JOURNAL, UNFINISHED] {
        let case = at_once(Fault::from("short", part, 0, 1), REJECTS);
        let world = World::of(case);
        world.run(case).expect(9);
        assert!(world.desk.failures() > 0, "{part}");
        let noted = world.assert_on_disk(case);
        assert_eq!(noted.values().filter(|noted| noted.group_id.is_some()).count(), world.server.groups().len());
        assert_answers(&world.desk.results(RESULTS), &world.rows, &world.server, "created");
        world.server.assert_each_once(&good_names(&world.rows));
    }
}

/// What is under way comes to its end. At this pace nothing is under way when the journal fails.
#[test]
fn once_the_journal_cannot_be_written_no_further_request_leaves() {
    for (what, errno) in [("write", ENOSPC), ("sync", EIO)] {
        let world = World::of(midway(Fault::from(what, JOURNAL, errno, 1)));
        let running = world.desk.start(&[IMPORT, &["--rate", "5/s"]].concat());
        world.server.wait_for_groups(5);
        world.desk.write(SWITCH, "");
        wait_for("the failure", || (world.desk.failures() > 0).then_some(()));
        let before = world.server.all_posts();
        running.end().expect(1);
        assert_eq!(world.server.all_posts() - before, 0, "{what}: requests left after the journal had failed");
    }
}
