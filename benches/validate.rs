//! How fast files are read: `validate`, and `import` until the rows are in its journal, beside a bare pass of the csv crate
//! over the same file; and how much memory `validate` takes.
//!
//! `cargo bench --bench validate [-- ROWS]` measures. Where `QSV` names the qsv program, its `validate` with a JSON schema
//! and its `extdedup` run over the same file in the same rounds.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a benchmark that cannot go on ends")]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it measures is for the terminal")]

mod support;

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use support::run::{Size, run};
use support::table::Line;
use support::whole::Validated;
use support::{rows, table, whole};

const SIZE: Size = Size { rows: 1_000_000, tried: 1000, rounds: 5 };

/// The rules as far as a JSON schema can say them.
const SCHEMA: &str = r#"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "properties": {
    "name": {"type": "string", "minLength": 1, "maxLength": 200},
    "description": {"type": ["string", "null"]},
    "members": {"type": ["string", "null"], "pattern": "^([0-9]+(;[0-9]+)*)?$"},
    "guests": {"type": ["string", "null"], "pattern": "^([^@; ]+@[^@; ]+[.][^@; ]+(;[^@; ]+@[^@; ]+[.][^@; ]+)*)?$"}
  },
  "required": ["name"]
}"#;

/// What was measured, once a round.
#[derive(Default)]
struct Rounds {
    bare: Vec<Duration>,
    whole: Vec<Validated>,
    stage: Vec<Duration>,
    qsv: Vec<Duration>,
}

fn main() -> ExitCode {
    run(&SIZE, measure, print)
}

/// The bare pass, the whole program and qsv, alternately, after a pass that brings the file into the system's memory.
fn measure(count: usize, rounds: usize) -> Result<Rounds, String> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("groups.csv");
    rows::write_csv([rows::nameless()].into_iter().chain(rows::rows(count)), &file);
    let qsv = std::env::var_os("QSV");
    let mut measured = Rounds::default();
    bare(&file, count)?;
    for _ in 0..rounds {
        measured.bare.push(bare(&file, count)?);
        measured.whole.push(whole::validate(&file)?);
        measured.stage.push(whole::stage(&file, &folder.path().join("out"))?);
        if let Some(qsv) = &qsv {
            measured.qsv.push(with_qsv(qsv, &file)?);
        }
    }
    Ok(measured)
}

/// The yardstick: the csv crate reads every record into the same memory, and nothing is looked at.
fn bare(file: &Path, count: usize) -> Result<Duration, String> {
    let start = Instant::now();
    let mut reader = csv::Reader::from_path(file).unwrap();
    let mut record = csv::ByteRecord::new();
    let mut records = 0;
    while reader.read_byte_record(&mut record).unwrap() {
        records += 1;
    }
    let time = start.elapsed();
    if records == count + 1 { Ok(time) } else { Err(format!("{records} records were read")) }
}

fn with_qsv(qsv: &OsString, file: &Path) -> Result<Duration, String> {
    let (schema, unique) = (file.with_extension("json"), file.with_extension("unique"));
    fs::write(&schema, SCHEMA).unwrap();
    let wait = |command: &mut Command| {
        command.stdout(Stdio::null()).stderr(Stdio::null()).status().map_err(|reason| format!("QSV: {reason}"))
    };
    let start = Instant::now();
    wait(Command::new(qsv).arg("validate").arg(file).arg(&schema))?;
    wait(Command::new(qsv).args(["extdedup", "--select", "name"]).arg(file).arg(&unique))?;
    Ok(start.elapsed())
}

fn print(count: usize, measured: &Rounds) {
    let seconds = |times: &[Duration]| times.iter().map(Duration::as_secs_f64).collect::<Vec<f64>>();
    let (bare, stage, qsv) = (seconds(&measured.bare), seconds(&measured.stage), seconds(&measured.qsv));
    let whole: Vec<f64> = measured.whole.iter().map(|taken| taken.time.as_secs_f64()).collect();
    let first = measured.whole.iter().map(|taken| taken.first.as_secs_f64() * 1000.0);
    let peaks = measured.whole.iter().filter_map(|taken| taken.peak_kib).map(|kib| kib / 1024.0);
    let mut lines = vec![
        Line::new("bare csv pass, seconds", 3, bare.iter().copied()),
        Line::new("validate, seconds", 3, whole.iter().copied()),
        Line::new("  times the bare pass", 2, whole.iter().zip(&bare).map(|(whole, bare)| whole / bare)),
        Line::new("  first problem after, ms", 1, first),
        Line::new("  peak memory, MiB", 1, peaks),
        Line::new("import, rows staged, seconds", 3, stage.iter().copied()),
        Line::new("  times the bare pass", 2, stage.iter().zip(&bare).map(|(stage, bare)| stage / bare)),
    ];
    if !qsv.is_empty() {
        lines.push(Line::new("qsv validate + extdedup, seconds", 3, qsv.iter().copied()));
        lines.push(Line::new("  times as long as validate", 2, qsv.iter().zip(&whole).map(|(qsv, whole)| qsv / whole)));
    }
    println!("{count} rows, and one with a problem before them");
    table::print(measured.bare.len(), &lines);
}
