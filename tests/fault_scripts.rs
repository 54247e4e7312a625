//! Imports under fault scripts, in paused time: every row is created exactly once, and the server is not flooded.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::kit::check::{Before, check};
use crate::kit::rows::{Sheet, good, with_guests};
use crate::kit::{End, Finished, Network, Server, Settings, Workspace, import, import_to_end, in_paused_time};
use tallyfy_groups::sandbox::{FaultScript, Options};
use tokio::time::Instant;

const ROWS: usize = 500;
/// How many of them have guests; they come first.
const ROWS_WITH_GUESTS: usize = 60;

/// The script under which lists lag for longer than a client can wait.
const LAG_FOR_MINUTES: &str = "lists-lag-for-minutes.toml";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fault-scripts")
}

fn script(name: &str) -> String {
    let script = fs::read_to_string(folder().join(name)).unwrap();
    let parsed = FaultScript::parse(&script).unwrap();
    assert!(parsed.about.as_ref().is_some_and(|about| about.len() > 40), "{name} has a description");
    script
}

/// Imports under a script, repeating the command while rows are open; the last of `most_imports` must complete.
#[track_caller]
fn assert_completes(name: &str, settings: &Settings, unique_names: bool, most_imports: usize) {
    let sheet = with_guests(ROWS_WITH_GUESTS, 2, ROWS - ROWS_WITH_GUESTS);
    let workspace = Workspace::new(&sheet.csv);
    in_paused_time(async {
        let options = Options { allow_same_names: !unique_names, seed: 3, ..Options::default() };
        let server = Server::new(&options, &script(name), Network::SLOW, 3);
        let mut finished = import_to_end(&workspace, &server, settings).await;
        for _ in 1..most_imports {
            if finished.is_complete() {
                break;
            }
            finished = import_to_end(&workspace, &server, settings).await;
        }
        let open = finished.rows.iter().find(|row| row.status != "created");
        assert!(open.is_none(), "{name}, unique names {unique_names}: {open:?}");
        check(&sheet, &finished, &Before::default(), &server).unwrap();
    });
}

#[test]
fn under_every_script_one_command_creates_every_row_once() {
    let entries = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name != LAG_FOR_MINUTES).collect();
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        for unique_names in [true, false] {
            assert_completes(&name, &Settings::default(), unique_names, 1);
        }
    }
}

#[test]
fn rate_auto_completes_although_the_limit_changes_lies_or_vanishes() {
    let settings = Settings { rate: "auto", ..Settings::default() };
    for name in ["the-limit-changes", "the-limit-lies", "the-limit-vanishes", "others-use-the-token", "throttled"] {
        assert_completes(&format!("{name}.toml"), &settings, true, 1);
    }
}

#[test]
fn a_name_that_is_taken_after_a_send_of_ours_is_ours_however_late_lists_show_it() {
    // A row that no list shows yet is unknown; the same command settles it later.
    assert_completes(LAG_FOR_MINUTES, &Settings::default(), true, 20);
}

/// The searches and list pages that an import requests after a kill that left all of its creates in doubt.
fn reads_after_a_kill(rows: usize, concurrency: usize) -> (usize, usize) {
    let workspace = Workspace::new(&good(rows).csv);
    in_paused_time(async {
        let hang = "[[fault]]\nkind = 'hang-before'\nmethod = 'POST'";
        let server = Server::new(&Options { groups: 250, ..Options::default() }, hang, Network::INSTANT, 5);
        let settings = Settings { concurrency, ..Settings::default() };
        import(&workspace, &server, &settings, End::Killed(Duration::from_secs(20))).await;
        server.clear_log();
        server.heal();
        assert!(import_to_end(&workspace, &server, &settings).await.is_complete());
        let log = server.log();
        let count = |word: &str| log.iter().filter(|line| line.contains("GET") && line.contains(word)).count();
        (count("&q="), count("page=") - count("&q="))
    })
}

#[test]
fn many_rows_in_doubt_are_looked_up_in_the_whole_list_and_few_by_a_search_each() {
    // Three pages of groups: the list is read once at the start, and three times for what is in doubt.
    assert_eq!(reads_after_a_kill(100, 40), (0, 3 + 3 * 3));
    assert_eq!(reads_after_a_kill(2, 2), (3 * 2, 3));
}

#[test]
fn a_group_that_another_client_creates_after_a_kill_is_not_ours_unless_its_row_was_on_its_way() {
    let sheet = with_guests(40, 1, 60);
    let names: Vec<&str> = sheet.good().collect();
    let network = Network { usual: Duration::from_millis(80), longest: Duration::from_millis(80), tail: 0.0 };
    for millis in (2010..6000).step_by(190) {
        let workspace = Workspace::new(&sheet.csv);
        in_paused_time(async {
            let server = Server::new(&Options::default(), "", network, 5);
            let settings = Settings::default();
            import(&workspace, &server, &settings, End::Killed(Duration::from_millis(millis))).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let sent = server.bodies();
            for name in names.iter().filter(|name| !sent.contains_key(**name)) {
                server.create(&serde_json::json!({ "name": name }).to_string());
            }
            let finished = import_to_end(&workspace, &server, &settings).await;
            let created = finished.rows.iter().filter(|row| row.status == "created");
            // At most one intent was on disk whose request had not left.
            let foreign: Vec<_> = created.filter(|row| !sent.contains_key(&row.name)).collect();
            assert!(foreign.len() <= 1, "killed after {millis} ms: {foreign:?}");
            assert_eq!(finished.count("exists") + finished.count("created"), names.len());
        });
    }
}

/// One file and one server.
struct Scenario {
    sheet: Sheet,
    workspace: Workspace,
    server: Server,
}

impl Scenario {
    fn new(sheet: Sheet, faults: &str) -> Self {
        let workspace = Workspace::new(&sheet.csv);
        Self { sheet, workspace, server: Server::new(&Options::default(), faults, Network::INSTANT, 3) }
    }

    /// Imports, and measures the time.
    async fn import(&self, settings: &Settings) -> (Finished, Duration) {
        let start = Instant::now();
        (import_to_end(&self.workspace, &self.server, settings).await, start.elapsed())
    }

    /// Imports until every row is created.
    async fn complete(&self, settings: &Settings) -> Duration {
        let (finished, time) = self.import(settings).await;
        assert!(finished.is_complete(), "{:?}", finished.stopped);
        check(&self.sheet, &finished, &Before::default(), &self.server).unwrap();
        time
    }
}

#[test]
fn a_server_that_is_down_is_probed_less_and_less_often_and_no_row_is_lost() {
    in_paused_time(async {
        let scenario = Scenario::new(good(ROWS), &script("the-server-is-down.toml"));
        let time = scenario.complete(&Settings::default()).await;
        // A hundred requests bring it back: at the full rate that would be ten seconds.
        assert!(time > Duration::from_mins(80), "{time:?}");
    });
}

#[test]
fn a_server_that_is_down_for_longer_than_max_wait_stops_the_run_and_the_next_one_completes() {
    in_paused_time(async {
        let down = "[[fault]]\nkind = 'html-before'\nstatus = 503\nfrom = 150";
        let scenario = Scenario::new(good(ROWS), down);
        let settings = Settings { max_wait: Duration::from_mins(10), ..Settings::default() };
        let (finished, time) = scenario.import(&settings).await;
        assert!(finished.stopped.as_ref().unwrap().contains("the server has been down"), "{:?}", finished.stopped);
        assert!((600..640).contains(&time.as_secs()), "{time:?}");
        assert_eq!((finished.count("created"), finished.count("failed")), (148, 0));
        scenario.server.heal();
        scenario.complete(&settings).await;
    });
}

#[test]
fn refusals_that_do_not_end_stop_the_run_after_max_wait_and_fail_no_row() {
    let settings = Settings { max_wait: Duration::from_mins(30), ..Settings::default() };
    for (fault, least_created) in [
        ("kind = 'too-many'\nretry_after = '1'", 0),
        ("kind = 'too-many'", 0),
        ("kind = 'too-many'\nretry_after = '1'\nmethod = 'POST'", 0),
        ("kind = 'too-many'\nmethod = 'POST'\nfrom = 50", 40),
        ("kind = 'error-before'\nstatus = 503\nmethod = 'POST'\nfrom = 20", 18),
        ("kind = 'error-before'\nstatus = 503\nretry_after = '40'\nmethod = 'POST'", 0),
        ("kind = 'error-before'\nstatus = 500\nmethod = 'POST'\nfrom = 20", 18),
        ("kind = 'html-before'\nstatus = 502\nmethod = 'POST'", 0),
    ] {
        in_paused_time(async {
            let scenario = Scenario::new(with_guests(10, 1, 90), &format!("[[fault]]\n{fault}"));
            let (finished, time) = scenario.import(&settings).await;
            let stopped = finished.stopped.as_ref().unwrap();
            assert!(stopped.contains("the server has refused every request"), "{fault:?}: {stopped}");
            // Rows whose lookup is pending when the run stops are in doubt.
            assert_eq!((finished.count("failed"), finished.count("exists")), (0, 0), "{fault:?}");
            assert!(finished.count("created") >= least_created, "{fault:?}");
            assert!(time < settings.max_wait + Duration::from_mins(1), "{fault:?}: {time:?}");
            let requests = scenario.server.log().len();
            assert!(requests < 1000, "{fault:?}: {requests} requests");
            scenario.server.heal();
            scenario.complete(&settings).await;
        });
    }
}

#[test]
fn creates_that_are_applied_delay_nothing_although_no_answer_ever_says_so() {
    for (kind, concurrency) in [("error-after", 16), ("error-after", 64), ("drop-after", 16)] {
        in_paused_time(async {
            let scenario = Scenario::new(good(300), &format!("[[fault]]\nkind = '{kind}'\nmethod = 'POST'"));
            let time = scenario.complete(&Settings { concurrency, ..Settings::default() }).await;
            // A create and a lookup for each row take a minute at the rate.
            assert!(time < Duration::from_mins(3), "{kind}, {concurrency}: {time:?}");
        });
    }
}

#[test]
fn when_others_use_the_token_the_remaining_requests_are_respected() {
    in_paused_time(async {
        let scenario = Scenario::new(good(ROWS), &script("others-use-the-token.toml"));
        let time = scenario.complete(&Settings::default()).await;
        let refusals = scenario.server.tally(|tally| tally.refusals);
        // Bursts of others come without notice: one that fills the limit makes our next request one too many.
        assert!(refusals * 100 <= ROWS as u64, "{refusals} refused");
        // Others send 300 requests and we send 500; the first 600 find the window empty.
        assert!(time < Duration::from_mins(3), "{time:?}");
    });
}
