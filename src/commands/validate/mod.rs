//! `validate`: read → check → problems, on all cores. Never touches the network.

mod copy;

use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use crate::cli::ValidateArgs;
use crate::exit::Ending;
use crate::model::{PeopleCounts, Place, Problem, ProblemFormat};
use crate::read::{Notes, Parser, ReadError};
use crate::report::{ProblemStyle, Problems, explanation};
use crate::resolve::{Directory, resolve};
use crate::settings::{Input, people_rules};

use super::outputs::keep_apart;
use super::people::users_of;
use super::pipeline::{self, CheckPeople, Checked, Files, Prepare, RowSink};
use super::{Context, Failure, print};
use copy::{Copy, FixedRow, fix};

/// Checks files, or explains what a problem means.
pub(super) fn run(args: &ValidateArgs, context: &Context<'_>) -> Result<Ending, Failure> {
    if let Some(code) = args.explain {
        return print(explanation(code).as_bytes());
    }
    let rules = people_rules(&args.people);
    let input = Input::resolve(&args.input, &rules, context.config()?)?;
    if let Some(fix) = &args.fix {
        keep_apart(&input.files, [("--fix", fix.clone())], None)?;
        if input.files.len() > 1 {
            return Err(Failure::Usage("--fix writes a copy of one file; name one FILE".to_owned()));
        }
    }
    let users = args.users.as_deref().map(|path| users_of("--users", path)).transpose()?;
    let people = users.map(Directory::new).map(|directory| -> CheckPeople {
        Arc::new(move |group| resolve(group, &directory, &rules, &mut PeopleCounts::default()).problems)
    });
    let format = if args.json { ProblemFormat::Json } else { args.format_problems };
    let style = ProblemStyle { format, shows_all: args.all };
    let problems = Problems::new(BufWriter::new(io::stdout().lock()), style);
    let mut report = Report { problems, copy: Copy::new(args.fix.clone()), unread: Vec::new() };
    let is_fixing = args.fix.is_some();
    let prepare: Prepare<Option<Box<FixedRow>>> =
        Arc::new(move |row, parser, group, problems| is_fixing.then(|| Box::new(fix(row, parser, group, problems))));
    pipeline::run(&input, &prepare, people.as_ref(), &mut report)?;
    let Report { problems, copy, unread } = report;
    let is_clean = problems.is_clean(args.strict);
    let copied = if unread.is_empty() { copy.finish() } else { Ok(None) };
    problems.finish(copied.as_ref().ok().and_then(Option::as_deref)).map_err(Failure::Print)?;
    if !unread.is_empty() {
        let uncopied = if is_fixing { "\n       no cleaned copy was written" } else { "" };
        return Err(Failure::Usage(unread_text(&unread) + uncopied));
    }
    copied?;
    Ok(if is_clean { Ending::Complete } else { Ending::Problems })
}

/// Every problem of every file that cannot be read, on a line of its own.
fn unread_text(errors: &[ReadError]) -> String {
    let lines = errors.iter().flat_map(|error| {
        error.problems.iter().map(|problem| format!("{}: {problem} [{}]", error.place(), problem.code.as_str()))
    });
    lines.collect::<Vec<_>>().join("\n       ")
}

/// Prints what is found, and writes the fixed copy.
struct Report<W> {
    problems: Problems<W>,
    copy: Copy,
    unread: Vec<ReadError>,
}

impl<W: Write> Report<W> {
    fn fixed(&mut self, path: &str, place: Option<Place>, what: &str) -> Result<(), Failure> {
        self.problems.repaired(path, place, what).map_err(Failure::Print)
    }
}

impl<W: Write> RowSink<Option<Box<FixedRow>>> for Report<W> {
    fn opened(&mut self, parser: &Parser, _: &str, flaw: Option<ReadError>) -> Result<(), Failure> {
        flaw.map_or(Ok(()), |flaw| self.unreadable(flaw))?;
        self.copy.begin(parser)
    }

    fn row(&mut self, files: &Files, row: Checked<Option<Box<FixedRow>>>) -> Result<(), Failure> {
        let path = files.path(row.place.file);
        self.problems.row(row.validity.status());
        files.report(&row, &mut self.problems)?;
        let Some(fixed) = row.item.filter(|_| self.copy.is_wanted()) else { return Ok(()) };
        if let Some(why) = self.copy.leaves_out(&fixed, &row.validity) {
            return self.fixed(path, Some(row.place), why);
        }
        for (field, what) in &fixed.fixes {
            self.fixed(path, Some(row.place), &format!("{}: {what}", field.as_str()))?;
        }
        self.copy.row(row.place, &fixed)
    }

    fn batch(&mut self, notes: &Notes) -> Result<(), Failure> {
        self.copy.note_blank(notes);
        self.problems.flush().map_err(Failure::Print)
    }

    fn closed(&mut self, parser: &Parser, path: &str, problems: Vec<Problem>) -> Result<(), Failure> {
        for what in self.copy.file_fixes(parser) {
            self.fixed(path, None, &what)?;
        }
        for problem in &problems {
            self.problems.report(path, None, problem, None).map_err(Failure::Print)?;
        }
        self.problems.flush().map_err(Failure::Print)
    }

    fn unreadable(&mut self, error: ReadError) -> Result<(), Failure> {
        let parts: Vec<_> = error.problems.iter().map(|problem| (problem.code, problem.to_string())).collect();
        self.problems.unreadable(&error.path, [error.line, error.column], &parts).map_err(Failure::Print)?;
        self.unread.push(error);
        self.copy = Copy::default();
        Ok(())
    }
}
