//! Reads and checks all files in parallel, and gives what was found in the order of the files. The one way from files to
//! groups, for every command.

use std::collections::VecDeque;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::{thread, vec};

use crate::check::{Earlier, NameKeys, Names, Rules};
use crate::model::{self, Code, Field, FirstGroup, Group, NameKey, OnDuplicate, Place, Problem, Severity, shortened};
use crate::read::{Again, Batch, Notes, Opened, Options, Parser, ReadError, Row, Table};
use crate::report::Repeat;
use crate::settings::Input;

use super::Failure;

/// How many first rows that were read again are kept; one may have 1 MiB.
const AGAIN_MAX: usize = 16;

/// Makes a command's own value of a row while it is checked, on any thread.
pub(super) type Prepare<T> = Arc<dyn Fn(&Row<'_>, &Parser, &Group, &[Problem]) -> T + Send + Sync>;

/// What a command does with what is found. Called on one thread, in the order of the files.
pub(super) trait Sink<T> {
    /// A file is open. `flaw` is what is wrong with its header, although its rows can be checked.
    fn opened(&mut self, parser: &Parser, path: &str, flaw: Option<ReadError>) -> Result<(), Failure>;
    /// A row was checked.
    fn row(&mut self, files: &Files, row: Checked<T>) -> Result<(), Failure>;
    /// All rows of a batch were given.
    fn batch(&mut self, notes: &Notes) -> Result<(), Failure>;
    /// A file was read as far as it can be; with the problems of the file as a whole.
    fn closed(&mut self, parser: &Parser, path: &str, problems: Vec<Problem>) -> Result<(), Failure>;
    /// A file cannot be read, or not any further.
    fn unreadable(&mut self, error: ReadError) -> Result<(), Failure>;
}

/// A row that was checked.
pub(super) struct Checked<T> {
    pub(super) place: Place,
    /// Its number among all rows, from 0.
    pub(super) number: u32,
    pub(super) verdict: Verdict,
    pub(super) problems: Vec<Problem>,
    /// What the command made of it.
    pub(super) item: T,
}

/// What the check says about a row.
pub(super) enum Verdict {
    /// It defines a group.
    Valid(NameKey),
    /// It repeats the row of this number, and is not sent.
    Repeat(u32, Repeat),
    /// It has an error.
    Invalid,
}

/// The files that were opened so far, and where their rows are.
#[derive(Default)]
pub(super) struct Files {
    files: Vec<File>,
    /// Byte offset and line of every row.
    rows: Vec<(u64, u32, u32)>,
    again: VecDeque<(u32, Rc<FirstGroup>)>,
}

struct File {
    path: String,
    parser: Arc<Parser>,
    again: Again,
    notes: Notes,
    first_row: usize,
    /// Rows without a description: how many, and the line of the first.
    undescribed: (u64, u64),
    is_given_up: bool,
}

impl Files {
    /// A file's path as given.
    pub(super) fn path(&self, file: usize) -> &str {
        self.files.get(file).map_or("-", |file| file.path.as_str())
    }

    /// The column that holds a field, if it has another name.
    pub(super) fn column(&self, place: Place, field: Option<Field>) -> Option<&str> {
        self.files.get(place.file)?.parser.column(field?)
    }

    /// How a row is read: the parser of its file, and its bytes.
    pub(super) fn read_again(&mut self, row: u32) -> Result<(Arc<Parser>, Vec<u8>), ReadError> {
        let index = self.file_of(row);
        let (offset, length, line) = self.rows[row as usize];
        let file = &mut self.files[index];
        let bytes = file.again.bytes(offset, length as usize);
        let failed = |reason| crate::read::FileProblem::Io(reason).at(&file.path, line.into(), None);
        Ok((Arc::clone(&file.parser), bytes.map_err(failed)?))
    }

    fn file_of(&self, row: u32) -> usize {
        self.files.partition_point(|file| file.first_row <= row as usize).saturating_sub(1)
    }

    fn place(&self, row: u32) -> Place {
        let file = self.file_of(row);
        let first = self.files.get(file).map_or(0, |file| file.first_row);
        Place { file, row: (row as usize - first) as u64 + 1, line: self.rows[row as usize].2.into() }
    }

    /// `file:line`, safe to show.
    fn shown(&self, row: u32) -> String {
        let place = self.place(row);
        model::place(self.path(place.file), Some(place.line), None)
    }

    fn first_group(&mut self, row: u32, rules: &Rules) -> Result<Rc<FirstGroup>, ReadError> {
        let known = self.again.iter().position(|(other, _)| *other == row);
        let entry = if let Some(entry) = known.and_then(|at| self.again.remove(at)) {
            entry
        } else {
            let (parser, bytes) = self.read_again(row)?;
            (row, Rc::new(FirstGroup::new(parser.read_again(bytes, |row| group_of(row, rules))?)))
        };
        let group = Rc::clone(&entry.1);
        self.again.push_front(entry);
        self.again.truncate(AGAIN_MAX);
        Ok(group)
    }
}

fn group_of(row: &Row<'_>, rules: &Rules) -> Option<Group> {
    let mut group = Group::default();
    let problems = rules.check(row.fields.as_ref().ok()?, &mut group);
    problems.iter().all(|problem| !problem.is_error()).then_some(group)
}

/// Reads and checks all files; gives the names of the valid rows, and how many rows there are.
pub(super) fn run<T: Send + 'static>(
    input: &Input,
    prepare: Prepare<T>,
    sink: &mut impl Sink<T>,
) -> Result<(Names, u64), Failure> {
    let mut collector = Collector { input, names: Names::new(input.matching), files: Files::default(), sink };
    let workers = Workers::start(input, prepare)?;
    let mut opened = 0;
    for ticket in &workers.tickets {
        let step = match ticket {
            Ticket::Ready(step) => *step,
            Ticket::Batch(checked) => match checked.recv() {
                Ok(checked) => Step::Batch(checked),
                // Its worker has panicked.
                Err(_) => break,
            },
        };
        opened += usize::from(matches!(step, Step::Opened(..) | Step::Unreadable(_)));
        match collector.collect(step)? {
            Next::Step => {}
            Next::File => workers.shared.passed.store(opened, Ordering::Relaxed),
            // Nobody waits for the workers: they may wait for a pipe.
            Next::End => return Ok((collector.names, collector.files.rows.len() as u64)),
        }
    }
    workers.threads.into_iter().for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
    Ok((collector.names, collector.files.rows.len() as u64))
}

/// What is wanted after a step.
enum Next {
    Step,
    /// No more of this file.
    File,
    End,
}

/// What comes from the files, in order.
enum Step<T> {
    Opened(String, Box<Parts>),
    Batch(Result<CheckedBatch<T>, ReadError>),
    Closed(Option<ReadError>),
    Unreadable(ReadError),
}

/// An opened file without its table.
struct Parts {
    parser: Arc<Parser>,
    again: Again,
    flaw: Option<ReadError>,
}

struct CheckedBatch<T> {
    batch: Batch,
    notes: Notes,
    rows: Vec<CheckedRow<T>>,
}

struct CheckedRow<T> {
    offset: u64,
    length: usize,
    line: u64,
    /// Nothing if the row is invalid.
    keys: Option<NameKeys>,
    is_undescribed: bool,
    problems: Vec<Problem>,
    item: T,
}

struct Collector<'a, S> {
    input: &'a Input,
    names: Names,
    files: Files,
    sink: &'a mut S,
}

impl<S> Collector<'_, S> {
    fn collect<T>(&mut self, step: Step<T>) -> Result<Next, Failure>
    where
        S: Sink<T>,
    {
        let is_given_up = self.files.files.last().is_some_and(|file| file.is_given_up);
        match step {
            Step::Opened(path, parts) => {
                let Parts { parser, again, flaw } = *parts;
                self.sink.opened(&parser, &path, flaw)?;
                let (notes, first_row) = (parser.notes(), self.files.rows.len());
                self.files.files.push(File {
                    path,
                    parser,
                    again,
                    notes,
                    first_row,
                    undescribed: (0, 0),
                    is_given_up: false,
                });
            }
            Step::Unreadable(error) => self.sink.unreadable(error)?,
            Step::Batch(_) if is_given_up => {}
            Step::Batch(_) if self.left() == 0 => return self.close(false).map(|()| Next::End),
            Step::Batch(Ok(checked)) => return self.batch(checked),
            Step::Batch(Err(error)) => {
                self.files.files.iter_mut().rev().take(1).for_each(|file| file.is_given_up = true);
                self.sink.unreadable(error)?;
                return Ok(Next::File);
            }
            Step::Closed(error) => {
                let is_whole = error.is_none() && !is_given_up;
                error.map_or(Ok(()), |error| self.sink.unreadable(error))?;
                self.close(is_whole)?;
            }
        }
        Ok(Next::Step)
    }

    /// How many more rows are wanted.
    fn left(&self) -> usize {
        let limit = self.input.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        limit.saturating_sub(self.files.rows.len())
    }

    fn batch<T>(&mut self, checked: CheckedBatch<T>) -> Result<Next, Failure>
    where
        S: Sink<T>,
    {
        let CheckedBatch { batch, notes, rows } = checked;
        let is_last = rows.len() > self.left();
        for row in rows.into_iter().take(self.left()) {
            let number = u32::try_from(self.files.rows.len()).ok().filter(|number| *number < u32::MAX);
            let number = number.ok_or(Failure::TooManyRows)?;
            let line = u32::try_from(row.line).unwrap_or(u32::MAX);
            self.files.rows.push((row.offset, u32::try_from(row.length).unwrap_or(u32::MAX), line));
            let place = self.files.place(number);
            let CheckedRow { offset, length, keys, is_undescribed, mut problems, item, .. } = row;
            if let Some(file) = self.files.files.last_mut().filter(|_| is_undescribed) {
                file.undescribed =
                    (file.undescribed.0 + 1, if file.undescribed.0 == 0 { row.line } else { file.undescribed.1 });
            }
            let verdict = match keys {
                None => Verdict::Invalid,
                Some(keys) => match self.names.add(keys, number) {
                    None => Verdict::Valid(keys.name),
                    Some(Earlier::Same(first)) => self.repeat(batch.part(offset, length), first, &mut problems)?,
                    Some(Earlier::Confusable(earlier)) => {
                        problems.push(Problem::warning(
                            Field::Name,
                            Code::NameConfusable,
                            format!(
                                "the name looks like that of {} but has other characters; are they one group?",
                                self.files.shown(earlier)
                            ),
                        ));
                        Verdict::Valid(keys.name)
                    }
                },
            };
            self.sink.row(&self.files, Checked { place, number, verdict, problems, item })?;
        }
        if let Some(file) = self.files.files.last_mut() {
            file.notes.unknown(notes.unknown.iter().cloned());
            notes.used.iter().for_each(|(field, column)| file.notes.used(*field, column));
            file.notes.blank.extend(&notes.blank);
        }
        self.sink.batch(&notes)?;
        if is_last { self.close(false).map(|()| Next::End) } else { Ok(Next::Step) }
    }

    /// Compares a row, given its bytes, with the first row of its name.
    fn repeat(&mut self, bytes: &[u8], first: u32, problems: &mut Vec<Problem>) -> Result<Verdict, Failure> {
        let theirs = self.files.first_group(first, &self.input.rules)?;
        let Some(file) = self.files.files.last() else { return Ok(Verdict::Invalid) };
        let mine = file.parser.read_again(bytes.to_vec(), |row| group_of(row, &self.input.rules))?;
        let on_duplicate = self.input.on_duplicate;
        let (differs, lost) = (theirs.differences(&mine), theirs.lost(&mine, on_duplicate));
        let severity = match on_duplicate {
            OnDuplicate::Fail => Severity::Error,
            _ if lost.is_empty() => Severity::Note,
            _ => Severity::Warning,
        };
        let repeat = Repeat { first: self.files.shown(first), severity, on_duplicate, differs, lost };
        if severity == Severity::Error {
            problems.push(repeat.problem());
            return Ok(Verdict::Invalid);
        }
        Ok(Verdict::Repeat(first, repeat))
    }

    /// Gives the problems of the last file as a whole.
    fn close<T>(&mut self, is_whole: bool) -> Result<(), Failure>
    where
        S: Sink<T>,
    {
        let rows = self.files.rows.len();
        let Some(file) = self.files.files.last_mut() else { return Ok(()) };
        let has_no_rows = is_whole && rows == file.first_row && self.input.limit.is_none();
        let problems = file_problems(file, rows - file.first_row, has_no_rows, &self.input.rules);
        self.sink.closed(&Arc::clone(&file.parser), &file.path.clone(), problems)
    }
}

fn file_problems(file: &File, rows: usize, has_no_rows: bool, rules: &Rules) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (field, column) in &file.notes.used {
        let message = format!("column `{}` is used as `{}`", shortened(column), field.as_str());
        problems.push(Problem::note(Code::ColumnUsed, message));
    }
    if let Some(first) = file.notes.blank.first() {
        let count = file.notes.blank.len();
        problems.push(Problem::note(Code::RowBlank, format!("blank rows ignored: {count} (first: line {first})")));
    }
    if has_no_rows {
        problems.push(Problem::general(Code::FileEmpty, "the file has a header but no rows"));
    }
    if !file.notes.unknown.is_empty() {
        let columns: Vec<String> = file.notes.unknown.iter().map(|column| shortened(column)).collect();
        let message = format!("columns that are not fields of a group are ignored: {}", columns.join(", "));
        problems.push(Problem::general(Code::ColumnUnknown, message));
    }
    let (undescribed, first) = file.undescribed;
    if undescribed > 0 && rules.default_description.is_none() && !rules.require_description {
        let message = format!(
            "rows without a description: {undescribed} of {rows} (first: line {first}); current Tallyfy versions reject groups without one; --default-description gives one"
        );
        problems.push(Problem::warning(Field::Description, Code::DescriptionMissing, message));
    }
    problems
}

/// A step on its way to the collector; a batch arrives when its worker has checked it.
enum Ticket<T> {
    Ready(Box<Step<T>>),
    Batch(Receiver<Result<CheckedBatch<T>, ReadError>>),
}

/// Threads that read in turn and check in parallel.
struct Workers<T> {
    tickets: Receiver<Ticket<T>>,
    threads: Vec<thread::JoinHandle<()>>,
    shared: Arc<Shared>,
}

struct Shared {
    reading: Mutex<Reading>,
    /// How many files nothing more is wanted of.
    passed: AtomicUsize,
}

struct Reading {
    files: vec::IntoIter<PathBuf>,
    options: Options,
    opened: usize,
    table: Option<Table>,
}

struct Task<T> {
    batch: Batch,
    parser: Arc<Parser>,
    reply: SyncSender<Result<CheckedBatch<T>, ReadError>>,
}

impl<T: Send + 'static> Workers<T> {
    fn start(input: &Input, prepare: Prepare<T>) -> Result<Self, Failure> {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let files = input.files.clone().into_iter();
        let reading = Mutex::new(Reading { files, options: input.options.clone(), opened: 0, table: None });
        let shared = Arc::new(Shared { reading, passed: AtomicUsize::new(0) });
        // Bounded, so that memory is.
        let (tickets, collected) = sync_channel(4 * count);
        let mut threads = Vec::new();
        for _ in 0..count {
            let (shared, tickets, prepare) = (Arc::clone(&shared), tickets.clone(), Arc::clone(&prepare));
            let (rules, matching) = (input.rules.clone(), input.matching);
            let work = move || {
                while let Some(Task { batch, parser, reply }) = shared.next(&tickets) {
                    // The collector may be gone.
                    let _ = reply.send(check(batch, &parser, &rules, matching, &*prepare));
                }
            };
            threads.push(thread::Builder::new().spawn(work).map_err(Failure::Start)?);
        }
        Ok(Self { tickets: collected, threads, shared })
    }
}

impl Shared {
    /// Reads the next batch and keeps its place; nothing at the end, or if the collector is gone.
    fn next<T>(&self, tickets: &SyncSender<Ticket<T>>) -> Option<Task<T>> {
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let step = match &mut reading.table {
                None => reading.open_next()?,
                Some(table) => {
                    let parser = table.parser();
                    let next =
                        if self.passed.load(Ordering::Relaxed) < reading.opened { reading.next_batch() } else { None };
                    match next {
                        Some(Ok(batch)) => {
                            let (reply, checked) = sync_channel(1);
                            tickets.send(Ticket::Batch(checked)).ok()?;
                            return Some(Task { batch, parser, reply });
                        }
                        other => {
                            reading.table = None;
                            Step::Closed(other.and_then(Result::err))
                        }
                    }
                }
            };
            tickets.send(Ticket::Ready(Box::new(step))).ok()?;
        }
    }
}

impl Reading {
    fn next_batch(&mut self) -> Option<Result<Batch, ReadError>> {
        self.table.as_mut()?.next()
    }

    fn open_next<T>(&mut self) -> Option<Step<T>> {
        let path = self.files.next()?;
        self.opened += 1;
        Some(match Table::open(&path, &self.options) {
            Ok(Opened { table, again, flaw }) => {
                let parser = table.parser();
                self.table = Some(table);
                Step::Opened(path.display().to_string(), Box::new(Parts { parser, again, flaw }))
            }
            Err(error) => Step::Unreadable(error),
        })
    }
}

/// Checks one batch: everything that can be said about its rows without knowing the others.
fn check<T>(
    batch: Batch,
    parser: &Parser,
    rules: &Rules,
    matching: model::MatchNames,
    prepare: &dyn Fn(&Row<'_>, &Parser, &Group, &[Problem]) -> T,
) -> Result<CheckedBatch<T>, ReadError> {
    let (mut notes, mut rows, mut group) = (Notes::default(), Vec::new(), Group::default());
    parser.rows(&batch, &mut notes, &mut |row| {
        let mut problems = match &row.fields {
            Ok(fields) => rules.check(fields, &mut group),
            Err(problem) => vec![problem.clone()],
        };
        problems.extend_from_slice(&row.warnings);
        let is_valid = problems.iter().all(|problem| !problem.is_error());
        let item = prepare(&row, parser, &group, &problems);
        rows.push(CheckedRow {
            offset: row.offset,
            length: row.raw.len(),
            line: row.line,
            keys: is_valid.then(|| NameKeys::of(&group.name, matching)),
            is_undescribed: is_valid && group.description.is_none(),
            problems,
            item,
        });
    })?;
    Ok(CheckedBatch { batch, notes, rows })
}
