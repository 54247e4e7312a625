//! Journals that are damaged, of another version, somebody else's, or in use: a clear error before anything is sent,
//! and the file stays as it is. Where the damage touches nothing that counts, the import goes on as if it were not there.
#![cfg(target_os = "linux")]

use std::fs;
use std::io::Write;
use std::time::Duration;

use crate::support::{
    Desk, Draft, EACCES, Fault, Kind, Outcome, Server, as_csv, assert_accounts, good_names, rows, wait_for,
};
use tallyfy_groups::sandbox::{Options, SandboxGroup};

const IMPORT: &[&str] = &["import", "groups.csv", "--settle", "1s", "--json"];
const JOURNAL: &str = "groups.journal";
const LOG: &str = "groups.journal-wal";
const RESULTS: &str = "groups.results.csv";

/// An import that was killed midway: its input, its journal, and what the organization has of it.
struct CutOff {
    rows: Vec<Draft>,
    groups: Vec<SandboxGroup>,
    journal: Vec<u8>,
    log: Option<Vec<u8>>,
}

fn not_unique() -> Options {
    Options { allow_same_names: true, ..Options::default() }
}

impl CutOff {
    /// The last records are in the write-ahead log, as after a kill.
    fn with_log() -> Self {
        let rows = rows(150, 5, 0, 61);
        let server = Server::start(Options { latency: Duration::from_millis(10), ..not_unique() }, "");
        let desk = Desk::at(&server).with("groups.csv", as_csv(&rows));
        let running = desk.start(&["import", "groups.csv", "--concurrency", "4"]);
        server.wait_for_groups(60);
        running.kill();
        let read = |name| fs::read(desk.path(name)).unwrap();
        Self { rows, groups: server.groups(), journal: read(JOURNAL), log: Some(read(LOG)) }
    }

    /// All in one file, as the log leaves it when it is worked in.
    fn whole() -> Self {
        let cut_off = Self::with_log();
        let folder = tempfile::tempdir().unwrap();
        let (journal, log) = (folder.path().join(JOURNAL), folder.path().join(LOG));
        fs::write(&journal, &cut_off.journal).unwrap();
        fs::write(&log, cut_off.log.as_ref().unwrap()).unwrap();
        let db = rusqlite::Connection::open(&journal).unwrap();
        db.query_row("SELECT count(*) FROM ended", [], |row| row.get::<_, u32>(0)).unwrap();
        drop(db);
        assert!(!log.exists());
        Self { journal: fs::read(journal).unwrap(), log: None, ..cut_off }
    }

    /// The organization as the import left it, and a place with the journal as it is now.
    fn scene(&self, journal: &[u8], log: Option<&[u8]>) -> (Server, Desk) {
        let server = Server::start(not_unique(), "");
        for group in &self.groups {
            server.with(|simulation| simulation.plant(group.clone()));
        }
        let desk = Desk::at(&server).with("groups.csv", as_csv(&self.rows)).with(JOURNAL, journal);
        if let Some(log) = log {
            desk.write(LOG, log);
        }
        (server, desk)
    }

    /// Runs the import over a damaged journal. Gives whether it was refused.
    fn judge(&self, what: &str, journal: &[u8], log: Option<&[u8]>) -> bool {
        let (server, desk) = self.scene(journal, log);
        let outcome = desk.run(IMPORT);
        assert!(!outcome.stderr.contains("panicked"), "{what}: {outcome:?}");
        if outcome.code() == Some(0) {
            self.assert_right(what, &server, &desk, &outcome);
            return false;
        }
        assert_refused(what, &outcome, &server);
        assert!(fs::read(desk.path(JOURNAL)).unwrap() == journal, "{what}: the journal was changed");
        assert!(fs::read(desk.path(LOG)).ok().as_deref() == log, "{what}: its log was changed");
        true
    }

    /// Every group is there once, and every row knows its own.
    fn assert_right(&self, what: &str, server: &Server, desk: &Desk, outcome: &Outcome) {
        let mut names = good_names(&self.rows);
        names.sort();
        assert_eq!(server.names(), names, "{what}");
        let lines = desk.results(RESULTS);
        assert_accounts(&outcome.json(), &lines);
        for (line, row) in lines.iter().zip(&self.rows) {
            let first = if let Kind::Twin(first) = row.kind { &self.rows[first] } else { row };
            let expected = if row.kind == Kind::Good { &["created", "exists"][..] } else { &["duplicate"] };
            assert!(expected.contains(&line.status.as_str()), "{what}: {line:?}");
            assert_eq!(line.group_id, Some(server.group(&first.name).id), "{what}: {line:?}");
        }
    }
}

/// It says what is wrong, and what to do about it, and has sent nothing.
fn assert_refused(what: &str, outcome: &Outcome, server: &Server) {
    assert!(matches!(outcome.code(), Some(1 | 2 | 4)), "{what}: {outcome:?}");
    let error = outcome.stderr.lines().last().unwrap_or_default();
    let has_way_out = ["--journal", "same command again", "wait for it to end"].iter().any(|way| error.contains(way));
    assert!(error.contains("groups.journal: ") && has_way_out, "{what}: {error}");
    assert_eq!(server.all_posts(), 0, "{what}");
}

/// All of them, some at a time.
fn at_once<T: Sync>(cases: &[T], judge: impl Fn(&T) + Sync) {
    for some in cases.chunks(20) {
        std::thread::scope(|scope| {
            for case in some {
                scope.spawn(|| judge(case));
            }
        });
    }
}

/// Places spread over `bytes`, and the bit that is flipped there.
fn flips(bytes: usize, count: usize) -> Vec<(usize, u8)> {
    (0..count).map(|n| ((n * 7919 + n * n * 31) * 101 % bytes, 1 << (n % 8))).collect()
}

#[test]
fn a_journal_that_was_cut_short_is_refused() {
    let cut_off = CutOff::whole();
    let size = cut_off.journal.len();
    at_once(&[10, 100, 1000, 4096, 8192, size / 2, size - 4096, size - 1], |length| {
        let is_refused = cut_off.judge(&format!("{length} of {size} bytes"), &cut_off.journal[..*length], None);
        assert!(is_refused, "{length} of {size} bytes");
    });
    // A file without anything in it is a new one.
    assert!(!cut_off.judge("empty", &[], None));
}

#[test]
fn a_page_of_zeroes_is_noticed() {
    let cut_off = CutOff::whole();
    let pages: Vec<usize> = (0..cut_off.journal.len() / 4096).collect();
    at_once(&pages, |page| {
        let mut journal = cut_off.journal.clone();
        journal[page * 4096..(page + 1) * 4096].fill(0);
        cut_off.judge(&format!("page {page}"), &journal, None);
    });
}

#[test]
fn a_flipped_bit_is_noticed_or_changes_nothing() {
    let cut_off = CutOff::whole();
    at_once(&flips(cut_off.journal.len(), 60), |(at, bit)| {
        let mut journal = cut_off.journal.clone();
        journal[*at] ^= bit;
        cut_off.judge(&format!("bit {bit} of byte {at}"), &journal, None);
    });
}

#[test]
fn a_damaged_log_is_read_as_far_as_it_is_sound_and_what_is_gone_is_found_in_the_organization() {
    let cut_off = CutOff::with_log();
    let log = cut_off.log.as_deref().unwrap();
    let judge = |what: &str, log: Option<&[u8]>| cut_off.judge(what, &cut_off.journal, log);
    assert!(!judge("garbage", Some(&vec![b'x'; 50_000])));
    at_once(&flips(log.len(), 20), |(at, bit)| {
        let mut log = log.to_vec();
        log[*at] ^= bit;
        assert!(!judge(&format!("bit {bit} of byte {at} of the log"), Some(&log)));
    });
    at_once(&[None, Some(0), Some(10), Some(32), Some(100), Some(log.len() / 2), Some(log.len() - 1000)], |length| {
        let is_refused = judge(&format!("{length:?} bytes of the log"), length.map(|length| &log[..length]));
        assert!(!is_refused, "{length:?} bytes of the log");
    });
}

/// A journal, changed by SQL behind the program's back.
fn changed(journal: &[u8], sql: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(JOURNAL);
    fs::write(&path, journal).unwrap();
    rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
    fs::read(path).unwrap()
}

#[test]
fn a_journal_of_another_version_or_another_s_is_refused() {
    let whole = CutOff::whole();
    // Where SQLite has it in the file.
    let version = u32::from_be_bytes(whole.journal[60..64].try_into().unwrap());
    at_once(
        &[
            ("PRAGMA user_version = 0", "version 0"),
            (&format!("PRAGMA user_version = {}", version - 1), "of version"),
            (&format!("PRAGMA user_version = {}", version + 1), "of version"),
            ("PRAGMA application_id = 7", "not a journal of tallyfy-groups"),
            ("UPDATE runs SET organization = 'fedcba'", "organization fedcba (loopback)"),
            ("UPDATE runs SET realm = 'remote'", "(remote)"),
            ("DELETE FROM rows WHERE id = (SELECT min(row) FROM ended)", "damaged"),
            ("UPDATE runs SET first_row = 9", "damaged"),
            (
                "UPDATE stored_operations SET operation = json_remove(operation, '$.state.group.id') WHERE row = (SELECT min(row) FROM ended)",
                "damaged",
            ),
            (
                "UPDATE stored_operations SET operation = json_set(operation, '$.state.group.id', CAST(x'ff' AS TEXT)) WHERE row = (SELECT min(row) FROM ended)",
                "damaged",
            ),
            ("UPDATE stored_operations SET state = 'exists' WHERE row = (SELECT min(row) FROM ended)", "damaged"),
            ("DROP VIEW results", "damaged"),
        ],
        |(sql, part)| {
            let journal = changed(&whole.journal, sql);
            assert!(whole.judge(sql, &journal, None), "{sql}");
            let (_server, desk) = whole.scene(&journal, None);
            desk.run(IMPORT).says(part);
        },
    );
    assert!(whole.judge("notes", b"name\nmy precious notes\n", None));
    let harmless = changed(&whole.journal, "ANALYZE; CREATE INDEX mine ON stored_operations (state)");
    assert!(!whole.judge("an index of somebody's", &harmless, None));
}

#[test]
fn a_journal_of_another_organization_stays_as_it_is_with_its_log() {
    let cut_off = CutOff::with_log();
    let (server, desk) = cut_off.scene(&cut_off.journal, cut_off.log.as_deref());
    desk.run(&[IMPORT, &["--org", "another"]].concat()).expect(2).says("another").says("--journal");
    assert_eq!(server.requests(), 0);
    assert!(fs::read(desk.path(JOURNAL)).unwrap() == cut_off.journal);
    assert_eq!(fs::read(desk.path(LOG)).ok(), cut_off.log);
    let outcome = desk.run(IMPORT).expect(0);
    cut_off.assert_right("its own organization", &server, &desk, &outcome);
}

#[test]
fn a_journal_that_can_only_be_read_is_refused() {
    let whole = CutOff::whole();
    let (server, desk) = whole.scene(&whole.journal, None);
    // The superuser can write what is read-only: the shim has it refused.
    let desk = desk.under(Fault::from("open", JOURNAL, EACCES, 2), None);
    let outcome = desk.run(IMPORT);
    assert!(desk.failures() > 0);
    assert_refused("read-only", &outcome, &server);
    assert!(fs::read(desk.path(JOURNAL)).unwrap() == whole.journal);
}

#[test]
fn the_lock_of_a_living_process_holds_and_that_of_a_killed_one_does_not() {
    let cut_off = CutOff::with_log();
    let (server, desk) = cut_off.scene(&cut_off.journal, cut_off.log.as_deref());
    let mut first = desk.start(&["import", "-", "--journal", JOURNAL]);
    first.input().write_all(b"name\nX\n").unwrap();
    let lock = || fs::read_to_string(desk.path("groups.journal.lock")).unwrap_or_default();
    wait_for("the first import's lock", || (lock() == first.id().to_string()).then_some(()));
    let refused = desk.run(IMPORT).expect(4).says(&format!("process {}", first.id()));
    assert_refused("in use", &refused, &server);
    let id = first.id().to_string();
    first.kill();
    assert_eq!(lock(), id, "a killed process leaves its lock file");
    let outcome = desk.run(IMPORT).expect(0);
    cut_off.assert_right("a lock that nobody holds", &server, &desk, &outcome);
    assert!(!desk.path("groups.journal.lock").exists());
}
