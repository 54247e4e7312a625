//! Storms: seeded random faults, delays, lagging lists, limits, kills and interruptions. When the faults end, an import and a sync
//! must converge: every good row has its group exactly once, as its row says.
//!
//! `cargo test --test storms` plays 300; `cargo test --test storms -- --seeds 100000` plays more, `-- --seed 17` one of an import,
//! `-- --sync-seed 17` one of a sync, and `-- --night-seed 17` nights without faults; `-- --only sync --seeds 10000` plays only storms
//! of a sync, and `-- --only night` only nights.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program is its own test harness")]

mod kit;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use kit::check::{Before, check};
use kit::faults::fault;
use kit::rows::{Sheet, sheet};
use kit::{End, Finished, Network, Server, Settings, Workspace, import, import_to_end, in_paused_time};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use tallyfy_groups::sandbox::{Options, RequestRate};

/// How many storms are played by default.
const SEEDS: u64 = 300;
/// What is played, the flag that replays one, and how many of the seeds are played: one in this many.
const STORMS: [Storming; 3] = [("--seed", play, 1), ("--sync-seed", sync_storm, 3), ("--night-seed", nights, 3)];

type Storming = (&'static str, fn(u64, bool) -> Vec<String>, u64);

/// The most imports after the faults end: the first may have to wait for requests that are still on their way.
const FINAL_IMPORTS: usize = 3;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let value = |flag: &str| {
        let at = words.iter().position(|word| word == flag)?;
        Some(words.get(at + 1)?.parse::<u64>().unwrap_or_else(|_| panic!("{flag} takes a number")))
    };
    if words.iter().any(|word| word == "--list") {
        println!("storms: test");
        return ExitCode::SUCCESS;
    }
    for (flag, storm, _) in STORMS {
        if let Some(seed) = value(flag) {
            storm(seed, true);
            return ExitCode::SUCCESS;
        }
    }
    let only = words.iter().position(|word| word == "--only").and_then(|at| words.get(at + 1));
    let only = only.map(|only| format!("--{only}-seed"));
    let is_wanted = |(flag, ..): &Storming| only.as_ref().is_none_or(|only| flag == only);
    let storms = STORMS.into_iter().filter(is_wanted);
    let storms = storms.map(|(flag, storm, share)| (flag, storm, if only.is_some() { 1 } else { share }));
    play_all(value("--seeds").unwrap_or(SEEDS), &storms.collect::<Vec<_>>())
}

/// Plays the seeds from 0 on, on all cores.
fn play_all(seeds: u64, storms: &[Storming]) -> ExitCode {
    assert_eq!(play(1, false), play(1, false), "the same seed gives the same storm");
    std::panic::set_hook(Box::new(|_| {}));
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            for (flag, storm, _) in storms.iter().filter(|(.., share)| seed.is_multiple_of(*share)) {
                let Err(panic) = catch_unwind(|| storm(seed, false)) else { continue };
                failed.fetch_add(1, Ordering::Relaxed);
                let why = panic.downcast_ref::<String>().map(String::as_str);
                let why = why.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without a message");
                eprintln!("seed {seed}: {why}\n  replay it: cargo test --test storms -- {flag} {seed}");
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner();
    let played: u64 = storms.iter().map(|(.., share)| seeds.div_ceil(*share)).sum();
    println!("storms: {} of {played} converged", played - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays one storm of a sync; returns the server's log.
fn sync_storm(seed: u64, is_verbose: bool) -> Vec<String> {
    let (log, result) = kit::sync_storm::storm(seed);
    if is_verbose {
        println!("{}", log.join("\n"));
    }
    result.unwrap_or_else(|why| panic!("{why}"));
    log
}

/// Plays nights of syncs without faults, with edits by others; each night keeps its promises.
fn nights(seed: u64, _: bool) -> Vec<String> {
    kit::nights::play(seed).unwrap_or_else(|why| panic!("{why}"));
    Vec::new()
}

/// Plays one storm of an import; returns the server's log.
fn play(seed: u64, is_verbose: bool) -> Vec<String> {
    let mut rng = StdRng::seed_from_u64(seed);
    let count = rng.random_range(1..40);
    let sheet = sheet(&mut rng, count);
    let options = options(&mut rng);
    // Where the server keeps names unique, requests may arrive and lists may lag far longer than a client can wait.
    let is_far = !options.allow_same_names && rng.random_bool(0.4);
    let faults = Faults::draw(&mut rng, is_far);
    let network = Network {
        usual: Duration::from_millis(rng.random_range(0..60)),
        // Unless the server is far: together with the longest lag, less than the time for which a group must be absent.
        longest: Duration::from_millis(rng.random_range(0..if is_far { 12_000 } else { 2000 })),
        tail: rng.random_range(0.0..0.1),
    };
    let settings = settings(&mut rng, seed);
    let ends: Vec<End> = (0..rng.random_range(0..5)).map(|_| end(&mut rng)).collect();
    if is_verbose {
        println!(
            "{}{}\nunique names: {}\nrate: {:?}\n{network:?}\n{settings:?}\n{ends:?}",
            faults.lasting, faults.first, !options.allow_same_names, options.rate
        );
    }
    let workspace = Workspace::new(&sheet.csv);
    in_paused_time(async {
        let server = Server::new(&options, &format!("{}{}", faults.first, faults.lasting), network, seed);
        let storm = Storm { sheet, workspace, server: server.clone(), settings, faults, is_far };
        let result = storm.play(&ends).await;
        if is_verbose {
            println!("{}", server.log().join("\n"));
        }
        if let Err(why) = result {
            panic!("{why}");
        }
        server.log()
    })
}

struct Storm {
    sheet: Sheet,
    workspace: Workspace,
    server: Server,
    settings: Settings,
    faults: Faults,
    is_far: bool,
}

impl Storm {
    /// Imports under faults, then without, until every good row has its group.
    async fn play(&self, ends: &[End]) -> Result<(), String> {
        let (workspace, server) = (&self.workspace, &self.server);
        let mut before = Before::default();
        let mut last = None;
        for end in ends {
            last = import(workspace, server, &self.settings, *end).await;
            server.set_faults(&self.faults.lasting);
            if last.as_ref().is_some_and(Finished::is_settled) {
                break;
            }
        }
        server.heal();
        let settings = Settings { max_attempts: 8, ..self.settings };
        for _ in 0..FINAL_IMPORTS {
            if last.as_ref().is_some_and(Finished::is_complete) {
                break;
            }
            if last.as_ref().is_some_and(Finished::is_settled) {
                before = Before { names: server.names(), is_uncertain: self.is_far };
            }
            last = Some(import_to_end(workspace, server, &settings).await);
        }
        check(&self.sheet, &last.ok_or("the last import was killed")?, &before, server)?;
        if self.is_far {
            tokio::time::sleep(Duration::from_secs(30)).await;
        } else if let Some(violation) = server.violation() {
            return Err(violation);
        }
        let posts = server.all_posts();
        let exist = import_to_end(workspace, server, &settings).await.count("exists");
        let posts_again = server.all_posts() - posts;
        if (posts_again, exist) != (0, self.sheet.good().count()) {
            return Err(format!("a second import sent {posts_again} rows and found {exist}"));
        }
        Ok(())
    }
}

/// The faults of a storm, as scripts.
struct Faults {
    /// Of the first import only: a token that dies, one row that is refused, a cap on guests.
    first: String,
    lasting: String,
}

const METHODS: [&str; 4] = ["POST", "POST", "GET", ""];

impl Faults {
    fn draw(rng: &mut StdRng, is_far: bool) -> Self {
        let lag = if is_far { 15_000 } else { 3500 };
        let lasting = (0..rng.random_range(0..8)).map(|_| fault(rng, &METHODS, 15.0, lag)).collect();
        let at = rng.random_range(1..60);
        let first = match rng.random_range(0..8) {
            0 => format!("[[fault]]\nkind = 'token-dies'\nat = [{at}]\n"),
            1 => format!("[[fault]]\nkind = 'error-before'\nstatus = 403\nat = [{at}]\n"),
            2 => format!("[[fault]]\nkind = 'guest-cap'\nper_hour = {at}\n"),
            3 => {
                format!("[[fault]]\nkind = 'guest-cap'\nper_hour = {}\npartial = true\nretry_after = '{at}'\n", at % 4)
            }
            _ => String::new(),
        };
        Self { first, lasting }
    }
}

fn options(rng: &mut StdRng) -> Options {
    let rates = [None, None, Some((10, 1)), Some((600, 60)), Some((5, 1))];
    let rate = rates.choose(rng).unwrap();
    let rate = rate.map(|(requests, seconds)| RequestRate { requests, period: Duration::from_secs(seconds) });
    Options { allow_same_names: rng.random_bool(0.5), rate, seed: rng.random(), ..Options::default() }
}

fn settings(rng: &mut StdRng, seed: u64) -> Settings {
    let rate = *["none", "600/min", "10/s", "50/s", "auto"].choose(rng).unwrap();
    Settings {
        rate,
        concurrency: rng.random_range(1..=16),
        timeout: Duration::from_secs(3),
        max_attempts: *[8, 8, 3, 1].choose(rng).unwrap(),
        settle: Duration::from_secs(6),
        guest_rate: [None, None, None, Some("2/5s")].choose(rng).copied().flatten(),
        seed,
        ..Settings::default()
    }
}

fn end(rng: &mut StdRng) -> End {
    let after = Duration::from_millis(rng.random_range(0..12_000));
    match rng.random_range(0..4) {
        0 => End::Natural,
        1 => End::Interrupted(after),
        _ => End::Killed(after),
    }
}
