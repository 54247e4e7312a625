//! Counts problems by kind, and writes the table of kinds. Pure.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::grouped;
use crate::model::{Code, ProblemCount, Severity};

/// At most this many lines of a kind are shown unless all are asked for.
const SHOWN_MAX: u64 = 20;

/// The problems of one kind.
#[derive(Debug, Default)]
pub(super) struct ProblemKind {
    pub(super) count: u64,
    first: String,
    lines: u64,
    /// Problems that no line shows.
    hidden: u64,
}

/// The problems of all kinds.
#[derive(Debug, Default)]
pub(super) struct ProblemKinds {
    kinds: BTreeMap<(Severity, Code), ProblemKind>,
    /// Corrections in the cleaned copy.
    pub(super) repairs: ProblemKind,
    /// Whether some problems were counted by an earlier run, so that there are no lines to show.
    pub(super) is_restored: bool,
}

impl ProblemKinds {
    pub(super) fn of(&mut self, severity: Severity, code: Code) -> &mut ProblemKind {
        self.kinds.entry((severity, code)).or_default()
    }

    pub(super) fn count(&self, wanted: Severity) -> u64 {
        self.kinds.iter().filter(|((severity, _), _)| *severity == wanted).map(|(_, kind)| kind.count).sum()
    }

    pub(super) fn counts(&self) -> impl Iterator<Item = ProblemCount> {
        self.kinds.iter().map(|(&(severity, code), kind)| {
            let (count, first) = (kind.count, kind.first.clone());
            ProblemCount { severity, code, count, first }
        })
    }

    pub(super) fn restore(&mut self, known: ProblemCount) {
        self.is_restored = true;
        let kind = self.of(known.severity, known.code);
        if kind.count == 0 {
            kind.first = known.first;
        }
        kind.count += known.count;
    }

    /// How often each code was found, whatever the severity.
    pub(super) fn by_code(&self) -> BTreeMap<&'static str, u64> {
        let mut codes = BTreeMap::new();
        for ((_, code), kind) in &self.kinds {
            *codes.entry(code.as_str()).or_default() += kind.count;
        }
        codes
    }

    pub(super) fn has_problems(&self) -> bool {
        !self.kinds.is_empty()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kinds.is_empty() && self.repairs.count == 0
    }

    /// Whether not all problems were shown.
    pub(super) fn is_cut(&self) -> bool {
        self.kinds.values().any(|kind| kind.hidden > 0)
    }

    pub(super) fn table(&self, out: &mut impl Write) -> io::Result<()> {
        for ((severity, code), kind) in &self.kinds {
            let (severity, code, count) = (severity.as_str(), code.as_str(), grouped(kind.count));
            writeln!(out, "  {severity:<8} {code:<20} {count:>11}   first: {}{}", kind.first, kind.cut(", "))?;
        }
        if self.repairs.count > 0 {
            let (count, cut) = (grouped(self.repairs.count), self.repairs.cut("   "));
            writeln!(out, "  {:<29} {count:>11}{cut}", "repaired in the copy")?;
        }
        Ok(())
    }

    /// What to do next; `all` is the flag or command that shows every problem.
    pub(super) fn hints(&self, out: &mut impl Write, all: Option<&str>, are_entries_lost: bool) -> io::Result<()> {
        if !self.has_problems() {
            return Ok(());
        }
        if let Some(all) = all {
            writeln!(out, "  {all} shows every problem")?;
        }
        if are_entries_lost {
            writeln!(out, "  --on-duplicate merge adds the members and guests of repeats to the first row")?;
        }
        writeln!(out, "  validate --explain CODE says what a code means and how to fix it")
    }
}

impl ProblemKind {
    /// Counts one more problem.
    pub(super) fn add(&mut self, place: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = place();
        }
        self.count += 1;
    }

    /// Whether one more problem gets no line.
    pub(super) fn hides_next(&mut self, shows_all: bool) -> bool {
        let is_hidden = !shows_all && self.lines >= SHOWN_MAX;
        self.hidden += u64::from(is_hidden);
        self.lines += u64::from(!is_hidden);
        is_hidden
    }

    /// Says after `gap` how many are shown if that is not all.
    fn cut(&self, gap: &str) -> String {
        if self.hidden == 0 {
            return String::new();
        }
        format!("{gap}the first {} shown", grouped(self.count - self.hidden))
    }
}
