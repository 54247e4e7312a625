//! Threads that read the files in turn and check their batches in parallel; the results arrive in the order of the files.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{thread, vec};

use super::{CheckPeople, Prepare};
use crate::check::{Contents, NameKeys, Rules};
use crate::commands::Failure;
use crate::model::{MatchNames, NameKey, OnDuplicate, Problem, WantedGroup};
use crate::read::{Again, Batch, Notes, Opened, Parser, ReadError, ReadOptions, Table};
use crate::settings::Input;

/// What comes from the files, in order.
pub(super) enum ReadStep<T> {
    Opened {
        parser: Arc<Parser>,
        again: Again,
        flaw: Option<ReadError>,
    },
    /// A batch, which arrives when its worker has checked it.
    Batch(Receiver<Result<CheckedBatch<T>, ReadError>>),
    Closed(Result<Option<Problem>, ReadError>),
    Unreadable(ReadError),
}

pub(super) struct CheckedBatch<T> {
    pub(super) batch: Batch,
    pub(super) notes: Notes,
    pub(super) spans: Vec<RowSpan>,
    /// The keys of each row's name; nothing if the row is invalid.
    pub(super) keys: Vec<Option<NameKeys>>,
    pub(super) rows: Vec<CheckedRow<T>>,
}

/// Where a row is in the decoded text of its file, and on which line.
#[derive(Clone, Copy)]
pub(super) struct RowSpan {
    pub(super) offset: u64,
    pub(super) length: u32,
    pub(super) line: u32,
}

pub(super) struct CheckedRow<T> {
    pub(super) is_undescribed: bool,
    /// Whether it has no people.
    pub(super) is_deserted: bool,
    /// Whether it is of the same record as the row before.
    pub(super) is_continued: bool,
    /// The key of its contents, if it is merged with other rows of its name.
    pub(super) merges: Option<NameKey>,
    pub(super) problems: Vec<Problem>,
    pub(super) item: T,
}

/// Threads that read in turn and check in parallel.
pub(super) struct Workers<T> {
    pub(super) steps: Receiver<ReadStep<T>>,
    pub(super) threads: Vec<thread::JoinHandle<()>>,
}

struct FileReader {
    files: vec::IntoIter<PathBuf>,
    options: ReadOptions,
    table: Option<Table>,
}

struct Task<T> {
    batch: Batch,
    parser: Arc<Parser>,
    reply: SyncSender<Result<CheckedBatch<T>, ReadError>>,
}

impl<T: Send + 'static> Workers<T> {
    pub(super) fn start(input: &Input, prepare: &Prepare<T>, people: Option<&CheckPeople>) -> Result<Self, Failure> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let files = input.files.clone().into_iter();
        let reader = Arc::new(Mutex::new(FileReader { files, options: input.options.clone(), table: None }));
        // Bounded, so that memory is.
        let (steps, collected) = sync_channel(4 * count);
        let mut threads = Vec::new();
        for _ in 0..count {
            let (reader, steps, prepare) = (Arc::clone(&reader), steps.clone(), Arc::clone(prepare));
            let check =
                Check { rules: input.rules.clone(), matching: input.matching, people: people.cloned(), prepare };
            let merges_all = input.on_duplicate == OnDuplicate::Merge;
            let work = move || {
                let next = || reader.lock().unwrap_or_else(PoisonError::into_inner).next(&steps);
                while let Some(Task { batch, parser, reply }) = next() {
                    // The collector may be gone.
                    let _ = reply.send(check.batch(batch, &parser, merges_all));
                }
            };
            threads.push(thread::Builder::new().spawn(work).map_err(Failure::Start)?);
        }
        Ok(Self { steps: collected, threads })
    }
}

impl FileReader {
    /// Reads the next batch and keeps its place; nothing at the end, or if the collector is gone.
    fn next<T>(&mut self, steps: &SyncSender<ReadStep<T>>) -> Option<Task<T>> {
        loop {
            let step = match &mut self.table {
                None => self.open_next()?,
                Some(table) => {
                    let parser = table.parser.clone();
                    match table.next() {
                        Some(Ok(batch)) => {
                            let (reply, checked) = sync_channel(1);
                            steps.send(ReadStep::Batch(checked)).ok()?;
                            return Some(Task { batch, parser, reply });
                        }
                        other => {
                            let whole = other.map_or_else(|| table.check_whole(), |failed| failed.map(|_| None));
                            self.table = None;
                            ReadStep::Closed(whole)
                        }
                    }
                }
            };
            steps.send(step).ok()?;
        }
    }

    fn open_next<T>(&mut self) -> Option<ReadStep<T>> {
        let path = self.files.next()?;
        Some(match Table::open(&path, &self.options) {
            Ok(Opened { table, again, flaw }) => {
                let parser = table.parser.clone();
                self.table = Some(table);
                ReadStep::Opened { parser, again, flaw }
            }
            Err(error) => ReadStep::Unreadable(error),
        })
    }
}

/// Checks batches: everything that can be said about their rows without knowing the others.
struct Check<T> {
    rules: Rules,
    matching: MatchNames,
    people: Option<CheckPeople>,
    prepare: Prepare<T>,
}

impl<T> Check<T> {
    fn batch(&self, batch: Batch, parser: &Parser, merges_all: bool) -> Result<CheckedBatch<T>, ReadError> {
        let (mut notes, mut group) = (Notes::default(), WantedGroup::default());
        let (mut spans, mut keys) = (Vec::with_capacity(batch.count()), Vec::with_capacity(batch.count()));
        let mut rows = Vec::with_capacity(batch.count());
        parser.rows(&batch, &mut notes, &mut |row| {
            let mut problems = match &row.fields {
                Ok(fields) => self.rules.check(fields, &mut group),
                Err(problem) => vec![problem.clone()],
            };
            problems.extend_from_slice(&row.warnings);
            if let Some(people) = self.people.as_ref().filter(|_| row.is_valid(&problems)) {
                problems.extend(people(&group));
            }
            let is_valid = row.is_valid(&problems);
            let item = (self.prepare)(row, parser, &group, &problems);
            spans.push(RowSpan {
                offset: row.offset,
                length: u32::try_from(row.raw.len()).unwrap_or(u32::MAX),
                line: u32::try_from(row.line).unwrap_or(u32::MAX),
            });
            let own = is_valid.then(|| NameKeys::of(&group.name, self.matching));
            let merges = own.as_ref().filter(|_| merges_all || row.is_of_person);
            let merges = merges.map(|keys| Contents::of(&group).key(keys.name));
            keys.push(own);
            rows.push(CheckedRow {
                is_undescribed: is_valid && group.description.is_none(),
                is_deserted: group.members.is_empty() && group.guests.is_empty(),
                is_continued: row.is_continued,
                merges,
                problems,
                item,
            });
        })?;
        Ok(CheckedBatch { batch, notes, spans, keys, rows })
    }
}
