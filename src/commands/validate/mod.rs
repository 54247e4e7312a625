//! `validate`: read → check → problems, on all cores. Never touches the network.

mod copy;

use std::io::{self, BufWriter, Write};
use std::path::Path;

use crate::cli::ValidateArgs;
use crate::exit::Ending;
use crate::model::{PeopleCounts, Problem, ProblemFormat, Severity, WantedGroup};
use crate::read::{Notes, Parser, ReadError, Row};
use crate::report::{Problems, explanation};
use crate::resolve::{Directory, resolve};
use crate::settings::{Config, Input};

use super::outputs::keep_apart;
use super::people::users_of;
use super::pipeline::{self, CheckPeople, Checked, RowSink};
use super::{Context, Failure, print};
use copy::{Copy, FixedRow, fix};

/// Checks files, or explains what a problem means.
pub(super) fn run(args: &ValidateArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    if let Some(code) = args.explain {
        return print(explanation(code).as_bytes());
    }
    let rules = args.people.clone();
    let input = Input::resolve(&args.input, &rules, Config::read(context.config, context.environment)?)?;
    if let Some(fix) = &args.fix {
        keep_apart(&input.files, [("--fix", fix.clone())], None)?;
        if input.files.len() > 1 {
            return Err(Failure::Usage("--fix writes a copy of one file; name one FILE".to_owned()));
        }
    }
    let users = args.users.as_deref().map(|path| users_of("--users", path)).transpose()?;
    let people = users.map(Directory::new).map(|directory| -> Box<CheckPeople> {
        Box::new(move |group| resolve(group, &directory, &rules, &mut PeopleCounts::default()).1)
    });
    let format = if args.json { ProblemFormat::Json } else { args.format_problems };
    let problems = Problems::new(BufWriter::new(io::stdout().lock()), format, args.all);
    let mut report = Report { problems, fix: args.fix.as_deref(), copy: None, unread: Vec::new() };
    let is_fixing = args.fix.is_some();
    let prepare = move |row: &Row<'_>, parser: &Parser, group: &WantedGroup, problems: &[Problem]| {
        is_fixing.then(|| Box::new(fix(row, parser, group, problems)))
    };
    pipeline::run(&input, Box::new(prepare), people, &mut report)?;
    let Report { problems, copy, unread, .. } = report;
    let is_clean = problems.count(Severity::Error) == 0 && !(args.strict && problems.count(Severity::Warning) > 0);
    let copied = copy.map(|copy| copy.output.finish()).transpose().map_err(Failure::Unwritten);
    let copy = args.fix.as_deref().filter(|_| matches!(copied, Ok(Some(()))));
    problems.finish(copy).map_err(Failure::Print)?;
    if !unread.is_empty() {
        let unread = unread.iter().flat_map(|error| {
            error.problems.iter().map(|problem| format!("{}: {problem} [{}]", error.place(), problem.code.as_ref()))
        });
        let uncopied = is_fixing.then(|| "no cleaned copy was written".to_owned());
        return Err(Failure::Usage(unread.chain(uncopied).collect::<Vec<_>>().join("\n       ")));
    }
    copied?;
    Ok(if is_clean { Ending::Complete } else { Ending::Problems })
}

/// Prints what is found, and writes the fixed copy.
struct Report<'a, W> {
    problems: Problems<W>,
    /// Where the copy is to be, if one is wanted.
    fix: Option<&'a Path>,
    /// None if the file cannot be read.
    copy: Option<Copy>,
    unread: Vec<ReadError>,
}

impl<W: Write> RowSink for Report<'_, W> {
    type Item = Option<Box<FixedRow>>;

    fn problems(&mut self) -> &mut Problems<impl Write> {
        &mut self.problems
    }

    fn opened(&mut self, parser: &Parser) -> Result<(), Failure> {
        if let Some(path) = self.fix.filter(|_| self.unread.is_empty()) {
            self.copy = Some(Copy::begin(path, parser).map_err(Failure::Unwritten)?);
        }
        Ok(())
    }

    fn row(&mut self, file: &str, row: Checked<Option<Box<FixedRow>>>) -> Result<(), Failure> {
        self.problems.row(row.validity.status());
        let (Some(fixed), Some(copy)) = (row.item, &mut self.copy) else { return Ok(()) };
        if let Some(why) = copy.leaves_out(&fixed, &row.validity) {
            return self.problems.repaired(file, Some(row.place), why).map_err(Failure::Print);
        }
        for (field, what) in &fixed.fixes {
            let what = format!("{}: {what}", field.as_ref());
            self.problems.repaired(file, Some(row.place), &what).map_err(Failure::Print)?;
        }
        copy.row(&fixed).map_err(Failure::Unwritten)
    }

    fn closed(&mut self, parser: &Parser, notes: &Notes) -> Result<(), Failure> {
        for what in self.copy.iter().flat_map(|copy| copy.file_fixes(parser, notes)) {
            self.problems.repaired(&parser.file, None, &what).map_err(Failure::Print)?;
        }
        Ok(())
    }

    fn unreadable(&mut self, error: ReadError) -> Result<(), Failure> {
        let ReadError { file, line, column, problems } = &error;
        self.problems.unreadable(file, [*line, *column], problems).map_err(Failure::Print)?;
        self.unread.push(error);
        self.copy = None;
        Ok(())
    }
}
