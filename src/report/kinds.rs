//! Problems told as they are found: the first of each kind are shown to people, and what says the same is folded.

use std::io::{self, Write};

use super::fold::Fold;
use super::problem_line::{Finding, Line};
use crate::model::{Place, ProblemFormat};

/// So many lines of a kind are shown to people, unless all are asked for.
const SHOWN_MAX: u64 = 20;

/// How problems are shown.
#[derive(Debug, Clone, Copy)]
pub struct ProblemStyle {
    /// For whom.
    pub format: ProblemFormat,
    /// All of them, not just the first of each kind.
    pub shows_all: bool,
}

/// The problems of one kind so far.
#[derive(Debug, Default)]
pub(super) struct Kind {
    pub(super) count: u64,
    /// The place of the first.
    pub(super) first: String,
    /// How many lines tell of them, and how many of them no line tells of.
    lines: u64,
    hidden: u64,
}

/// Writes a line for each problem.
pub(super) struct Teller<W> {
    pub(super) out: W,
    pub(super) style: ProblemStyle,
    fold: Option<Fold>,
}

impl Kind {
    /// Counts one more.
    pub(super) fn count(&mut self, place: impl FnOnce() -> String) {
        if self.count == 0 {
            self.first = place();
        }
        self.count += 1;
    }

    /// Whether not all of them are shown.
    pub(super) fn is_cut(&self) -> bool {
        self.hidden > 0
    }

    /// The words for that, behind what parts them from what stands before.
    pub(super) fn cut(&self, gap: &str) -> String {
        if self.is_cut() { format!("{gap}the first {} shown", self.count - self.hidden) } else { String::new() }
    }
}

impl<W: Write> Teller<W> {
    pub(super) fn new(out: W, style: ProblemStyle) -> Self {
        Self { out, style, fold: None }
    }

    pub(super) fn is_for_scripts(&self) -> bool {
        self.style.format == ProblemFormat::Json
    }

    /// Tells of one problem, which was counted.
    pub(super) fn tell(&mut self, kind: &mut Kind, finding: &Finding<'_>, at: Option<Place>) -> io::Result<()> {
        match self.style.format {
            ProblemFormat::Json => writeln!(self.out, "{}", finding.json()),
            ProblemFormat::Github if self.is_hidden(kind) => Ok(()),
            ProblemFormat::Github => writeln!(self.out, "{}", finding.github()),
            ProblemFormat::Text => self.say(kind, &finding.place(), at.map(|at| (finding.file, at)), finding.text()),
        }
    }

    /// A line for people. What says the same of the next row is folded into it.
    pub(super) fn say(
        &mut self,
        kind: &mut Kind,
        place: &str,
        at: Option<(&str, Place)>,
        line: Line,
    ) -> io::Result<()> {
        if let (Some(fold), Some((file, at))) = (&mut self.fold, at)
            && fold.takes(file, at, &line)
        {
            return Ok(());
        }
        self.unfold()?;
        if self.is_hidden(kind) {
            return Ok(());
        }
        writeln!(self.out, "{place}: {}: {}{}", line.word, line.message, line.code)?;
        self.fold = at.filter(|_| !self.style.shows_all).map(|(file, at)| Fold::begin(file, at, line));
        Ok(())
    }

    /// Tells how far the lines went that said the same.
    pub(super) fn unfold(&mut self) -> io::Result<()> {
        let rest = self.fold.take().and_then(Fold::end);
        rest.map_or(Ok(()), |rest| writeln!(self.out, "{rest}"))
    }

    /// Whether one more of this kind is not shown.
    fn is_hidden(&self, kind: &mut Kind) -> bool {
        let is_hidden = !self.style.shows_all && kind.lines >= SHOWN_MAX;
        kind.hidden += u64::from(is_hidden);
        kind.lines += u64::from(!is_hidden);
        is_hidden
    }
}
