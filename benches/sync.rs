//! How long a sync takes to plan beside reading the list of groups, how much memory it takes, and whether its forecast is right.
//!
//! `cargo bench --bench sync [-- GROUPS]` measures. The organization is the product's own sandbox, in a process of its own.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on ends")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it measures is for the terminal")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use serde_json::Value;
use support::run::{Size, run};
use support::table::{self, Line};
use support::whole::watch;

const SIZE: Size = Size { rows: 50_000, tried: 300, rounds: 3 };
/// The groups that a round changes.
const CHANGED: usize = 100;

/// What was measured, once a round.
#[derive(Default)]
struct Rounds {
    list: Vec<f64>,
    plan: Vec<f64>,
    peak_mib: Vec<f64>,
    /// The requests that the plan forecast, and those that were sent for it.
    requests: Vec<[f64; 2]>,
}

fn main() -> ExitCode {
    run(&SIZE, measure, print)
}

fn measure(count: usize, rounds: usize) -> Result<Rounds, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(env!("CARGO_BIN_EXE_tallyfy-groups"))
        .args(["sandbox", "--port", "0", "--rate", "none", "--users", "9000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let measured = measured(&mut server, folder.path(), count, rounds);
    let _ = server.kill();
    server.wait().unwrap();
    measured
}

fn measured(server: &mut Child, folder: &Path, count: usize, rounds: usize) -> Result<Rounds, String> {
    let address = BufReader::new(server.stdout.take().unwrap()).lines().next().ok_or("the sandbox says nothing")?;
    let address = address.unwrap().trim().to_owned();
    let command = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tallyfy-groups"));
        command.args(arguments).args(["--rate", "none", "--org", "bench", "--base-url", &address]);
        command.env("TALLYFY_API_TOKEN", "bench-token-of-the-bench").env_remove("RUST_LOG").current_dir(folder);
        command
    };
    let json = |arguments: &[&str]| -> Result<Value, String> {
        let output = command(arguments).output().unwrap();
        let read = serde_json::from_slice(&output.stdout);
        read.map_err(|_| format!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr)))
    };
    write(folder, count, 0);
    let sync = ["sync", "groups.csv", "--yes", "--json"];
    let first = json(&sync)?;
    if first["statuses"]["created"] != count {
        return Err(format!("not all groups were created: {first}"));
    }
    let mut measured = Rounds::default();
    for round in 1..=rounds {
        let unchanged = json(&sync)?["requests"].as_f64().unwrap();
        write(folder, count, round);
        let start = Instant::now();
        let is_success = command(&["export", "--out", "all.csv"]).status().unwrap().success();
        measured.list.push(start.elapsed().as_secs_f64());
        let start = Instant::now();
        let dry_run = ["sync", "groups.csv", "--dry-run", "--progress", "none"];
        let mut process = command(&dry_run).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let (peak_kib, is_planned) = watch(&mut process);
        measured.plan.push(start.elapsed().as_secs_f64());
        measured.peak_mib.extend(peak_kib.map(|kib| kib / 1024.0));
        if !is_success || !is_planned {
            return Err("the groups cannot be listed or planned".to_owned());
        }
        let plan = json(&["sync", "groups.csv", "--dry-run", "--json"])?;
        let done = json(&sync)?;
        let changed = CHANGED.min(count);
        if plan["counts"]["update"] != changed || done["statuses"]["updated"] != changed {
            return Err(format!("not {changed} groups were changed: {done}"));
        }
        let sent = done["requests"].as_f64().unwrap() - unchanged;
        measured.requests.push([plan["forecast"]["requests"].as_f64().unwrap(), sent]);
    }
    Ok(measured)
}

/// The file of a round, in which the first groups have another description.
fn write(folder: &Path, count: usize, round: usize) {
    let mut text = "key,name,description,members\n".to_owned();
    for group in 0..count {
        let round = if group < CHANGED { round } else { 0 };
        let member = 1001 + group % 9000;
        writeln!(text, "K{group},Group {group},of round {round},{member};{}", 1001 + (group + 1) % 9000).unwrap();
    }
    fs::write(folder.join("groups.csv"), text).unwrap();
}

fn print(count: usize, measured: &Rounds) {
    let beside = measured.plan.iter().zip(&measured.list).map(|(plan, list)| plan - list);
    let ratios = measured.plan.iter().zip(&measured.list).map(|(plan, list)| plan / list * 100.0);
    let lines = [
        Line::new("list of all groups (export), seconds", 2, measured.list.iter().copied()),
        Line::new("sync --dry-run, seconds", 2, measured.plan.iter().copied()),
        Line::new("  of the list, %", 0, ratios),
        Line::new("  beside the list, seconds", 2, beside),
        Line::new("  peak memory, MiB", 1, measured.peak_mib.iter().copied()),
        Line::new("requests, forecast", 0, measured.requests.iter().map(|[forecast, _]| *forecast)),
        Line::new("requests, sent for the changes", 0, measured.requests.iter().map(|[_, sent]| *sent)),
    ];
    println!("{count} owned groups, {CHANGED} of them changed");
    table::print(measured.list.len(), &lines);
}
