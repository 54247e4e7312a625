//! How much of a limit is used, and how much is refused, against servers that count in their own ways: in paused time, so
//! that hours take seconds and come out the same each time.
//!
//! `cargo bench --bench pace`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark that cannot go on ends, and prints its table"
)]

#[path = "../tests/limits/mod.rs"]
mod limits;

use std::time::Duration;

use limits::client::{Shared, send};
use limits::server::Kind;
use limits::{Ways, ms};

const WAYS: [(&str, Ways); 3] = [
    ("50 ms", Ways::Constant(ms(25))),
    ("30 to 70 ms", Ways::Uniform(ms(15), ms(35))),
    ("heavy-tailed, up to 30 s", Ways::HeavyTailed(ms(15), Duration::from_secs(15))),
];

/// The outcome.
struct Outcome {
    /// Percent of the requests that the limit allows in the time.
    used: f64,
    /// Parts of a hundred of the requests.
    refused: f64,
}

/// Sends for these times, each in a process of its own, at this many requests in a period.
#[expect(clippy::cast_precision_loss, reason = "a part needs no more than 52 bits")]
fn measure(kind: Kind, rate: (usize, Duration), ways: Ways, speed: &str, times: &[Duration]) -> Outcome {
    let folder = tempfile::tempdir().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = Shared::new(kind, rate, ways, 7);
        for time in times {
            send(&world, speed, 64, folder.path(), *time).await;
        }
        world.with(|world| {
            let time: Duration = times.iter().sum();
            let allowed = rate.0 as f64 * time.as_secs_f64() / rate.1.as_secs_f64();
            let (taken, refused) = (world.taken.len() as f64, world.refused as f64);
            Outcome { used: 100.0 * taken / allowed, refused: 100.0 * refused / (taken + refused) }
        })
    })
}

fn print(what: &str, outcome: &Outcome) {
    println!("| {what:<66} | {:>6.1} | {:>7.2} |", outcome.used, outcome.refused);
}

fn main() {
    // `cargo test --benches` only wants to know that it builds.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    println!("| {:<66} | {:>6} | {:>7} |\n|{:-<68}|{:-<8}|{:-<9}|", "of 100 parts", "used", "refused", "", "", "");
    let minute = (600, Duration::from_mins(1));
    for kind in [Kind::Rolling, Kind::Fixed, Kind::Leaky] {
        for (latency, ways) in WAYS {
            let outcome = measure(kind, minute, ways, "600/min", &[Duration::from_hours(1)]);
            print(&format!("600/min, known; {kind}; {latency}; an hour"), &outcome);
        }
    }
    let restarts = [Duration::from_mins(3), Duration::from_mins(1), Duration::from_mins(6)];
    let outcome = measure(Kind::Rolling, minute, WAYS[1].1, "600/min", &restarts);
    print("600/min, known; rolling window; 30 to 70 ms; killed twice in 10 min", &outcome);
    for most in [20, 50, 100, 200, 500] {
        for kind in [Kind::Rolling, Kind::Fixed, Kind::Leaky] {
            let outcome = measure(kind, (most, ms(1000)), WAYS[1].1, "auto", &[Duration::from_secs(30)]);
            print(&format!("{most}/s, hidden; {kind}; 30 to 70 ms; the first 30 s"), &outcome);
        }
    }
    let outcome = measure(Kind::Rolling, minute, WAYS[1].1, "auto", &[Duration::from_mins(10)]);
    print("600/min, hidden; rolling window; 30 to 70 ms; the first 10 min", &outcome);
    let restart = [Duration::from_mins(3), Duration::from_mins(10)];
    let outcome = measure(Kind::Rolling, minute, WAYS[1].1, "auto", &restart);
    print("the same, killed once, 13 min", &outcome);
}
