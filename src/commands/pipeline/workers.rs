//! Reads the files on a thread of its own, which starts a thread for each batch: it checks the rows as far as they can be checked
//! without knowing the others.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use super::{CheckPeople, Prepare};
use crate::check::{Contents, NameKeys};
use crate::commands::Failure;
use crate::model::{OnDuplicate, Problem, WantedGroup, hash};
use crate::read::{Batch, Notes, Parser, ReadError, Table};
use crate::settings::Input;

/// What comes from the files, in order; of a batch, the thread that checks it.
pub(super) enum ReadStep<T> {
    Opened { parser: Arc<Parser>, flaw: Option<ReadError> },
    Batch(io::Result<JoinHandle<Result<CheckedBatch<T>, ReadError>>>),
    Closed(Result<Option<Problem>, ReadError>),
    Unreadable(ReadError),
}

/// Starts to read and check all files.
pub(super) fn start_reading<T: Send + 'static>(
    check: Check<T>,
) -> Result<(Receiver<ReadStep<T>>, JoinHandle<()>), Failure> {
    // As many batches as threads can work at a time: the bound of memory.
    let (steps, received) = sync_channel(thread::available_parallelism().map_or(1, usize::from));
    let (files, check) = (check.input.files.clone(), Arc::new(check));
    let read = move |path: &PathBuf| read_file(path, &check, |step| steps.send(step).ok()).is_some();
    let thread = thread::Builder::new().spawn(move || _ = files.iter().all(read)).map_err(Failure::Start)?;
    Ok((received, thread))
}

/// Reads a file; nothing if nobody takes the steps any more.
fn read_file<T: Send + 'static>(
    path: &Path,
    check: &Arc<Check<T>>,
    send: impl Fn(ReadStep<T>) -> Option<()>,
) -> Option<()> {
    let mut table = match Table::open(path, &check.input.options) {
        Ok(table) => table,
        Err(error) => return send(ReadStep::Unreadable(error)),
    };
    send(ReadStep::Opened { parser: table.parser.clone(), flaw: table.flaw.take() })?;
    loop {
        match table.next() {
            Some(Ok(batch)) => {
                let (check, parser) = (Arc::clone(check), Arc::clone(&table.parser));
                send(ReadStep::Batch(thread::Builder::new().spawn(move || check.batch(&parser, &batch))))?;
            }
            Some(Err(error)) => return send(ReadStep::Closed(Err(error))),
            None => return send(ReadStep::Closed(table.check_whole())),
        }
    }
}

pub(super) struct CheckedBatch<T> {
    pub(super) notes: Notes,
    pub(super) rows: Vec<CheckedRow<T>>,
}

/// What other rows need to know of a row.
#[derive(Clone, Copy)]
pub(super) struct KnownRow {
    pub(super) line: u32,
    pub(super) contents: Contents,
}

pub(super) struct CheckedRow<T> {
    pub(super) known: KnownRow,
    /// The keys of its name; nothing if it is invalid.
    pub(super) keys: Option<NameKeys>,
    /// The hash of its own key.
    pub(super) key: Option<u64>,
    /// Whether it is of the same record as the row before.
    pub(super) is_continued: bool,
    /// Whether it is merged with other rows of its name.
    pub(super) is_merged: bool,
    pub(super) problems: Vec<Problem>,
    pub(super) item: T,
}

/// Checks batches.
pub(super) struct Check<T> {
    pub(super) input: Input,
    pub(super) prepare: Box<Prepare<T>>,
    pub(super) people: Option<Box<CheckPeople>>,
}

impl<T> Check<T> {
    /// Checks one batch.
    fn batch(&self, parser: &Parser, batch: &Batch) -> Result<CheckedBatch<T>, ReadError> {
        let (mut notes, mut rows) = (Notes::default(), Vec::with_capacity(batch.count()));
        parser.rows(batch, &mut notes, &mut |row| {
            let (group, mut problems) = match &row.fields {
                Ok(fields) => self.input.rules.check(fields),
                Err(problem) => (WantedGroup::default(), vec![problem.clone()]),
            };
            match &row.left_out {
                Some(left_out) => problems = vec![left_out.clone()],
                None => problems.extend_from_slice(&row.warnings),
            }
            if let Some(people) = self.people.as_ref().filter(|_| row.is_valid(&problems)) {
                problems.extend(people(&group));
            }
            let is_valid = row.is_valid(&problems);
            let item = (self.prepare)(row, parser, &group, &problems);
            let keys = is_valid.then(|| NameKeys::of(&group.name, self.input.matching));
            let is_merged = row.is_of_person || self.input.on_duplicate == OnDuplicate::Merge;
            let (line, contents) = (u32::try_from(row.line).unwrap_or(u32::MAX), Contents::of(&group));
            let (known, is_continued) = (KnownRow { line, contents }, row.is_continued);
            let key = group.key.as_ref().map(hash);
            rows.push(CheckedRow { known, keys, key, is_continued, is_merged, problems, item });
        })?;
        Ok(CheckedBatch { notes, rows })
    }
}
