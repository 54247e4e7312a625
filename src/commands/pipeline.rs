//! Reads and checks all files in parallel, and gives what was found in the order of the files. The one way from files to
//! groups, for every command.

mod workers;

use std::collections::{HashMap, VecDeque};
use std::io::Write;
use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::sync::Arc;

use workers::{CheckedBatch, CheckedRow, ReadStep, RowSpan, Workers};

use crate::check::{Contents, Earlier, Names, Rules};
use crate::model::{self, Code, Field, NameKey, Place, Problem, Status, WantedGroup, shortened};
use crate::read::{Again, FileProblem, Notes, Parser, ReadError, Row};
use crate::report::Problems;
use crate::settings::Input;

use super::Failure;

/// How many first rows that were read again are kept; one may have 1 MiB.
const AGAIN_MAX: usize = 16;

/// Makes a command's own value of a row, on any thread.
pub(super) type Prepare<T> = Arc<dyn Fn(&Row<'_>, &Parser, &WantedGroup, &[Problem]) -> T + Send + Sync>;

/// Says what is wrong with the people of a sound row, on any thread.
pub(super) type CheckPeople = Arc<dyn Fn(&WantedGroup) -> Vec<Problem> + Send + Sync>;

/// What a command does with what is found. Called on one thread, in the order of the files.
pub(super) trait RowSink<T> {
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
    pub(super) validity: Validity,
    pub(super) problems: Vec<Problem>,
    /// What the command made of it.
    pub(super) item: T,
}

/// What the check says about a row.
pub(super) enum Validity {
    /// It defines a group.
    Valid(NameKey),
    /// Its people become those of the group of the row with this number.
    Merged(u32),
    /// It repeats the name of earlier rows, the first with this number, and is not sent.
    Repeat(u32),
    /// It is left out.
    Excluded,
    /// It has an error.
    Invalid,
}

impl Validity {
    /// The status of the row before anything is sent.
    pub(super) fn status(&self) -> Status {
        match self {
            Self::Valid(_) => Status::Pending,
            Self::Merged(_) => Status::Merged,
            Self::Repeat(_) => Status::Duplicate,
            Self::Excluded => Status::Excluded,
            Self::Invalid => Status::Invalid,
        }
    }
}

/// The files that were opened so far, and where their rows are.
#[derive(Default)]
pub(super) struct Files {
    opened: Vec<File>,
    /// Where every row is.
    rows: Vec<RowSpan>,
    again: VecDeque<(u32, Rc<Contents>)>,
    /// Of merged groups whose first row has no description: the first row that has one.
    described: HashMap<u32, u32>,
}

struct File {
    path: String,
    parser: Arc<Parser>,
    again: Again,
    notes: Notes,
    first_row: usize,
    /// How many records its rows are.
    records: u64,
    /// Rows without a description: how many, and the line of the first.
    undescribed: (u64, u64),
    is_given_up: bool,
}

impl Files {
    /// A file's path as given.
    pub(super) fn path(&self, file: usize) -> &str {
        self.opened.get(file).map_or("-", |file| file.path.as_str())
    }

    /// Reports all that was found in a row.
    pub(super) fn report<T>(&self, row: &Checked<T>, problems: &mut Problems<impl Write>) -> Result<(), Failure> {
        let path = self.path(row.place.file);
        for problem in &row.problems {
            let column = problem.field.and_then(|field| self.opened.get(row.place.file)?.parser.column(field));
            problems.report(path, Some(row.place), problem, column).map_err(Failure::Print)?;
        }
        Ok(())
    }

    fn file_of(&self, row: u32) -> usize {
        self.opened.partition_point(|file| file.first_row <= row as usize).saturating_sub(1)
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
        model::place(self.path(self.file_of(row)), Some(self.rows[row as usize].line.into()), None)
    }

    fn first_contents(&mut self, row: u32, rules: &Rules) -> Result<Rc<Contents>, ReadError> {
        let known = self.again.iter().position(|(other, _)| *other == row);
        let entry = if let Some(entry) = known.and_then(|at| self.again.remove(at)) {
            entry
        } else {
            let (index, RowSpan { offset, length, line }) = (self.file_of(row), self.rows[row as usize]);
            let file = &mut self.opened[index];
            let bytes = file.again.bytes(offset, length as usize);
            let failed = |reason| FileProblem::from(reason).at(&file.path, line.into(), None);
            let group = file.parser.read_again(bytes.map_err(failed)?, |row| group_of(row, rules))?;
            (row, Rc::new(Contents::of(&group)))
        };
        let contents = Rc::clone(&entry.1);
        self.again.push_front(entry);
        self.again.truncate(AGAIN_MAX);
        Ok(contents)
    }
}

fn group_of(row: &Row<'_>, rules: &Rules) -> Option<WantedGroup> {
    let mut group = WantedGroup::default();
    let problems = rules.check(row.fields.as_ref().ok()?, &mut group);
    row.is_valid(&problems).then_some(group)
}

/// Reads and checks all files; gives the names of the valid rows, and how many rows there are.
pub(super) fn run<T: Send + 'static>(
    input: &Input,
    prepare: &Prepare<T>,
    people: Option<&CheckPeople>,
    sink: &mut impl RowSink<T>,
) -> Result<(Names, u64), Failure> {
    let workers = Workers::start(input, prepare, people)?;
    let (names, files) = (Names::new(input.matching), Files::default());
    let mut collector = Collector { input, names, files, sink };
    for step in &workers.steps {
        if collector.collect(step)?.is_break() {
            // The workers are not joined: they may be blocked by a pipe.
            return Ok((collector.names, collector.files.rows.len() as u64));
        }
    }
    workers.threads.into_iter().for_each(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
    Ok((collector.names, collector.files.rows.len() as u64))
}

struct Collector<'a, S> {
    input: &'a Input,
    names: Names,
    files: Files,
    sink: &'a mut S,
}

impl<S> Collector<'_, S> {
    /// Takes a step; breaks if no more rows are wanted.
    fn collect<T>(&mut self, step: ReadStep<T>) -> Result<ControlFlow<()>, Failure>
    where
        S: RowSink<T>,
    {
        let is_given_up = self.files.opened.last().is_some_and(|file| file.is_given_up);
        match step {
            ReadStep::Opened { parser, again, flaw } => {
                let path = parser.path.display().to_string();
                self.sink.opened(&parser, &path, flaw)?;
                let (notes, first_row) = (parser.notes.clone(), self.files.rows.len());
                self.files.opened.push(File {
                    path,
                    parser,
                    again,
                    notes,
                    first_row,
                    records: 0,
                    undescribed: (0, 0),
                    is_given_up: false,
                });
            }
            ReadStep::Unreadable(error) => self.sink.unreadable(error)?,
            ReadStep::Batch(_) if is_given_up => {}
            ReadStep::Batch(_) if self.left() == 0 => return self.close(false, None).map(ControlFlow::Break),
            ReadStep::Batch(checked) => match checked.recv() {
                Ok(Ok(checked)) => return self.batch(checked),
                Ok(Err(error)) => {
                    self.files.opened.iter_mut().rev().take(1).for_each(|file| file.is_given_up = true);
                    self.sink.unreadable(error)?;
                }
                // Its worker has panicked, which is passed on when it is joined.
                Err(_) => {}
            },
            ReadStep::Closed(_) if is_given_up => self.close(false, None)?,
            ReadStep::Closed(whole) => {
                let is_whole = whole.is_ok();
                let warning = whole.or_else(|error| self.sink.unreadable(error).map(|()| None))?;
                self.close(is_whole, warning)?;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// How many more rows are wanted.
    fn left(&self) -> usize {
        let limit = self.input.limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        limit.saturating_sub(self.files.rows.len())
    }

    fn batch<T>(&mut self, checked: CheckedBatch<T>) -> Result<ControlFlow<()>, Failure>
    where
        S: RowSink<T>,
    {
        let CheckedBatch { batch, notes, spans, keys, rows } = checked;
        let (wanted, is_last) = (rows.len().min(self.left()), rows.len() > self.left());
        let too_many = |_| Failure::Usage("more than 4,294,967,295 rows; validate the files one by one".to_owned());
        let number = |rows: usize| u32::try_from(self.files.rows.len() + rows).map_err(too_many);
        let (first, end) = (number(0)?, number(wanted)?);
        self.files.rows.extend_from_slice(&spans[..wanted]);
        let earlier = self.names.add_all(&keys[..wanted], first);
        let rows = rows.into_iter().zip(spans).zip(keys).zip(earlier);
        for (number, (((row, span), keys), earlier)) in (first..end).zip(rows) {
            let CheckedRow { is_undescribed, is_deserted, is_continued, merges, mut problems, item } = row;
            let place = self.files.place(number, is_continued);
            let same = merges.and_then(|contents| self.names.add_contents(contents, number));
            let bytes = batch.part(span.offset, span.length as usize);
            let validity = match (keys, earlier) {
                (None, _) if problems.iter().any(|problem| problem.code == Code::RowExcluded) => Validity::Excluded,
                (None, _) => Validity::Invalid,
                (Some(_), Some(Earlier::Same(_))) if let Some(same) = same => {
                    let message = format!("repeats the name of {} with the same contents", self.files.shown(same));
                    problems.push(Problem::note(Code::NameRepeated, message));
                    Validity::Repeat(same)
                }
                (Some(_), Some(Earlier::Same(first))) if merges.is_some() => {
                    let lost = if is_undescribed { None } else { self.lost_description(bytes, first, number)? };
                    problems.extend(lost);
                    Validity::Merged(first)
                }
                (Some(_), Some(Earlier::Same(first))) => self.repeat(bytes, first, &mut problems)?,
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
            if is_deserted && merges.is_some() && !matches!(validity, Validity::Valid(_)) {
                let message = "members: the row names nobody, so it adds nobody to its group";
                problems.push(Problem::warning(Field::Members, Code::EntryIgnored, message));
            }
            let lacks_description = is_undescribed && matches!(validity, Validity::Valid(_));
            if let Some(file) = self.files.opened.last_mut().filter(|_| lacks_description) {
                let (count, first) = &mut file.undescribed;
                *first = if *count == 0 { place.line } else { *first };
                *count += 1;
            }
            self.sink.row(&self.files, Checked { place, number, validity, problems, item })?;
        }
        if let Some(file) = self.files.opened.last_mut() {
            file.notes.extend(&notes);
        }
        self.sink.batch(&notes)?;
        if is_last { self.close(false, None).map(ControlFlow::Break) } else { Ok(ControlFlow::Continue(())) }
    }

    /// The contents of a row of the last file, given its bytes.
    fn contents(&self, bytes: &[u8]) -> Result<Contents, Failure> {
        let Some(file) = self.files.opened.last() else { return Ok(Contents::of(&WantedGroup::default())) };
        let group = file.parser.read_again(bytes.to_vec(), |row| group_of(row, &self.input.rules))?;
        Ok(Contents::of(&group))
    }

    /// Compares a row, given its bytes, with the first row of its name.
    fn repeat(&mut self, bytes: &[u8], first: u32, problems: &mut Vec<Problem>) -> Result<Validity, Failure> {
        let contents = self.files.first_contents(first, &self.input.rules)?;
        let problem = contents.repeated(&self.contents(bytes)?, &self.files.shown(first), self.input.on_duplicate);
        let validity = if problem.is_error() { Validity::Invalid } else { Validity::Repeat(first) };
        problems.push(problem);
        Ok(validity)
    }

    /// A warning if the description of a merged row is not that of its group.
    fn lost_description(&mut self, bytes: &[u8], first: u32, row: u32) -> Result<Option<Problem>, Failure> {
        let mine = self.contents(bytes)?.description;
        let described = self.files.described.get(&first).copied().unwrap_or(first);
        let known = self.files.first_contents(described, &self.input.rules)?.description.clone();
        if known.is_none() {
            self.files.described.insert(first, row);
        }
        Ok((known.is_some() && known != mine).then(|| {
            let first = self.files.shown(described);
            let message = format!("the description differs from that of {first}, which is used");
            Problem::warning(Field::Description, Code::DescriptionLost, message)
        }))
    }

    /// Gives the problems of the last file as a whole.
    fn close<T>(&mut self, is_whole: bool, warning: Option<Problem>) -> Result<(), Failure>
    where
        S: RowSink<T>,
    {
        let rows = self.files.rows.len();
        let Some(file) = self.files.opened.last_mut() else { return Ok(()) };
        let has_no_rows = is_whole && rows == file.first_row && self.input.limit.is_none();
        let mut problems = file_problems(file, rows - file.first_row, has_no_rows, &self.input.rules);
        problems.extend(warning);
        self.sink.closed(&Arc::clone(&file.parser), &file.path.clone(), problems)
    }
}

fn file_problems(file: &File, rows: usize, has_no_rows: bool, rules: &Rules) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(note) = &file.notes.layout {
        problems.push(Problem::note(Code::LayoutRecognized, note));
    }
    for (field, column) in &file.notes.used {
        let message = format!("column `{}` is used as `{}`", shortened(column), field.as_str());
        problems.push(Problem::note(Code::ColumnUsed, message));
    }
    if let Some(first) = file.notes.blank.first() {
        let count = file.notes.blank.len();
        problems.push(Problem::note(Code::RowBlank, format!("blank rows ignored: {count} (first: line {first})")));
    }
    if let [sheet, others @ ..] = file.notes.sheets.as_slice()
        && !others.is_empty()
    {
        let others: Vec<String> = others.iter().map(|sheet| format!("`{}`", shortened(sheet))).collect();
        let message = format!(
            "the rows are read from the sheet `{}`; --sheet NAME reads another: {}",
            shortened(sheet),
            others.join(", ")
        );
        problems.push(Problem::note(Code::ColumnUsed, message));
    }
    if let Some(key) = &file.notes.records {
        let message = format!("the rows are read from the array `{}`", shortened(key));
        problems.push(Problem::note(Code::ColumnUsed, message));
    }
    for (field, column) in &file.notes.unmapped {
        let message = format!("--map {}={column}: this file has no such column", field.as_str());
        problems.push(Problem::note(Code::ColumnUnmapped, message));
    }
    if has_no_rows {
        problems.push(Problem::general(Code::FileEmpty, "the file has no rows"));
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
