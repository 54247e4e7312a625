//! One group a row, whatever the weather: the scripts of `tests/weather/`, in paused time.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod storm;

use std::fs;
use std::path::Path;
use std::time::Duration;

use storm::life::{End, Habits, Left, Place, live};
use storm::oracle::{self, History};
use storm::rows::{good, with_guests};
use storm::world::{ORG, Shared, Ways, request};
use storm::{folder, in_paused_time};
use tallyfy_groups::model::{Halt, Standing, Status};
use tallyfy_groups::sandbox::{FaultScript, Options};
use tallyfy_groups::send::Speed;
use tallyfy_groups::tallyfy::{Call, Method};
use tokio::time::Instant;

/// How many rows go through each weather.
const ROWS: usize = 500;
/// How many of them bring guests; they come first.
const INVITING: usize = 60;

fn weather(name: &str) -> FaultScript {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weather").join(name);
    let weather = FaultScript::parse(&fs::read_to_string(&path).unwrap()).unwrap();
    assert!(weather.about().is_some_and(|about| about.len() > 40), "{name} says what it is");
    weather
}

/// Imports under a weather, with the same command again as long as it leaves rows open; gives how many commands it took.
#[track_caller]
fn weathered(name: &str, habits: &Habits, unique_names: bool, lives_max: usize) -> usize {
    let (sheet, folder) = (with_guests(INVITING, 2, ROWS - INVITING), folder());
    fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    in_paused_time(async {
        let options = Options { unique_names, seed: 3, ..Options::default() };
        let ways = Ways { usual: Duration::from_millis(300), longest: Duration::from_secs(2), tail: 0.02 };
        let world = Shared::new(&options, weather(name), ways, 3);
        for lives in 1..=lives_max {
            let left = live(&place, &world, habits, End::Natural).await.unwrap();
            if !left.is_complete() {
                let open = left.accounts.iter().find(|account| account.status.is_open());
                assert!(lives < lives_max, "{name}, unique names {unique_names}: {open:?}");
                continue;
            }
            oracle::judge(&sheet, &left.accounts, &History::default(), &world).unwrap();
            assert_eq!(left.count(Status::Created), ROWS);
            return lives;
        }
        unreachable!()
    })
}

#[test]
fn every_weather_ends_with_every_row_created_once_by_one_command() {
    let mut names: Vec<String> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/weather"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != FOR_MINUTES)
        .collect();
    names.sort();
    assert!(names.len() >= 6, "{names:?}");
    for name in names {
        for unique_names in [true, false] {
            assert_eq!(weathered(&name, &Habits::default(), unique_names, 1), 1);
        }
    }
}

#[test]
fn a_limit_that_changes_lies_or_vanishes_is_lived_through_by_whoever_looks_for_it_too() {
    let habits = Habits { speed: Speed::Auto, ..Habits::default() };
    for name in ["the-limit-changes", "the-limit-lies", "the-limit-vanishes", "others-use-the-token", "throttled"] {
        weathered(&format!("{name}.toml"), &habits, true, 1);
    }
}

/// The one that no client can wait for.
const FOR_MINUTES: &str = "lists-lag-for-minutes.toml";

#[test]
fn a_name_that_is_taken_after_a_send_of_ours_is_ours_however_late_lists_show_it() {
    // What is unknown for want of a list is settled by the same command again, later.
    weathered(FOR_MINUTES, &Habits::default(), true, 20);
}

/// The searches and the pages of lists that a run asked for after all its sends hung and it was killed.
fn reads_after_a_kill(rows: usize, lanes: usize) -> (usize, usize) {
    let (sheet, folder) = (good(rows), folder());
    fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    in_paused_time(async {
        let hang = FaultScript::parse("[[fault]]\nkind = 'hang-before'\nmethod = 'POST'").unwrap();
        let world = Shared::new(&Options { groups: 250, ..Options::default() }, hang, Ways::NONE, 5);
        let habits = Habits { lanes, ..Habits::default() };
        live(&place, &world, &habits, End::Killed(Duration::from_secs(20))).await;
        world.with(|world| {
            world.log.clear();
            world.simulation.heal();
        });
        assert!(live(&place, &world, &habits, End::Natural).await.unwrap().is_complete());
        world.with(|world| {
            let count =
                |word: &str| world.log.iter().filter(|line| line.contains("GET") && line.contains(word)).count();
            (count("&q="), count("page=") - count("&q="))
        })
    })
}

#[test]
fn many_rows_in_doubt_are_looked_up_by_walks_and_few_by_a_search_each() {
    // Three pages of groups: one walk at the start, and three looks at what is in doubt.
    assert_eq!(reads_after_a_kill(100, 40), (0, 3 + 3 * 3));
    assert_eq!(reads_after_a_kill(2, 2), (3 * 2, 3));
}

#[test]
fn a_group_that_somebody_else_makes_after_a_kill_is_theirs_unless_its_row_was_under_way() {
    let sheet = with_guests(40, 1, 60);
    let names: Vec<&str> = sheet.good().collect();
    for millis in (2010..6000).step_by(190) {
        let folder = folder();
        fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
        let place = Place { folder: folder.path(), file: "groups.csv" };
        in_paused_time(async {
            let ways = Ways { usual: Duration::from_millis(80), longest: Duration::from_millis(80), tail: 0.0 };
            let world = Shared::new(&Options::default(), FaultScript::default(), ways, 5);
            live(&place, &world, &Habits::default(), End::Killed(Duration::from_millis(millis))).await;
            tokio::time::sleep(Duration::from_secs(1)).await;
            let ours = world.with(|world| {
                let ours: Vec<&str> =
                    names.iter().copied().filter(|name| world.simulation.tally().posts(name) > 0).collect();
                for name in names.iter().filter(|name| !ours.contains(name)) {
                    let body = serde_json::json!({ "name": name }).to_string();
                    let path = format!("/organizations/{ORG}/groups");
                    let theirs = request(Call { method: Method::Post, path, body: Some(body.into()) });
                    world.simulation.handle(&theirs, Duration::from_secs(30));
                }
                ours
            });
            let left = live(&place, &world, &Habits::default(), End::Natural).await.unwrap();
            let created = left.accounts.iter().filter(|account| account.status == Status::Created);
            let created: Vec<&str> = created.map(|account| account.name.as_str()).collect();
            // At most one had its intent on disk and was not under way yet.
            let foreign: Vec<_> = created.iter().filter(|name| !ours.contains(name)).collect();
            assert!(foreign.len() <= 1, "killed after {millis} ms: {foreign:?}");
            assert_eq!(left.count(Status::Exists) + created.len(), names.len());
        });
    }
}

/// Imports 500 rows over a server that goes down; gives how it ended, and after how long.
async fn outlived(place: &Place<'_>, world: &Shared, wait_max: Duration) -> (Left, Duration) {
    let start = Instant::now();
    let habits = Habits { wait_max, ..Habits::default() };
    let left = live(place, world, &habits, End::Natural).await.unwrap();
    (left, start.elapsed())
}

#[test]
fn a_server_that_is_down_is_asked_less_and_less_and_no_row_is_lost() {
    let (sheet, folder) = (good(ROWS), folder());
    fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    in_paused_time(async {
        let world = Shared::new(&Options::default(), weather("the-server-is-down.toml"), Ways::NONE, 3);
        let (left, took) = outlived(&place, &world, Duration::from_hours(2)).await;
        assert!(left.is_complete());
        // It takes a hundred requests to bring it back: at the full rate that would be ten seconds.
        assert!(took > Duration::from_mins(80), "{took:?}");
    });
}

#[test]
fn a_server_that_is_down_for_longer_than_max_wait_stops_the_run_with_its_state_kept() {
    let (sheet, folder) = (good(ROWS), folder());
    fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    in_paused_time(async {
        let down = FaultScript::parse("[[fault]]\nkind = 'html-before'\nstatus = 503\nfrom = 150").unwrap();
        let world = Shared::new(&Options::default(), down, Ways::NONE, 3);
        let (left, took) = outlived(&place, &world, Duration::from_mins(10)).await;
        assert!(matches!(left.halt, Some(Halt::Down { .. })), "{:?}", left.halt);
        assert!((600..640).contains(&took.as_secs()), "{took:?}");
        assert_eq!((left.count(Status::Created), left.count(Status::Failed)), (148, 0));
        world.with(|world| world.simulation.heal());
        let (left, _) = outlived(&place, &world, Duration::from_mins(10)).await;
        assert!(left.is_complete());
        oracle::judge(&sheet, &left.accounts, &History::default(), &world).unwrap();
    });
}

/// Imports 100 rows over a server whose weather turns so; gives how it ended, after how long, and how many requests.
fn refused(weather: &str, wait_max: Duration) -> (Left, Duration, usize) {
    let (sheet, folder) = (with_guests(10, 1, 90), folder());
    fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    in_paused_time(async {
        let world = Shared::new(&Options::default(), FaultScript::parse(weather).unwrap(), Ways::NONE, 3);
        let (left, took) = outlived(&place, &world, wait_max).await;
        let requests = world.with(|world| {
            world.simulation.heal();
            world.log.len()
        });
        let (then, _) = outlived(&place, &world, wait_max).await;
        assert!(then.is_complete());
        oracle::judge(&sheet, &then.accounts, &History::default(), &world).unwrap();
        (left, took, requests)
    })
}

#[test]
fn refusals_that_do_not_end_stop_the_run_after_max_wait_and_fail_no_row() {
    let wait_max = Duration::from_mins(30);
    for (weather, until) in [
        ("kind = 'too-many'\nretry_after = '1'", 0),
        ("kind = 'too-many'", 0),
        ("kind = 'too-many'\nretry_after = '1'\nmethod = 'POST'", 0),
        ("kind = 'too-many'\nmethod = 'POST'\nfrom = 50", 40),
        ("kind = 'error-before'\nstatus = 503\nmethod = 'POST'\nfrom = 20", 18),
        ("kind = 'error-before'\nstatus = 503\nretry_after = '40'\nmethod = 'POST'", 0),
        ("kind = 'error-before'\nstatus = 500\nmethod = 'POST'\nfrom = 20", 18),
        ("kind = 'html-before'\nstatus = 502\nmethod = 'POST'", 0),
    ] {
        let (left, took, requests) = refused(&format!("[[fault]]\n{weather}"), wait_max);
        assert!(matches!(left.halt, Some(Halt::Refusing { .. })), "{weather:?}: {:?}", left.halt);
        // What is still to be looked for when the run stops is in doubt.
        assert_eq!((left.count(Status::Failed), left.count(Status::Exists)), (0, 0), "{weather:?}");
        assert!(left.count(Status::Created) >= until, "{weather:?}");
        assert!(took < wait_max + Duration::from_mins(1), "{weather:?}: {took:?}");
        assert!(requests < 1000, "{weather:?}: {requests} requests");
    }
}

#[test]
fn creates_that_have_their_effect_hold_nothing_up_although_no_answer_ever_says_so() {
    for (kind, lanes) in [("error-after", 16), ("error-after", 64), ("drop-after", 16)] {
        let (sheet, folder) = (good(300), folder());
        fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
        let place = Place { folder: folder.path(), file: "groups.csv" };
        in_paused_time(async {
            let weather = FaultScript::parse(&format!("[[fault]]\nkind = '{kind}'\nmethod = 'POST'")).unwrap();
            let world = Shared::new(&Options::default(), weather, Ways::NONE, 3);
            let left = live(&place, &world, &Habits { lanes, ..Habits::default() }, End::Natural).await.unwrap();
            assert!(left.is_complete());
            oracle::judge(&sheet, &left.accounts, &History::default(), &world).unwrap();
            let took = world.elapsed();
            // A create and a look for each are a minute.
            assert!(took < Duration::from_mins(3), "{kind}, {lanes}: {took:?}");
        });
    }
}

#[test]
fn when_others_use_the_token_what_remains_is_heeded_before_anything_is_refused() {
    let (sheet, folder) = (good(ROWS), folder());
    fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    in_paused_time(async {
        let world = Shared::new(&Options::default(), weather("others-use-the-token.toml"), Ways::NONE, 3);
        let (left, took) = outlived(&place, &world, Duration::from_hours(2)).await;
        assert!(left.is_complete());
        let refusals = world.with(|world| world.simulation.tally().refusals());
        // Their bursts come without notice: one that fills the limit makes our next request one too many.
        assert!(refusals * 100 <= ROWS as u64, "{refusals} refused");
        // 300 of others and 500 of ours, of which the first 600 find the window empty.
        assert!(took < Duration::from_mins(3), "{took:?}");
    });
}
