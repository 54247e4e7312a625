//! The checked rows of all files, on their way into the journal; and by which fingerprint unchanged files are known, so that they
//! are not read again.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::check::Names;
use crate::journal::{Journal, OpenRun, Owner, Realm, RunId, Stage, StagedRow};
use crate::model::{
    Cell, Event, Field, Fields, InputFile, Listener, Problem, RowId, Status, StatusCounts, WantedGroup,
};
use crate::read::{Parser, ReadError, Row};
use crate::report::Problems;
use crate::settings::{Connection, Input, Target};

use super::Failure;
use super::pipeline::{self, Checked, RowSink};

/// How many bytes of a file are digested at a time.
const PART: usize = 64 * 1024;

/// How often progress is reported, in rows.
const REPORT_EVERY: u64 = 10_000;

/// The rows of a run, as the journal has them.
pub struct Staged {
    /// The run.
    pub run: RunId,
    /// The files.
    pub files: Vec<InputFile>,
    /// How many rows.
    pub rows: u64,
    /// How many of them are invalid.
    pub invalid: u64,
    /// How many of them are to be sent.
    pub valid: u64,
    /// The numbers of the rows, by their names.
    names: Names,
    /// The first row and the last.
    pub range: (RowId, RowId),
}

impl Staged {
    /// The row that has this name.
    pub fn named(&self, name: &str) -> Option<RowId> {
        self.names.get(name).map(|number| self.range.0.after(number))
    }
}

/// Whose groups the journal keeps.
pub(super) fn owner(connection: &Connection) -> Owner {
    let realm = match &connection.target {
        Target::Simulated => Realm::Simulated,
        Target::Server(base, _) if base.is_loopback => Realm::Loopback,
        Target::Server(..) => Realm::Remote,
    };
    Owner { organization: connection.organization.clone(), realm }
}

/// Reads all files into the journal.
///
/// # Errors
/// If a file cannot be read as a table, or the journal cannot be written.
pub fn stage(
    journal: &Journal,
    run: RunId,
    input: &Input,
    listener: &Listener,
    problems: &mut Problems<impl Write>,
) -> Result<Staged, Failure> {
    let stage = journal.stage(input.files.iter().all(|path| path.is_file()))?;
    let first = stage.first;
    let (files, counts) = (Vec::new(), StatusCounts::default());
    let mut staging = Staging { stage, listener, problems, files, counts };
    let (names, rows) = pipeline::run(input, Box::new(staged_row), None, &mut staging)?;
    let Staging { stage, files, counts, .. } = staging;
    for (number, (path, file)) in input.files.iter().zip(&files).enumerate() {
        journal.stage_file(run, number, path, file)?;
    }
    let range = (first, RowId(first.0 + i64::try_from(rows).unwrap_or(i64::MAX) - 1));
    stage.finish(run, range.1)?;
    let (invalid, valid) = (counts.of(Status::Invalid), counts.of(Status::Pending));
    Ok(Staged { run, files, rows, invalid, valid, names, range })
}

fn staged_row(row: &Row<'_>, _: &Parser, group: &WantedGroup, problems: &[Problem]) -> StagedRow {
    let is_valid = row.is_valid(problems);
    let name = match row.fields.as_ref().map(|fields| fields.get(Field::Name)) {
        _ if is_valid => group.name.as_str(),
        Ok(Cell::Text(name)) => name.trim(),
        _ => "",
    };
    // Of a row that is left out only what it names counts. A name that cannot be read may be that of any group.
    let is_readable = |fields: &Fields<'_>| !group.name.is_empty() || fields.get(Field::Name).is_blank();
    let names_groups = row.left_out.is_some() && row.fields.as_ref().is_ok_and(is_readable);
    StagedRow::new(name, &row.text, (is_valid || names_groups).then_some(group))
}

/// Puts the rows into the journal.
struct Staging<'a, W> {
    stage: Stage<'a>,
    listener: &'a Listener,
    problems: &'a mut Problems<W>,
    files: Vec<InputFile>,
    counts: StatusCounts,
}

impl<W: Write> RowSink for Staging<'_, W> {
    type Item = StagedRow;

    fn problems(&mut self) -> &mut Problems<impl Write> {
        self.problems
    }

    fn opened(&mut self, parser: &Parser) -> Result<(), Failure> {
        self.files.push(InputFile { path: parser.file.clone(), dialect: parser.dialect.clone() });
        Ok(())
    }

    fn row(&mut self, _: &str, row: Checked<StagedRow>) -> Result<(), Failure> {
        let Checked { place, number, validity, problems, item: staged } = row;
        self.counts.add(validity.status());
        self.stage.add(number, place, &staged, &validity, &problems)?;
        let rows = u64::from(number) + 1;
        if rows.is_multiple_of(REPORT_EVERY) {
            (self.listener)(Event::Read(rows));
        }
        Ok(())
    }

    fn unreadable(&mut self, error: ReadError) -> Result<(), Failure> {
        Err(error.into())
    }
}

/// Reads and checks all files into the journal, unless it has their rows already: for a new run, or for the `open` one if it has the
/// same rows. `command` is the command with its own options.
///
/// # Errors
/// If a file cannot be read, or the journal cannot be written.
pub fn stage_once(
    journal: &mut Journal,
    owner: &Owner,
    input: &Input,
    command: &str,
    open: Option<&OpenRun>,
    listener: &Listener,
    problems: &mut Problems<impl Write>,
) -> Result<Staged, Failure> {
    let before = fingerprint(input, command);
    if let Some(known) = before.as_deref().map_or(Ok(None), |before| journal.run_over(before))? {
        let goes_on = open.is_some_and(|open| open.run == known.run && open.has_more);
        let run = if goes_on { known.run } else { journal.begin_run(owner)? };
        let range = if goes_on { known.range } else { journal.copy_rows(&known, run)? };
        return restored(journal, run, range, input, problems);
    }
    let run = journal.begin_run(owner)?;
    let staged = stage(journal, run, input, listener, problems)?;
    // If a file changed meanwhile, it is not known what was read.
    let unchanged = before.filter(|before| fingerprint(input, command).as_ref() == Some(before));
    journal.note_read(run, unchanged.as_deref(), problems.counts())?;
    Ok(staged)
}

/// What identifies the rows of a run: its files, their contents, the options that read and check them, the command with its own
/// options, and the version of this program. Nothing for a pipe.
fn fingerprint(input: &Input, command: &str) -> Option<Vec<u8>> {
    let mut all = Sha256::new();
    all.update(env!("CARGO_PKG_VERSION"));
    all.update(command);
    let Input { files, options, limit, rules, matching, on_duplicate } = input;
    all.update(format!("{options:?} {limit:?} {rules:?} {matching:?} {on_duplicate:?}"));
    for path in files {
        if !path.is_file() {
            return None;
        }
        all.update(path.canonicalize().ok()?.as_os_str().as_encoded_bytes());
        all.update(digest(path).ok()?);
    }
    Some(all.finalize().to_vec())
}

/// The SHA-256 of a file.
pub(super) fn digest(path: &Path) -> io::Result<Vec<u8>> {
    let (mut file, mut all, mut part) = (File::open(path)?, Sha256::new(), vec![0; PART]);
    loop {
        match file.read(&mut part)? {
            0 => return Ok(all.finalize().to_vec()),
            count => all.update(&part[..count]),
        }
    }
}

/// The rows of a run that the journal has already; their problems are counted again.
fn restored(
    journal: &Journal,
    run: RunId,
    range: (RowId, RowId),
    input: &Input,
    problems: &mut Problems<impl Write>,
) -> Result<Staged, Failure> {
    journal.problems(run)?.into_iter().for_each(|known| problems.restore(known));
    let mut names = Names::new(input.matching);
    let (first, mut valid) = (range.0, 0);
    let invalid = journal.row_keys(range, |row, key| {
        valid += 1;
        names.restore(key, u32::try_from(row.0 - first.0).unwrap_or(u32::MAX));
    })?;
    let rows = u64::try_from(range.1.0 + 1 - first.0).unwrap_or_default();
    Ok(Staged { run, files: journal.files(run)?, rows, invalid, valid, names, range })
}
