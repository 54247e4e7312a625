//! The whole program: a process that reads a file, sends its rows, keeps its journal and writes its results.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often the memory of the process is looked at. The system keeps the peak: only what comes after the last look is missed.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// The log lines that end a phase; the last phase ends with the process.
const MARKS: [&str; 3] = ["read", "listed the organization's groups", "sent"];
/// The phases of an import, in their order.
pub(crate) const PHASES: [&str; 4] = ["read", "list", "send", "report"];

/// What one import took.
#[derive(Debug)]
pub(crate) struct Taken {
    /// From the spawn to the exit.
    pub(crate) time: Duration,
    /// The seconds of each phase.
    pub(crate) phases: [f64; PHASES.len()],
    /// The peak of its memory in KiB, where the system tells.
    pub(crate) peak_kib: Option<f64>,
}

/// Imports the file into the server, with everything it writes in `out`.
pub(crate) fn import(address: SocketAddr, file: &Path, out: &Path, lanes: usize) -> Result<Taken, String> {
    fs::create_dir_all(out).unwrap();
    let log = out.join("log");
    let start = Instant::now();
    let mut process = import_command(&format!("http://{address}"), out, file)
        .args(["--concurrency", &lanes.to_string()])
        .stderr(File::create(&log).unwrap())
        .spawn()
        .unwrap();
    let (peak_kib, is_success) = watch(&mut process);
    let time = start.elapsed();
    let log = fs::read_to_string(log).unwrap();
    if !is_success {
        return Err(format!("the import failed:\n{log}"));
    }
    Ok(Taken { time, phases: phases(&log, time)?, peak_kib })
}

fn import_command(base_url: &str, out: &Path, file: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallyfy-groups"));
    command
        .args(["-v", "import", "--rate", "none", "--progress", "none", "--org", "bench", "--base-url", base_url])
        .arg("--out-dir")
        .arg(out)
        .arg(file)
        .env("TALLYFY_API_TOKEN", "bench-token-of-the-bench")
        .env_remove("RUST_LOG")
        .stdout(Stdio::null());
    command
}

/// What one validation took.
#[derive(Debug)]
pub(crate) struct Validated {
    /// From the spawn to the exit.
    pub(crate) time: Duration,
    /// From the spawn to the first problem.
    pub(crate) first: Duration,
    /// The peak of its memory in KiB, where the system tells.
    pub(crate) peak_kib: Option<f64>,
}

/// Validates a file that has a problem: once for the time, and once more for the memory, as looking at it takes time.
pub(crate) fn validate(file: &Path) -> Result<Validated, String> {
    let start = Instant::now();
    let mut process = validation(file, Stdio::piped())?;
    let mut lines = BufReader::new(process.stdout.take().ok_or("it has no standard output")?).lines();
    let line = lines.next();
    let first = start.elapsed();
    lines.for_each(drop);
    process.wait().map_err(|reason| reason.to_string())?;
    let time = start.elapsed();
    let (peak_kib, _) = watch(&mut validation(file, Stdio::null())?);
    match line {
        Some(Ok(line)) if line.ends_with("[name-missing]") => Ok(Validated { time, first, peak_kib }),
        other => Err(format!("the first problem is not the first thing told: {other:?}")),
    }
}

/// Imports the file until its rows are in the journal, `out`; the process is killed before it sends anything.
pub(crate) fn stage(file: &Path, out: &Path) -> Result<Duration, String> {
    fs::create_dir_all(out).unwrap();
    let start = Instant::now();
    let mut process = import_command("http://127.0.0.1:9", out, file).stderr(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let is_read = lines.map_while(Result::ok).any(|line| seconds(&line, MARKS[0]).is_some());
    let time = start.elapsed();
    let _ = process.kill();
    process.wait().map_err(|reason| reason.to_string())?;
    fs::remove_dir_all(out).unwrap();
    if is_read { Ok(time) } else { Err("the import did not read its file".to_owned()) }
}

fn validation(file: &Path, out: Stdio) -> Result<Child, String> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tallyfy-groups"));
    command.arg("validate").arg(file).stdout(out).spawn().map_err(|reason| reason.to_string())
}

/// How many different groups the results say were created.
pub(crate) fn created(results: &Path) -> u64 {
    let mut file = csv::Reader::from_path(results).unwrap();
    let header = file.headers().unwrap().clone();
    let column = |name: &str| header.iter().position(|column| column == name).unwrap();
    let (status, id) = (column("status"), column("group_id"));
    let lines = file.into_records().map(Result::unwrap);
    let ids: HashSet<String> =
        lines.filter(|line| &line[status] == "created").map(|line| line[id].to_owned()).collect();
    ids.len() as u64
}

/// Waits for the process to end: the peak of its memory, and whether it succeeded.
pub(crate) fn watch(process: &mut Child) -> (Option<f64>, bool) {
    let (status, is_over) = (format!("/proc/{}/status", process.id()), AtomicBool::new(false));
    thread::scope(|scope| {
        let look = scope.spawn(|| {
            let mut peak = None;
            while !is_over.load(Ordering::Relaxed) {
                peak = peak_kib(&status).or(peak);
                thread::sleep(LOOK_EVERY);
            }
            peak
        });
        let ended = process.wait().unwrap();
        is_over.store(true, Ordering::Relaxed);
        (look.join().unwrap(), ended.success())
    })
}

fn peak_kib(status: &str) -> Option<f64> {
    let text = fs::read_to_string(status).ok()?;
    let peak = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    peak.trim().trim_end_matches("kB").trim().parse().ok()
}

/// The seconds between the log lines that end a phase.
fn phases(log: &str, time: Duration) -> Result<[f64; PHASES.len()], String> {
    let mut ends = [time.as_secs_f64(); PHASES.len()];
    for (end, mark) in ends.iter_mut().zip(MARKS) {
        *end = seconds(log, mark).ok_or_else(|| format!("the log does not say `{mark}`:\n{log}"))?;
    }
    let mut before = 0.0;
    Ok(ends.map(|end| end - std::mem::replace(&mut before, end)))
}

fn seconds(log: &str, mark: &str) -> Option<f64> {
    let line = log.lines().find_map(|line| line.trim_start().strip_prefix("INFO ")?.strip_prefix(mark))?;
    line.rsplit_once("seconds=")?.1.trim().parse().ok()
}
