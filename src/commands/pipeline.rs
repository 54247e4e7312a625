//! Reads and checks all files in parallel, in their order skips, merges or refuses repeated names, and gives what was found. The one
//! way from files to groups, for every command.
//!
//! A thread of its own reads the files and starts a thread for each batch, which checks the rows as far as they can be checked
//! without knowing the others. The collector takes them in order.

use std::collections::HashMap;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::{self, JoinHandle};

use crate::check::{Contents, Earlier, Keys, NameKeys, Names};
use crate::model::{self, Code, Field, OnDuplicate, Place, Problem, Validity, WantedGroup, hash};
use crate::read::{Batch, Notes, Parser, ReadError, Row, Table};
use crate::report::Problems;
use crate::settings::Input;

use super::Failure;

/// Makes a command's own value of a row, on any thread.
pub(super) type Prepare<T> = dyn Fn(&Row<'_>, &Parser, &WantedGroup, &[Problem]) -> T + Send + Sync;

/// Says what is wrong with the people of a sound row, on any thread.
pub(super) type CheckPeople = dyn Fn(&WantedGroup) -> Vec<Problem> + Send + Sync;

/// What a command does with what is found. Called on one thread, in the order of the files.
pub(super) trait RowSink {
    /// What the command makes of a row.
    type Item: Send + 'static;
    /// Where problems are reported.
    fn problems(&mut self) -> &mut Problems<impl Write>;
    /// A file is open.
    fn opened(&mut self, parser: &Parser) -> Result<(), Failure>;
    /// A row of this file was checked, and its problems were reported.
    fn row(&mut self, file: &str, row: Checked<Self::Item>) -> Result<(), Failure>;
    /// A file was read as far as it can be.
    fn closed(&mut self, _: &Parser, _: &Notes) -> Result<(), Failure> {
        Ok(())
    }
    /// A file cannot be read, or not any further; or its header is wrong, although its rows can be checked.
    fn unreadable(&mut self, error: ReadError) -> Result<(), Failure>;
}

/// A row that was checked.
pub(super) struct Checked<T> {
    pub(super) place: Place,
    /// Its number among all rows, from 0.
    pub(super) number: u32,
    pub(super) validity: Validity,
    pub(super) problems: Vec<Problem>,
    /// What the command made of it.
    pub(super) item: T,
}

/// What comes from the files, in order; of a batch, the thread that checks it.
enum ReadStep<T> {
    Opened { parser: Arc<Parser>, flaw: Option<ReadError> },
    Batch(io::Result<JoinHandle<Result<CheckedBatch<T>, ReadError>>>),
    Closed(Result<Option<Problem>, ReadError>),
    Unreadable(ReadError),
}

/// Starts to read and check all files.
fn start_reading<T: Send + 'static>(check: Check<T>) -> Result<(Receiver<ReadStep<T>>, JoinHandle<()>), Failure> {
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

struct CheckedBatch<T> {
    notes: Notes,
    rows: Vec<CheckedRow<T>>,
}

/// What other rows need to know of a row.
#[derive(Clone, Copy)]
struct KnownRow {
    line: u32,
    contents: Contents,
}

struct CheckedRow<T> {
    known: KnownRow,
    /// The keys of its name; nothing if it is invalid.
    keys: Option<NameKeys>,
    /// The hash of its own key; of a row without one, that of its id, which counts among the rows of its name.
    key: Option<(Field, u64)>,
    /// Whether it is of the same record as the row before.
    is_continued: bool,
    /// Whether it is merged with other rows of its name.
    is_merged: bool,
    problems: Vec<Problem>,
    item: T,
}

/// Checks batches.
struct Check<T> {
    input: Input,
    prepare: Box<Prepare<T>>,
    people: Option<Box<CheckPeople>>,
}

impl<T> Check<T> {
    /// Checks one batch.
    fn batch(&self, parser: &Parser, batch: &Batch) -> Result<CheckedBatch<T>, ReadError> {
        let (mut notes, mut rows) = (Notes::default(), Vec::with_capacity(batch.count()));
        parser.rows(batch, &mut notes, &mut |row| {
            let (mut group, mut problems) = match &row.fields {
                Ok(fields) => self.input.rules.check(fields),
                Err(problem) => (WantedGroup::default(), vec![problem.clone()]),
            };
            group.is_of_person = row.is_of_person;
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
            let id = || Some((Field::TallyfyId, hash((group.tallyfy_id.as_ref()?, keys.as_ref()?.name))));
            let key = group.key.as_ref().map(|key| (Field::Key, hash(key))).or_else(id);
            rows.push(CheckedRow { known, keys, key, is_continued, is_merged, problems, item });
        })?;
        Ok(CheckedBatch { notes, rows })
    }
}

/// The files that were opened so far, and what is known of all their rows.
#[derive(Default)]
struct Files {
    opened: Vec<File>,
    rows: Vec<KnownRow>,
}

struct File {
    parser: Arc<Parser>,
    notes: Notes,
    first_row: usize,
    /// How many records its rows are.
    records: u64,
    /// Rows without a description: how many, and the line of the first.
    undescribed: (u64, u64),
    /// Whether it could be read so far.
    is_sound: bool,
}

impl Files {
    /// A file's name in messages.
    fn path(&self, file: usize) -> &str {
        self.opened.get(file).map_or("-", |file| file.parser.file.as_str())
    }

    /// Reports all that was found in a row.
    fn report<T>(&self, row: &Checked<T>, problems: &mut Problems<impl Write>) -> Result<(), Failure> {
        let path = self.path(row.place.file);
        for problem in &row.problems {
            let column = problem.field.and_then(|field| self.opened.get(row.place.file)?.parser.column(field));
            problems.report(path, Some(row.place), problem, column).map_err(Failure::Print)?;
        }
        Ok(())
    }

    /// The place of the next row of the last file.
    fn place(&mut self, row: u32, is_continued: bool) -> Place {
        let line = self.rows[row as usize].line.into();
        let file = self.opened.len().saturating_sub(1);
        let Some(opened) = self.opened.last_mut() else { return Place { file, row: 1, line } };
        opened.records += u64::from(!is_continued);
        Place { file, row: opened.records, line }
    }

    /// `file:line`, safe to show.
    fn shown(&self, row: u32) -> String {
        let file = self.opened.partition_point(|file| file.first_row <= row as usize).saturating_sub(1);
        model::place(self.path(file), Some(self.rows[row as usize].line.into()), None)
    }
}

/// Reads and checks all files; gives the names of the valid rows, and how many rows there are.
pub(super) fn run<S: RowSink>(
    input: &Input,
    prepare: Box<Prepare<S::Item>>,
    people: Option<Box<CheckPeople>>,
    sink: &mut S,
) -> Result<(Names, u64), Failure> {
    let (names, ids, files) = (Names::new(input.matching), Keys::default(), Files::default());
    let mut collector = Collector { input, names, ids, files, descriptions: HashMap::new(), sink };
    let (steps, reader) = start_reading(Check { input: input.clone(), prepare, people })?;
    let mut taken = steps.iter().map(|step| collector.step(step));
    match taken.find(|flow| !matches!(flow, Ok(ControlFlow::Continue(())))) {
        None => reader.join().unwrap_or_else(|panic| resume_unwind(panic)),
        // The reader is not joined: it may be blocked by a pipe.
        Some(flow) => _ = flow?,
    }
    Ok((collector.names, collector.files.rows.len() as u64))
}

struct Collector<'a, S: RowSink> {
    input: &'a Input,
    names: Names,
    /// Their ids in the source system.
    ids: Keys,
    files: Files,
    /// Of groups whose rows are merged, by their first row: the first row that has a description, and its hash.
    descriptions: HashMap<u32, (u32, u32)>,
    sink: &'a mut S,
}

impl<S: RowSink> Collector<'_, S> {
    /// Takes a step; breaks if no more rows are wanted.
    fn step(&mut self, step: ReadStep<S::Item>) -> Result<ControlFlow<()>, Failure> {
        match step {
            ReadStep::Opened { parser, flaw } => {
                flaw.map_or(Ok(()), |flaw| self.sink.unreadable(flaw))?;
                self.sink.opened(&parser)?;
                let (notes, first_row) = (parser.notes.clone(), self.files.rows.len());
                let (records, undescribed) = Default::default();
                let file = File { parser, notes, first_row, records, undescribed, is_sound: true };
                self.files.opened.push(file);
            }
            ReadStep::Unreadable(error) => self.sink.unreadable(error)?,
            ReadStep::Batch(thread) => {
                let thread = thread.map_err(Failure::Start)?;
                return self.batch(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
            ReadStep::Closed(Err(error)) => {
                self.give_up(error)?;
                self.close(None)?;
            }
            ReadStep::Closed(Ok(warning)) => self.close(warning)?,
        }
        Ok(ControlFlow::Continue(()))
    }

    /// The last file cannot be read any further.
    fn give_up(&mut self, error: ReadError) -> Result<(), Failure> {
        let file = self.files.opened.last_mut().filter(|file| file.is_sound);
        file.map_or(Ok(()), |file| {
            file.is_sound = false;
            self.sink.unreadable(error)
        })
    }

    /// How many more rows are wanted.
    fn left(&self) -> usize {
        let limit = self.input.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        limit.saturating_sub(self.files.rows.len())
    }

    /// Takes the rows of a batch; breaks if no more are wanted.
    fn batch(&mut self, checked: Result<CheckedBatch<S::Item>, ReadError>) -> Result<ControlFlow<()>, Failure> {
        let CheckedBatch { notes, rows } = match checked {
            _ if self.left() == 0 => return self.close(None).map(ControlFlow::Break),
            _ if !self.files.opened.last().is_some_and(|file| file.is_sound) => return Ok(ControlFlow::Continue(())),
            Ok(checked) => checked,
            Err(error) => return self.give_up(error).map(ControlFlow::Continue),
        };
        let (wanted, is_last) = (rows.len().min(self.left()), rows.len() > self.left());
        let too_many = |_| Failure::Usage("more than 4,294,967,295 rows; validate the files one by one".to_owned());
        let number = |rows: usize| u32::try_from(self.files.rows.len() + rows).map_err(too_many);
        let (first, end) = (number(0)?, number(wanted)?);
        self.files.rows.extend(rows.iter().take(wanted).map(|row| row.known));
        for (number, row) in (first..end).zip(rows) {
            self.row(number, row)?;
        }
        if let Some(file) = self.files.opened.last_mut() {
            file.notes.extend(&notes);
        }
        self.sink.problems().flush().map_err(Failure::Print)?;
        if is_last { self.close(None).map(ControlFlow::Break) } else { Ok(ControlFlow::Continue(())) }
    }

    /// What becomes of a row.
    fn row(&mut self, number: u32, row: CheckedRow<S::Item>) -> Result<(), Failure> {
        let CheckedRow { known: KnownRow { contents, .. }, keys, key, is_continued, is_merged, mut problems, item } =
            row;
        problems.extend(keys.as_ref().zip(key).and_then(|(keys, key)| self.conflict(keys, key, number)));
        let keys = keys.filter(|_| problems.iter().all(|problem| problem.code != Code::KeyRepeated));
        let earlier = keys.as_ref().and_then(|keys| self.names.add(keys, number));
        let place = self.files.place(number, is_continued);
        let same = keys.as_ref().filter(|_| is_merged).and_then(|keys| self.names.add_contents(keys, contents, number));
        let validity = match (keys, earlier) {
            (None, _) if problems.iter().any(|problem| problem.code == Code::RowExcluded) => Validity::Excluded,
            (None, _) => Validity::Invalid,
            (Some(_), Some(Earlier::Same(first))) if is_merged && same.is_none() => Validity::Merged(first),
            (Some(_), Some(Earlier::Same(first))) => {
                let (first, how) = same.map_or((first, self.input.on_duplicate), |same| (same, OnDuplicate::Skip));
                let known = self.files.rows[first as usize].contents;
                let problem = known.repeated(&contents, &self.files.shown(first), how);
                let validity = if problem.is_error() { Validity::Invalid } else { Validity::Repeat(first) };
                problems.push(problem);
                validity
            }
            (Some(keys), None) => Validity::Valid(keys.name),
            (Some(keys), Some(Earlier::Confusable(earlier))) => {
                let message = format!(
                    "the name looks like that of {} but has other characters; are they one group?",
                    self.files.shown(earlier)
                );
                problems.push(Problem::warning(Field::Name, Code::NameConfusable, message));
                Validity::Valid(keys.name)
            }
        };
        let is_valid = matches!(validity, Validity::Valid(_));
        let group = if let Validity::Merged(first) = validity { Some(first) } else { is_valid.then_some(number) };
        if let Some(group) = group.filter(|_| is_merged && contents.description != 0) {
            problems.extend(self.lost_description(contents.description, group, number));
        }
        if is_merged && matches!(validity, Validity::Merged(_) | Validity::Repeat(_)) && !contents.has_people() {
            let message = "members: the row names nobody, so it adds nobody to its group";
            problems.push(Problem::warning(Field::Members, Code::EntryIgnored, message));
        }
        if let Some(file) = self.files.opened.last_mut().filter(|_| is_valid && contents.description == 0) {
            let (count, first) = &mut file.undescribed;
            *first = if *count == 0 { place.line } else { *first };
            *count += 1;
        }
        let row = Checked { place, number, validity, problems, item };
        self.files.report(&row, self.sink.problems())?;
        self.sink.row(self.files.path(place.file), row)
    }

    /// The problem of a row whose key is that of another name, or whose name has another key or id.
    fn conflict(&mut self, keys: &NameKeys, (field, key): (Field, u64), row: u32) -> Option<Problem> {
        let group = self.names.first(keys).unwrap_or(row);
        let first = self.ids.add(key, group)?;
        let (place, key) = (self.files.shown(first), field.as_ref());
        let why = if first == group {
            format!("{place} has the same name and another {key}; if they are two groups, rename one")
        } else {
            format!("{place} has the same {key} and another name; a {key} is of one group")
        };
        Some(Problem::error(field, Code::KeyRepeated, format!("{key}: {why}")))
    }

    /// A warning if the description of a merged row, which has this hash, is not that of its group.
    fn lost_description(&mut self, own: u32, first: u32, row: u32) -> Option<Problem> {
        let (described, known) = *self.descriptions.entry(first).or_insert((row, own));
        (known != own).then(|| {
            let first = self.files.shown(described);
            let message = format!("the description differs from that of {first}, which is used");
            Problem::warning(Field::Description, Code::DescriptionLost, message)
        })
    }

    /// Gives the problems of the last file as a whole.
    fn close(&mut self, warning: Option<Problem>) -> Result<(), Failure> {
        let Some(file) = self.files.opened.last() else { return Ok(()) };
        let (rows, mut problems) = (self.files.rows.len() - file.first_row, file.notes.problems());
        if file.is_sound && rows == 0 && self.input.limit.is_none() {
            problems.push(Problem::general(Code::FileEmpty, "the file has no rows"));
        }
        let (undescribed, first) = file.undescribed;
        let rules = &self.input.rules;
        if undescribed > 0 && rules.default_description.is_none() && !rules.require_description {
            let message = format!(
                "rows without a description: {undescribed} of {rows} (first: line {first}); current Tallyfy versions reject groups without one; --default-description gives one"
            );
            problems.push(Problem::warning(Field::Description, Code::DescriptionMissing, message));
        }
        problems.extend(warning.filter(|_| file.is_sound));
        self.sink.closed(&file.parser, &file.notes)?;
        let out = self.sink.problems();
        let mut report = |problem: &Problem| out.report(&file.parser.file, None, problem, None);
        problems.iter().try_for_each(&mut report).and_then(|()| out.flush()).map_err(Failure::Print)
    }
}
