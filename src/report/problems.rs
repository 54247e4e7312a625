//! Writes the problems of rows and files as they are found, then a table of their kinds.
//!
//! People see the first lines of each kind; equal problems of consecutive rows are combined.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::grouped;
use super::problem_line::{Finding, Fold, ProblemText};
use super::repeat::Repeat;
use crate::model::{
    Code, Field, Place, Problem, ProblemCount, ProblemFormat, Severity, Status, StatusCounts, json_shown, place,
    shown_path, without_sheet,
};

/// At most this many lines of a kind are shown unless all are asked for.
const SHOWN_MAX: u64 = 20;

/// How problems are written.
#[derive(Debug, Clone, Copy)]
pub struct ProblemStyle {
    /// For whom.
    pub format: ProblemFormat,
    /// All of them, not just the first of each kind.
    pub shows_all: bool,
}

/// Writes problems and counts them.
pub struct Problems<W> {
    out: W,
    style: ProblemStyle,
    /// The checked rows; valid ones are pending.
    rows: StatusCounts,
    /// Whether members or guests of repeated rows are lost.
    are_entries_lost: bool,
    kinds: BTreeMap<Kind, KindCount>,
    /// Whether some problems were counted by an earlier run, so that there are no lines to show.
    is_restored: bool,
    /// The problem of the last line.
    fold: Option<Fold>,
}

/// A kind of line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Problem(Severity, Code),
    /// A correction in the cleaned copy.
    Repair,
}

/// How many lines of a kind there are, where the first one is, and how many are shown.
#[derive(Debug, Default)]
struct KindCount {
    count: u64,
    first: String,
    lines: u64,
    /// How many no line shows.
    hidden: u64,
}

impl<W: Write> Problems<W> {
    /// Writes to `out`.
    pub fn new(out: W, style: ProblemStyle) -> Self {
        let (rows, kinds) = (StatusCounts::default(), BTreeMap::new());
        Self { out, style, rows, are_entries_lost: false, kinds, is_restored: false, fold: None }
    }

    /// Counts a checked row; a valid one is pending.
    pub fn row(&mut self, status: Status) {
        self.rows.add(status);
    }

    /// Writes a problem of a row, or of a whole file; `column` is the field's name in this file if it is another.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn report(&mut self, file: &str, at: Option<Place>, problem: &Problem, column: Option<&str>) -> io::Result<()> {
        let (row, line) = (at.map(|at| at.row), at.map(|at| at.line));
        self.write(&Finding { file, row, line, column: None, header: column, problem }, at)
    }

    /// Writes that a row repeats an earlier one; it is invalid only if repeats are to fail.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn repeat(&mut self, file: &str, place: Place, repeat: &Repeat) -> io::Result<()> {
        self.are_entries_lost |= repeat.loses_entries();
        if repeat.severity == Severity::Error || !self.is_json() {
            return self.report(file, Some(place), &repeat.problem(), None);
        }
        self.count_one(Kind::Problem(repeat.severity, Code::NameRepeated), String::new);
        let words = |fields: &[Field]| fields.iter().map(|field| field.as_str()).collect::<Vec<_>>();
        self.json(&json!({
            "type": "duplicate",
            "severity": repeat.severity.as_str(),
            "code": Code::NameRepeated.as_str(),
            "file": without_sheet(file),
            "row": place.row,
            "line": place.line,
            "duplicate_of": repeat.first,
            "differs": words(&repeat.differs),
            "lost": words(&repeat.lost),
        }))
    }

    /// Writes a correction that the cleaned copy has, in a row or in the whole file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn repaired(&mut self, file: &str, at: Option<Place>, what: &str) -> io::Result<()> {
        self.count_one(Kind::Repair, String::new);
        let (row, line) = (at.map(|at| at.row), at.map(|at| at.line));
        if self.is_json() {
            let file = without_sheet(file);
            return self.json(&json!({"type": "repair", "file": file, "row": row, "line": line, "message": what}));
        }
        let (file, message, code) = (file.to_owned(), what.to_owned(), String::new());
        self.line(Kind::Repair, at, ProblemText { file, word: "repaired", message, code })
    }

    /// Writes why a file cannot be read, or not to its end, and at which line and column. People read that at the end, as an
    /// error of the command.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn unreadable(&mut self, file: &str, at: [Option<u64>; 2], problems: &[Problem]) -> io::Result<()> {
        let [line, column] = at;
        for problem in problems {
            let finding = Finding { file, row: None, line, column, header: None, problem };
            if matches!(self.style.format, ProblemFormat::Text | ProblemFormat::Counts) {
                self.count_one(Kind::Problem(problem.severity, problem.code), || finding.place());
            } else {
                self.write(&finding, None)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, finding: &Finding<'_>, at: Option<Place>) -> io::Result<()> {
        let kind = Kind::Problem(finding.problem.severity, finding.problem.code);
        self.count_one(kind, || finding.place());
        let style = self.style;
        match style.format {
            ProblemFormat::Json => self.json(&finding.json()),
            ProblemFormat::Github if self.hides_next(kind) => Ok(()),
            ProblemFormat::Github => writeln!(self.out, "{}", finding.github()),
            ProblemFormat::Counts if !style.shows_all => Ok(()),
            ProblemFormat::Text | ProblemFormat::Counts => self.line(kind, at, finding.text()),
        }
    }

    /// Writes a line for people, or combines it with the one before.
    fn line(&mut self, kind: Kind, at: Option<Place>, line: ProblemText) -> io::Result<()> {
        if let (Some(fold), Some(at)) = (&mut self.fold, at)
            && fold.takes(at, &line)
        {
            return Ok(());
        }
        self.unfold()?;
        if self.hides_next(kind) {
            return Ok(());
        }
        let place = place(&line.file, at.map(|at| at.line), None);
        writeln!(self.out, "{place}: {}: {}{}", line.word, line.message, line.code)?;
        self.fold = at.filter(|_| !self.style.shows_all).map(|last| Fold { line, second: None, last });
        Ok(())
    }

    /// Writes the line that stands for the combined ones.
    fn unfold(&mut self) -> io::Result<()> {
        let rest = self.fold.take().and_then(Fold::end);
        rest.map_or(Ok(()), |rest| writeln!(self.out, "{rest}"))
    }

    fn count_one(&mut self, kind: Kind, place: impl FnOnce() -> String) {
        let known = self.kinds.entry(kind).or_default();
        if known.count == 0 {
            known.first = place();
        }
        known.count += 1;
    }

    /// Whether one more of a kind gets no line.
    fn hides_next(&mut self, kind: Kind) -> bool {
        let known = self.kinds.entry(kind).or_default();
        let is_hidden = !self.style.shows_all && known.lines >= SHOWN_MAX;
        *(if is_hidden { &mut known.hidden } else { &mut known.lines }) += 1;
        is_hidden
    }

    fn is_json(&self) -> bool {
        self.style.format == ProblemFormat::Json
    }

    fn json(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{}", json_shown(&value.to_string()))
    }

    /// How many problems of this severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts().filter(|known| known.severity == severity).map(|known| known.count).sum()
    }

    /// The counts of all kinds of problems, for the journal.
    pub fn counts(&self) -> impl Iterator<Item = ProblemCount> {
        self.kinds.iter().filter_map(|(kind, known)| {
            let Kind::Problem(severity, code) = *kind else { return None };
            Some(ProblemCount { severity, code, count: known.count, first: known.first.clone() })
        })
    }

    /// Adds what was counted when an unchanged file was last read.
    pub fn restore(&mut self, earlier: ProblemCount) {
        self.is_restored = true;
        let known = self.kinds.entry(Kind::Problem(earlier.severity, earlier.code)).or_default();
        if known.count == 0 {
            known.first = earlier.first;
        }
        known.count += earlier.count;
    }

    /// Whether there is no problem that counts; `strict` counts warnings.
    #[must_use]
    pub fn is_clean(&self, strict: bool) -> bool {
        self.count(Severity::Error) == 0 && !(strict && self.count(Severity::Warning) > 0)
    }

    /// Shows what was written so far.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// Writes the table of kinds, the totals, and the place of the cleaned copy.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(mut self, copy: Option<&Path>) -> io::Result<()> {
        self.unfold()?;
        match self.style.format {
            ProblemFormat::Json => self.json_totals()?,
            ProblemFormat::Counts => {
                let all = match self.style.shows_all {
                    _ if self.is_restored => Some("validate"),
                    false => Some("-v"),
                    true => None,
                };
                self.table(all.is_none())?;
                self.hints(all)?;
            }
            // No file could be read: the error says it all.
            ProblemFormat::Text | ProblemFormat::Github
                if self.rows.total() == 0 && self.count(Severity::Error) > 0 => {}
            ProblemFormat::Text | ProblemFormat::Github => self.totals(copy)?,
        }
        self.flush()
    }

    fn json_totals(&mut self) -> io::Result<()> {
        let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
        for ProblemCount { code, count, .. } in self.counts() {
            *codes.entry(code.as_str()).or_default() += count;
        }
        let totals = json!({
            "type": "totals",
            "rows": self.rows.total(),
            "valid": self.rows.of(Status::Pending),
            "merged": self.rows.of(Status::Merged),
            "duplicate": self.rows.of(Status::Duplicate),
            "excluded": self.rows.of(Status::Excluded),
            "invalid": self.rows.of(Status::Invalid),
            "problems": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "repairs": self.kinds.get(&Kind::Repair).map_or(0, |known| known.count),
            "codes": codes,
        });
        self.json(&totals)
    }

    fn totals(&mut self, copy: Option<&Path>) -> io::Result<()> {
        self.table(true)?;
        if !self.kinds.is_empty() {
            writeln!(self.out)?;
        }
        let always = ["valid", "duplicate", "invalid", "rows"];
        for (word, count) in [
            ("valid", self.rows.of(Status::Pending)),
            ("merged", self.rows.of(Status::Merged)),
            ("duplicate", self.rows.of(Status::Duplicate)),
            ("excluded", self.rows.of(Status::Excluded)),
            ("invalid", self.rows.of(Status::Invalid)),
            ("rows", self.rows.total()),
        ] {
            if count > 0 || always.contains(&word) {
                writeln!(self.out, "  {word:<10} {:>9}", grouped(count))?;
            }
        }
        if let Some(copy) = copy {
            writeln!(self.out, "\n  the cleaned copy is {}", shown_path(copy))?;
        }
        if self.counts().next().is_some() {
            writeln!(self.out)?;
        }
        self.hints(self.kinds.values().any(|known| known.hidden > 0).then_some("--all"))
    }

    /// Writes a line for each kind.
    fn table(&mut self, is_set_off: bool) -> io::Result<()> {
        if is_set_off && !self.kinds.is_empty() {
            writeln!(self.out)?;
        }
        for (kind, known) in &self.kinds {
            let count = grouped(known.count);
            let shown = match known.hidden {
                0 => String::new(),
                hidden => format!(", the first {} shown", grouped(known.count - hidden)),
            };
            match kind {
                Kind::Problem(severity, code) => {
                    let (severity, code, first) = (severity.as_str(), code.as_str(), &known.first);
                    writeln!(self.out, "  {severity:<8} {code:<20} {count:>11}   first: {first}{shown}")?;
                }
                Kind::Repair => writeln!(self.out, "  {:<29} {count:>11}{shown}", "repaired in the copy")?,
            }
        }
        Ok(())
    }

    /// Writes what to do next; `all` is the flag or command that shows every problem.
    fn hints(&mut self, all: Option<&str>) -> io::Result<()> {
        if self.counts().next().is_none() {
            return Ok(());
        }
        if let Some(all) = all {
            writeln!(self.out, "  {all} shows every problem")?;
        }
        if self.are_entries_lost {
            writeln!(self.out, "  --on-duplicate merge adds the members and guests of repeats to the first row")?;
        }
        writeln!(self.out, "  validate --explain CODE says what a code means and how to fix it")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::OnDuplicate;

    fn counted(shows_all: bool, known: Vec<ProblemCount>) -> (String, Vec<ProblemCount>) {
        let mut out = Vec::new();
        let mut problems = Problems::new(&mut out, ProblemStyle { format: ProblemFormat::Counts, shows_all });
        for known in known {
            problems.restore(known);
        }
        for row in 1..=1200 {
            let problem = Problem::error(Field::Members, Code::MemberInvalid, "member is not a user id");
            problems.report("a.csv", Some(Place { file: 0, row, line: row + 1 }), &problem, None).unwrap();
        }
        let problem = Problem::general(Code::ColumnUnknown, "ignored column: cost");
        problems.report("b\u{1b}.csv", None, &problem, None).unwrap();
        let (first, severity, on_duplicate) = ("a.csv:2".to_owned(), Severity::Note, OnDuplicate::Skip);
        let repeat = Repeat { first, severity, on_duplicate, differs: Vec::new(), lost: Vec::new() };
        problems.repeat("a.csv", Place { file: 0, row: 1201, line: 1202 }, &repeat).unwrap();
        assert!(!problems.is_clean(false) && problems.count(Severity::Warning) > 0);
        let counts = problems.counts().collect();
        problems.finish(None).unwrap();
        (String::from_utf8(out).unwrap(), counts)
    }

    const TABLE: &str = "  error    member-invalid             1,200   first: a.csv:2\n  \
        warning  column-unknown                 1   first: b\\u{1b}.csv\n  \
        note     name-repeated                  1   first: a.csv:1202\n";
    const EXPLAIN: &str = "  validate --explain CODE says what a code means and how to fix it\n";

    #[test]
    fn an_import_counts_problems_by_kind_with_the_first_place() {
        assert_eq!(counted(false, Vec::new()).0, format!("{TABLE}  -v shows every problem\n{EXPLAIN}"));
    }

    #[test]
    fn an_import_shows_every_problem_if_asked_to() {
        let (text, _) = counted(true, Vec::new());
        assert_eq!(text.lines().filter(|line| line.contains(": error: member is not a user id")).count(), 1200);
        assert!(text.ends_with(&format!("\n\n{TABLE}{EXPLAIN}")), "{text}");
    }

    #[test]
    fn counts_that_were_kept_are_added_and_keep_their_first_place() {
        let (_, known) = counted(false, Vec::new());
        let (text, counts) = counted(false, known);
        assert!(text.starts_with(&TABLE.replace("1,200", "2,400").replace("          1 ", "          2 ")), "{text}");
        assert!(text.contains("\n  validate shows every problem\n"), "an unchanged file is not read again: {text}");
        assert_eq!(counts.iter().map(|kind| kind.count).collect::<Vec<_>>(), [2400, 2, 2]);
    }
}
