//! How fast a whole import is, beside a bare loop of reqwest over the same rows, and how much memory it takes.
//!
//! `cargo bench --bench import [-- ROWS]` measures; speed is judged by people, but every row must be created exactly once.
//! `cargo bench --bench import -- serve` only serves, for a profiler beside it.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on ends")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it measures is for the terminal")]

mod support;

use std::process::ExitCode;
use std::time::Duration;

use support::run::{Size, first, run};
use support::server::{SERVE, Server, serve};
use support::table::Line;
use support::whole::{PHASES, Taken};
use support::{bare, rows, table, whole};

/// Requests in flight.
const LANES: usize = 64;
const SIZE: Size = Size { rows: 100_000, tried: 1000, rounds: 3 };

/// What was measured, once a round.
#[derive(Default)]
struct Rounds {
    bare: Vec<Duration>,
    whole: Vec<Taken>,
}

fn main() -> ExitCode {
    if first().is_some_and(|first| first == SERVE) {
        serve().expect("loopback can be served");
        return ExitCode::SUCCESS;
    }
    run(&SIZE, measure, print)
}

/// The bare loop and the whole import, alternately.
fn measure(count: usize, rounds: usize) -> Result<Rounds, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groups.csv");
    let rows: Vec<_> = rows::rows(count).collect();
    rows::write_csv(&rows, &file);
    let bodies = rows::bodies(&rows);
    drop(rows);
    let server = Server::start();
    let mut measured = Rounds::default();
    for round in 0..rounds {
        measured.bare.push(counted(&server, count, || Ok(bare::send(server.address, bodies.clone(), LANES)))?);
        let out = folder.path().join(format!("out-{round}"));
        measured.whole.push(counted(&server, count, || whole::import(server.address, &file, &out, LANES))?);
        let created = whole::created(&out.join("groups.results.csv"));
        if created != count as u64 {
            return Err(format!("the results say that {created} of {count} groups were created"));
        }
    }
    Ok(measured)
}

/// Does something that must make exactly `count` POSTs.
fn counted<T>(server: &Server, count: usize, work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    let before = server.posts();
    let done = work()?;
    let posts = server.posts() - before;
    if posts == count as u64 { Ok(done) } else { Err(format!("{posts} POSTs arrived for {count} rows")) }
}

#[expect(clippy::cast_precision_loss, reason = "a number of rows needs no more than 52 bits")]
fn print(count: usize, measured: &Rounds) {
    let speed = |time: &Duration| count as f64 / time.as_secs_f64();
    let bare: Vec<f64> = measured.bare.iter().map(speed).collect();
    let whole: Vec<f64> = measured.whole.iter().map(|taken| speed(&taken.time)).collect();
    let ratios = whole.iter().zip(&bare).map(|(whole, bare)| whole / bare * 100.0);
    let mut lines = vec![
        Line::new("bare reqwest loop, creates/s", 0, bare.iter().copied()),
        Line::new("whole import, creates/s", 0, whole.iter().copied()),
        Line::new("  of the bare loop, %", 1, ratios),
        Line::new("  seconds", 2, measured.whole.iter().map(|taken| taken.time.as_secs_f64())),
    ];
    for (index, phase) in PHASES.into_iter().enumerate() {
        lines.push(Line::new(&format!("    {phase}"), 2, measured.whole.iter().map(|taken| taken.phases[index])));
    }
    let peaks = measured.whole.iter().filter_map(|taken| taken.peak_kib).map(|kib| kib / 1024.0);
    lines.push(Line::new("  peak memory, MiB", 1, peaks));
    println!("{count} rows, {LANES} requests in flight, a server that costs nothing");
    table::print(measured.bare.len(), &lines);
}
