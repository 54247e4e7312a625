//! Seeded random storms: faults before and after the commit, slow ways, lagging lists, limits, unique and not-unique names,
//! kills and interruptions. Each ends with a healed server, and must have converged by then.
//!
//! `cargo test --test storms` plays 300; `cargo test --test storms -- --seeds 100000` plays more, `-- --seed 17` one.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this program is its own test harness")]

mod storm;

use std::collections::HashSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use storm::life::{End, Habits, Left, Place, live};
use storm::oracle::{self, History};
use storm::rows::{Sheet, sheet};
use storm::world::{Shared, Ways};
use storm::{folder, in_paused_time};
use tallyfy_groups::model::Status;
use tallyfy_groups::sandbox::{FaultScript, Options, RequestRate};

/// How many storms are played unless told otherwise.
const SEEDS: u64 = 300;
/// The most lives under a healed sky: the first may have to wait out what is still under way.
const HEALED_LIVES: usize = 3;

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
    match (value("--seed"), value("--seeds")) {
        (Some(seed), _) => {
            tell(seed, true);
            ExitCode::SUCCESS
        }
        (None, seeds) => play(seeds.unwrap_or(SEEDS)),
    }
}

/// Plays the seeds from 0 on, on all cores.
fn play(seeds: u64) -> ExitCode {
    assert_eq!(tell(1, false), tell(1, false), "the same seed brings the same storm");
    std::panic::set_hook(Box::new(|_| {}));
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return;
            }
            if let Err(panic) = catch_unwind(AssertUnwindSafe(|| tell(seed, false))) {
                failed.fetch_add(1, Ordering::Relaxed);
                let why = panic.downcast_ref::<String>().map(String::as_str);
                let why = why.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
                eprintln!("seed {seed}: {why}\n  replay it: cargo test --test storms -- --seed {seed}");
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    let failed = failed.into_inner();
    println!("storms: {} of {seeds} converged", seeds - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// One storm from its first cloud to its end; gives every request that arrived.
fn tell(seed: u64, is_loud: bool) -> Vec<String> {
    let mut dice = StdRng::seed_from_u64(seed);
    let count = dice.random_range(1..40);
    let sheet = sheet(&mut dice, count);
    let options = options(&mut dice);
    // Where the server keeps names apart, groups may come and show far later than a client can wait for.
    let is_far = options.unique_names && dice.random_bool(0.4);
    let storm = Storm::draw(&mut dice, is_far);
    let ways = Ways {
        usual: Duration::from_millis(dice.random_range(0..60)),
        // Unless it is far, less than the time for which a group must be absent, with the longest lag.
        longest: Duration::from_millis(dice.random_range(0..if is_far { 12_000 } else { 2000 })),
        tail: dice.random_range(0.0..0.1),
    };
    let habits = habits(&mut dice, seed);
    let ends: Vec<End> = (0..dice.random_range(0..5)).map(|_| end(&mut dice)).collect();
    if is_loud {
        println!(
            "{}{}\nunique names: {}\nrate: {:?}\n{ways:?}\n{habits:?}\n{ends:?}",
            storm.faults, storm.halts, options.unique_names, options.rate
        );
    }
    let folder = folder();
    fs::write(folder.path().join("groups.csv"), &sheet.csv).unwrap();
    let place = Place { folder: folder.path(), file: "groups.csv" };
    in_paused_time(async {
        let world = Shared::new(&options, storm.weather(true), ways, seed);
        let judged = Story { sheet, place, world: world.clone(), habits, storm, is_far }.weather_it(&ends).await;
        let log = world.with(|world| std::mem::take(&mut world.log));
        if is_loud {
            println!("{}", log.join("\n"));
        }
        if let Err(why) = judged {
            panic!("{why}");
        }
        log
    })
}

struct Story<'a> {
    sheet: Sheet,
    place: Place<'a>,
    world: Shared,
    habits: Habits,
    storm: Storm,
    is_far: bool,
}

impl Story<'_> {
    async fn live(&self, habits: &Habits, end: End) -> Option<Left> {
        live(&self.place, &self.world, habits, end).await
    }

    /// The names of all groups there are.
    fn names(&self) -> HashSet<String> {
        self.world.with(|world| world.simulation.groups().map(|group| group.name.clone()).collect())
    }

    fn posts(&self) -> u32 {
        self.world.with(|world| world.simulation.tally().all_posts().map(|(_, count)| count).sum())
    }

    /// Lives through the storm, and then under a healed sky, until every good row has its group.
    async fn weather_it(&self, ends: &[End]) -> Result<(), String> {
        let mut history = History::default();
        let mut left = None;
        for end in ends {
            left = self.live(&self.habits, *end).await;
            // The token was renewed meanwhile.
            self.world.with(|world| world.simulation.set_faults(self.storm.weather(false)));
            if left.as_ref().is_some_and(Left::is_over) {
                break;
            }
        }
        self.world.with(|world| world.simulation.heal());
        let patient = Habits { attempts_max: 8, ..self.habits };
        for _ in 0..HEALED_LIVES {
            if left.as_ref().is_some_and(Left::is_complete) {
                break;
            }
            if left.as_ref().is_some_and(Left::is_over) {
                history = History { names: self.names(), is_blurred: self.is_far };
            }
            left = self.live(&patient, End::Natural).await;
        }
        let left = left.ok_or("the last life was cut short")?;
        oracle::judge(&self.sheet, &left.accounts, &history, &self.world)?;
        if self.is_far {
            tokio::time::sleep(Duration::from_secs(30)).await;
        } else if let Some(breach) = self.world.with(|world| world.breaches.pop()) {
            return Err(breach);
        }
        let posts = self.posts();
        let again = self.live(&patient, End::Natural).await.unwrap();
        let (posts_again, exist) = (self.posts(), again.count(Status::Exists));
        if (posts_again, exist) != (posts, self.sheet.good().count()) {
            return Err(format!("a second import sent {} rows and found {exist}", posts_again - posts));
        }
        Ok(())
    }
}

/// The faults of a storm, as scripts.
struct Storm {
    faults: String,
    /// Those that stop the client: a token that dies, a permission that is gone.
    halts: String,
}

const KINDS: [&str; 16] = [
    "refuse",
    "drop-before",
    "drop-after",
    "hang-before",
    "hang-after",
    "error-before",
    "error-after",
    "html-before",
    "html-after",
    "too-many",
    "cut",
    "empty",
    "foreign",
    "endless",
    "slow",
    "lag",
];

impl Storm {
    fn draw(dice: &mut StdRng, is_far: bool) -> Self {
        let faults = (0..dice.random_range(0..8)).map(|_| fault(dice, is_far)).collect();
        let at = dice.random_range(1..60);
        let halts = match dice.random_range(0..8) {
            0 => format!("[[fault]]\nkind = 'token-dies'\nat = [{at}]\n"),
            1 => format!("[[fault]]\nkind = 'error-before'\nstatus = 403\nat = [{at}]\n"),
            2 => format!("[[fault]]\nkind = 'guest-cap'\nper_hour = {at}\n"),
            3 => {
                format!("[[fault]]\nkind = 'guest-cap'\nper_hour = {}\npartial = true\nretry_after = '{at}'\n", at % 4)
            }
            _ => String::new(),
        };
        Self { faults, halts }
    }

    fn weather(&self, has_halts: bool) -> FaultScript {
        let halts = if has_halts { self.halts.as_str() } else { "" };
        FaultScript::parse(&format!("{halts}{}", self.faults)).unwrap()
    }
}

fn fault(dice: &mut StdRng, is_far: bool) -> String {
    let kind = *KINDS.choose(dice).unwrap();
    let method = *["method = 'POST'\n", "method = 'POST'\n", "method = 'GET'\n", ""].choose(dice).unwrap();
    let status = |dice: &mut StdRng, all: &[u16]| format!("status = {}\n", all.choose(dice).unwrap());
    let own = match kind {
        "error-before" | "error-after" => status(dice, &[408, 500, 502, 503, 504]),
        "html-before" | "html-after" => status(dice, &[200, 500, 502, 503, 504]),
        "too-many" => format!("retry_after = '{}'\n", dice.random_range(0..4)),
        // Some take longer than the client waits.
        "slow" => format!("millis = {}\n", dice.random_range(0..4000)),
        "lag" => format!("millis = {}\n", dice.random_range(0..if is_far { 15_000 } else { 3500 })),
        _ => String::new(),
    };
    let most = if kind == "lag" { 100.0 } else { 15.0 };
    format!("[[fault]]\nkind = '{kind}'\n{method}{own}percent = {:.1}\n", dice.random_range(0.5..most))
}

fn options(dice: &mut StdRng) -> Options {
    let rates = [None, None, Some((10, 1)), Some((600, 60)), Some((5, 1))];
    let rate = rates.choose(dice).unwrap();
    let rate = rate.map(|(requests, seconds)| RequestRate { requests, period: Duration::from_secs(seconds) });
    Options { unique_names: dice.random_bool(0.5), rate, seed: dice.random(), ..Options::default() }
}

fn habits(dice: &mut StdRng, seed: u64) -> Habits {
    let rate = *["none", "600/min", "10/s", "50/s", "auto"].choose(dice).unwrap();
    Habits {
        speed: tallyfy_groups::send::Speed::parse(rate).unwrap(),
        lanes: dice.random_range(1..=16),
        timeout: Duration::from_secs(3),
        attempts_max: *[8, 8, 3, 1].choose(dice).unwrap(),
        settle: Duration::from_secs(6),
        guest_rate: [None, None, None, tallyfy_groups::send::Rate::parse("2/5s").ok()].choose(dice).copied().flatten(),
        seed,
        ..Habits::default()
    }
}

fn end(dice: &mut StdRng) -> End {
    let after = Duration::from_millis(dice.random_range(0..12_000));
    match dice.random_range(0..4) {
        0 => End::Natural,
        1 => End::Interrupted(after),
        _ => End::Killed(after),
    }
}
