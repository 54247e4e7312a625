//! The problems that `import` finds in the files: counted by kind, each kind with its first place; `-v` shows them all.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use indicatif::MultiProgress;

use crate::journal::{Journal, JournalError, RunId};
use crate::model::{Code, Place, Problem, Severity, place, shortened};

use super::Failure;

/// The problems so far.
pub(super) struct FoundProblems<'a> {
    bars: &'a MultiProgress,
    is_verbose: bool,
    /// By kind: how many, and the line of the first.
    kinds: BTreeMap<(Severity, Code), (u64, String)>,
}

impl<'a> FoundProblems<'a> {
    pub(super) fn new(bars: &'a MultiProgress, is_verbose: bool) -> Self {
        Self { bars, is_verbose, kinds: BTreeMap::new() }
    }

    pub(super) fn add(
        &mut self,
        path: &str,
        at: Option<Place>,
        problem: &Problem,
        column: Option<&str>,
    ) -> Result<(), Failure> {
        let known = self.kinds.contains_key(&(problem.severity, problem.code));
        let line = if known && !self.is_verbose { String::new() } else { line(path, at, problem, column) };
        if self.is_verbose {
            self.print(&line)?;
        }
        self.kinds.entry((problem.severity, problem.code)).or_insert((0, line)).0 += 1;
        Ok(())
    }

    /// How many problems have this severity.
    pub(super) fn count(&self, severity: Severity) -> u64 {
        self.kinds.iter().filter(|((known, _), _)| *known == severity).map(|(_, (count, _))| count).sum()
    }

    /// Writes each kind with its first problem, to standard error.
    pub(super) fn report(&self) -> Result<(), Failure> {
        if self.is_verbose {
            return Ok(());
        }
        let mut text = String::new();
        for (count, first) in self.kinds.values() {
            let more = if *count > 1 { format!(" (the first of {count}; -v shows all)") } else { String::new() };
            let _ = writeln!(text, "{first}{more}");
        }
        self.print(text.trim_end())
    }

    fn print(&self, text: &str) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        self.bars.suspend(|| writeln!(io::stderr(), "{text}")).map_err(Failure::Print)
    }

    /// Keeps the counts, for a run over the same files.
    pub(super) fn keep(&self, journal: &Journal, run: RunId) -> Result<(), JournalError> {
        let kinds = self.kinds.iter();
        let kinds = kinds.map(|((severity, code), (count, first))| (*severity, *code, *count, first.as_str()));
        journal.note_problems(run, kinds)
    }

    /// The counts of a run over the same files.
    pub(super) fn restore(&mut self, journal: &Journal, run: RunId) -> Result<(), JournalError> {
        for (severity, code, count, first) in journal.problems(run)? {
            self.kinds.insert((severity, code), (count, first));
        }
        Ok(())
    }
}

fn line(path: &str, at: Option<Place>, problem: &Problem, column: Option<&str>) -> String {
    let place = place(path, at.map(|at| at.line), None);
    let column = column.map_or_else(String::new, |column| format!(" (column `{}`)", shortened(column)));
    let (severity, code) = (problem.severity.as_str(), problem.code.as_str());
    format!("{place}: {severity}: {}{column} [{code}]", problem.message)
}
