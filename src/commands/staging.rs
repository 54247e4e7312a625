//! The checked rows of all files, on their way into the journal; and by which fingerprint unchanged files are known, so that they
//! are not read again.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::{mem, thread};

use sha2::{Digest, Sha256};

use crate::check::Names;
use crate::journal::{Journal, Owner, Realm, RunId, StagedRow};
use crate::model::{Cell, Event, Field, InputFile, Listener, Place, Problem, RowId, WantedGroup};
use crate::read::{Notes, Parser, ReadError, Row};
use crate::report::Problems;
use crate::settings::{Connection, Input, Target};

use super::Failure;
use super::pipeline::{self, Checked, Files, Prepare, RowSink, Validity};

/// How many batches of rows may wait to be written.
const BATCHES: usize = 1;

/// How many bytes of a file are digested at a time.
const PART: usize = 64 * 1024;

/// How often progress is reported, in rows.
const REPORT_EVERY: u64 = 10_000;

/// The rows of a run, as the journal has them.
pub struct Staged {
    /// The files.
    pub files: Vec<InputFile>,
    /// How many rows.
    pub rows: u64,
    /// How many of them are invalid.
    pub invalid: u64,
    /// How many of them are to be sent.
    pub valid: u64,
    /// Which row has which name.
    pub names: RowNames,
    /// The first row and the last.
    pub range: (RowId, RowId),
}

/// Which row of a run has which name.
pub struct RowNames {
    names: Names,
    first: RowId,
}

impl RowNames {
    /// The row that has this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<RowId> {
        self.names.get(name).map(|number| row_id(self.first, number))
    }
}

fn row_id(first: RowId, number: u32) -> RowId {
    RowId(first.0.saturating_add(number.into()))
}

/// Whose groups the journal keeps.
pub(super) fn owner(connection: &Connection) -> Owner {
    let realm = match &connection.target {
        Target::Simulated => Realm::Simulated,
        Target::Server(base, _) if base.is_loopback() => Realm::Loopback,
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
    problems: &mut Problems<impl Write + Send>,
) -> Result<Staged, Failure> {
    let first = journal.next_row()?;
    let mut stage = journal.stage(input.files.iter().all(|path| path.is_file()))?;
    let (batches, read_batches) = sync_channel::<Vec<(RowId, Place, StagedRow)>>(BATCHES);
    let staging = Staging {
        rows: Vec::new(),
        batches,
        input,
        first,
        listener,
        problems,
        files: Vec::new(),
        invalid: 0,
        valid: 0,
    };
    let staged = thread::scope(|scope| {
        let reading = thread::Builder::new().spawn_scoped(scope, || staging.read()).map_err(Failure::Start)?;
        let mut add = |rows: Vec<_>| rows.iter().try_for_each(|(id, place, row)| stage.add(*id, *place, row));
        let added = read_batches.iter().try_for_each(&mut add);
        // If they cannot be added, nothing more is to be read.
        drop(read_batches);
        let read = reading.join().unwrap_or_else(|panic| resume_unwind(panic));
        added.map_err(Failure::from).and(read)
    })?;
    for (number, (path, file)) in input.files.iter().zip(&staged.files).enumerate() {
        journal.stage_file(run, number, path, file)?;
    }
    stage.finish()?;
    Ok(staged)
}

fn staged_row(row: &Row<'_>, _: &Parser, group: &WantedGroup, problems: &[Problem]) -> StagedRow {
    let is_valid = row.is_valid(problems);
    let name = match row.fields.as_ref().map(|fields| fields.get(Field::Name)) {
        _ if is_valid => group.name.as_str(),
        Ok(Cell::Text(name)) => name.trim(),
        _ => "",
    };
    StagedRow::new(name, &row.text, is_valid.then_some(group))
}

/// Hands the rows to the thread that writes them into the journal.
struct Staging<'a, W> {
    /// The rows of the batch so far.
    rows: Vec<(RowId, Place, StagedRow)>,
    batches: SyncSender<Vec<(RowId, Place, StagedRow)>>,
    input: &'a Input,
    first: RowId,
    listener: &'a Listener,
    problems: &'a mut Problems<W>,
    files: Vec<InputFile>,
    invalid: u64,
    valid: u64,
}

impl<W: Write> Staging<'_, W> {
    /// Reads all files.
    fn read(mut self) -> Result<Staged, Failure> {
        let prepare: Prepare<StagedRow> = Arc::new(staged_row);
        let (names, rows) = pipeline::run(self.input, &prepare, None, &mut self)?;
        let Self { first, files, invalid, valid, .. } = self;
        let range = (first, RowId(first.0 + i64::try_from(rows).unwrap_or(i64::MAX) - 1));
        Ok(Staged { files, rows, invalid, valid, names: RowNames { names, first }, range })
    }
}

impl<W: Write> RowSink<StagedRow> for Staging<'_, W> {
    fn opened(&mut self, parser: &Parser, path: &str, flaw: Option<ReadError>) -> Result<(), Failure> {
        self.files.push(InputFile { path: path.to_owned(), dialect: parser.dialect.clone() });
        flaw.map_or(Ok(()), |flaw| Err(flaw.into()))
    }

    fn row(&mut self, files: &Files, row: Checked<StagedRow>) -> Result<(), Failure> {
        files.report(&row, self.problems)?;
        let Checked { place, number, validity, problems, item: mut staged } = row;
        let id = row_id(self.first, number);
        match validity {
            Validity::Valid(key) => {
                staged.set_valid(key);
                self.valid += 1;
            }
            Validity::Merged(first) => staged.set_merged(row_id(self.first, first)),
            Validity::Repeat(first) => staged.set_repeat(row_id(self.first, first)),
            Validity::Excluded => staged.set_invalid(&problems),
            Validity::Invalid => {
                staged.set_invalid(&problems);
                self.invalid += 1;
            }
        }
        staged.set_warnings(&problems);
        self.rows.push((id, place, staged));
        let rows = u64::from(number) + 1;
        if rows.is_multiple_of(REPORT_EVERY) {
            (self.listener)(Event::Read(rows));
        }
        Ok(())
    }

    fn batch(&mut self, _: &Notes) -> Result<(), Failure> {
        // Why nobody takes them is for the writing thread to say.
        self.batches.send(mem::take(&mut self.rows)).map_err(|_| Failure::Start(ErrorKind::BrokenPipe.into()))
    }

    fn closed(&mut self, _: &Parser, path: &str, problems: Vec<Problem>) -> Result<(), Failure> {
        problems.iter().try_for_each(|problem| self.problems.report(path, None, problem, None)).map_err(Failure::Print)
    }

    fn unreadable(&mut self, error: ReadError) -> Result<(), Failure> {
        Err(error.into())
    }
}

/// What identifies the rows of a run: its files, their contents, the options that read and check them, and the version of
/// this program. Nothing for a pipe.
pub(super) fn fingerprint(input: &Input) -> Option<Vec<u8>> {
    let mut all = Sha256::new();
    all.update(env!("CARGO_PKG_VERSION"));
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
pub(super) fn restored(
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
    Ok(Staged { files: journal.files(run)?, rows, invalid, valid, names: RowNames { names, first }, range })
}
