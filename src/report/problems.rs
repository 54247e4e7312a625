//! Writes the problems of rows and files as they are found, then a table of their kinds.
//!
//! People see the first lines of each kind; equal problems of consecutive rows are combined.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::fold::Fold;
use super::grouped;
use super::kinds::ProblemKind;
use super::problem_line::{Finding, ProblemText};
use super::repeat::Repeat;
use crate::model::{Code, Field, Place, Problem, ProblemCount, ProblemFormat, Severity, json_shown, place, shown_path};

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
    lines: Lines<W>,
    rows: u64,
    invalid: u64,
    duplicates: u64,
    /// Whether members or guests of repeated rows are lost.
    are_entries_lost: bool,
    kinds: BTreeMap<(Severity, Code), ProblemKind>,
    /// Corrections in the cleaned copy.
    repairs: ProblemKind,
    /// Whether some problems were counted by an earlier run, so that there are no lines to show.
    is_restored: bool,
}

/// Writes lines for people.
struct Lines<W> {
    out: W,
    style: ProblemStyle,
    fold: Option<Fold>,
}

impl<W: Write> Problems<W> {
    /// Writes to `out`.
    pub fn new(out: W, style: ProblemStyle) -> Self {
        Self {
            lines: Lines { out, style, fold: None },
            rows: 0,
            invalid: 0,
            duplicates: 0,
            are_entries_lost: false,
            kinds: BTreeMap::new(),
            repairs: ProblemKind::default(),
            is_restored: false,
        }
    }

    /// Counts checked rows, and how many of them are valid.
    pub fn rows(&mut self, count: u64, valid: u64) {
        self.rows += count;
        self.invalid += count - valid;
    }

    /// Writes a problem of a row, or of a whole file; `column` is the field's name in this file if it is another.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn tell(&mut self, file: &str, at: Option<Place>, problem: &Problem, column: Option<&str>) -> io::Result<()> {
        let (row, line) = (at.map(|at| at.row), at.map(|at| at.line));
        self.write(&Finding { file, row, line, column: None, header: column, problem }, at)
    }

    /// Writes that a row repeats an earlier one; it is invalid only if repeats are to fail.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn repeat(&mut self, file: &str, place: Place, repeat: &Repeat) -> io::Result<()> {
        self.are_entries_lost |= repeat.loses_entries();
        let is_error = repeat.severity == Severity::Error;
        *(if is_error { &mut self.invalid } else { &mut self.duplicates }) += 1;
        if is_error || !self.is_json() {
            return self.tell(file, Some(place), &repeat.problem(), None);
        }
        self.kinds.entry((repeat.severity, Code::NameRepeated)).or_default().add(String::new);
        let words = |fields: &[Field]| fields.iter().map(|field| field.as_str()).collect::<Vec<_>>();
        self.json(&json!({
            "type": "duplicate",
            "severity": repeat.severity.as_str(),
            "code": Code::NameRepeated.as_str(),
            "file": file,
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
        self.repairs.add(String::new);
        let (row, line) = (at.map(|at| at.row), at.map(|at| at.line));
        if self.is_json() {
            return self.json(&json!({"type": "repair", "file": file, "row": row, "line": line, "message": what}));
        }
        let file = file.to_owned();
        let line = ProblemText { file, word: "repaired", message: what.to_owned(), code: String::new() };
        self.lines.write(&mut self.repairs, at, line)
    }

    /// Writes why a file cannot be read, or not to its end, and at which line and column. People read that at the end, as an error of the command.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn unreadable(&mut self, path: &Path, at: [Option<u64>; 2], problems: &[(Code, String)]) -> io::Result<()> {
        let [line, column] = at;
        let file = &path.display().to_string();
        for (code, message) in problems {
            let problem = &Problem { severity: Severity::Error, ..Problem::general(*code, message) };
            let finding = Finding { file, row: None, line, column, header: None, problem };
            if matches!(self.lines.style.format, ProblemFormat::Text | ProblemFormat::Counts) {
                self.kinds.entry((Severity::Error, *code)).or_default().add(|| finding.place());
            } else {
                self.write(&finding, None)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, finding: &Finding<'_>, at: Option<Place>) -> io::Result<()> {
        let kind = self.kinds.entry((finding.problem.severity, finding.problem.code)).or_default();
        kind.add(|| finding.place());
        let style = self.lines.style;
        match style.format {
            ProblemFormat::Json => self.json(&finding.json()),
            ProblemFormat::Github if kind.hides_next(style.shows_all) => Ok(()),
            ProblemFormat::Github => writeln!(self.lines.out, "{}", finding.github()),
            ProblemFormat::Counts if !style.shows_all => Ok(()),
            ProblemFormat::Text | ProblemFormat::Counts => self.lines.write(kind, at, finding.text()),
        }
    }

    fn is_json(&self) -> bool {
        self.lines.style.format == ProblemFormat::Json
    }

    fn json(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.lines.out, "{}", json_shown(&value.to_string()))
    }

    /// How many problems of this severity there are.
    #[must_use]
    pub fn count(&self, severity: Severity) -> u64 {
        self.kinds.iter().filter(|((known, _), _)| *known == severity).map(|(_, kind)| kind.count).sum()
    }

    /// The counts of all kinds, for the journal.
    pub fn counts(&self) -> impl Iterator<Item = ProblemCount> {
        self.kinds.iter().map(|(&(severity, code), kind)| {
            let (count, first) = (kind.count, kind.first.clone());
            ProblemCount { severity, code, count, first }
        })
    }

    /// Adds what was counted when an unchanged file was last read.
    pub fn restore(&mut self, known: ProblemCount) {
        self.is_restored = true;
        let kind = self.kinds.entry((known.severity, known.code)).or_default();
        if kind.count == 0 {
            kind.first = known.first;
        }
        kind.count += known.count;
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
        self.lines.out.flush()
    }

    /// Writes the table of kinds, the totals, and the place of the cleaned copy.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(mut self, copy: Option<&Path>) -> io::Result<()> {
        self.lines.unfold()?;
        match self.lines.style.format {
            ProblemFormat::Json => self.json_totals()?,
            ProblemFormat::Counts => {
                let all = match self.lines.style.shows_all {
                    _ if self.is_restored => Some("validate"),
                    false => Some("-v"),
                    true => None,
                };
                self.table(all.is_none())?;
                self.hints(all)?;
            }
            // No file could be read: the error says it all.
            ProblemFormat::Text | ProblemFormat::Github if self.rows == 0 && self.count(Severity::Error) > 0 => {}
            ProblemFormat::Text | ProblemFormat::Github => self.totals(copy)?,
        }
        self.flush()
    }

    fn valid(&self) -> u64 {
        self.rows - self.invalid - self.duplicates
    }

    fn json_totals(&mut self) -> io::Result<()> {
        let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
        for ((_, code), kind) in &self.kinds {
            *codes.entry(code.as_str()).or_default() += kind.count;
        }
        let totals = json!({
            "type": "totals",
            "rows": self.rows,
            "valid": self.valid(),
            "duplicate": self.duplicates,
            "invalid": self.invalid,
            "problems": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "repairs": self.repairs.count,
            "codes": codes,
        });
        self.json(&totals)
    }

    fn totals(&mut self, copy: Option<&Path>) -> io::Result<()> {
        let counts =
            [("valid", self.valid()), ("duplicate", self.duplicates), ("invalid", self.invalid), ("rows", self.rows)];
        if self.table(true)? {
            writeln!(self.lines.out)?;
        }
        for (word, count) in counts {
            writeln!(self.lines.out, "  {word:<10} {:>9}", grouped(count))?;
        }
        if let Some(copy) = copy {
            writeln!(self.lines.out, "\n  the cleaned copy is {}", shown_path(copy))?;
        }
        if !self.kinds.is_empty() {
            writeln!(self.lines.out)?;
        }
        self.hints(self.kinds.values().any(|kind| kind.hidden > 0).then_some("--all"))
    }

    /// Writes a line for each kind, if there are any; tells whether there are.
    fn table(&mut self, is_set_off: bool) -> io::Result<bool> {
        let out = &mut self.lines.out;
        let has_lines = !self.kinds.is_empty() || self.repairs.count > 0;
        if has_lines && is_set_off {
            writeln!(out)?;
        }
        for ((severity, code), kind) in &self.kinds {
            let (severity, code, count) = (severity.as_str(), code.as_str(), grouped(kind.count));
            writeln!(out, "  {severity:<8} {code:<20} {count:>11}   first: {}{}", kind.first, kind.cut(", "))?;
        }
        if self.repairs.count > 0 {
            let (count, cut) = (grouped(self.repairs.count), self.repairs.cut("   "));
            writeln!(out, "  {:<29} {count:>11}{cut}", "repaired in the copy")?;
        }
        Ok(has_lines)
    }

    /// Writes what to do next; `all` is the flag or command that shows every problem.
    fn hints(&mut self, all: Option<&str>) -> io::Result<()> {
        let out = &mut self.lines.out;
        if self.kinds.is_empty() {
            return Ok(());
        }
        if let Some(all) = all {
            writeln!(out, "  {all} shows every problem")?;
        }
        if self.are_entries_lost {
            writeln!(out, "  --on-duplicate merge adds the members and guests of repeats to the first row")?;
        }
        writeln!(out, "  validate --explain CODE says what a code means and how to fix it")
    }
}

impl<W: Write> Lines<W> {
    /// Writes a line, or folds it into the one before.
    fn write(&mut self, kind: &mut ProblemKind, at: Option<Place>, line: ProblemText) -> io::Result<()> {
        if let (Some(fold), Some(at)) = (&mut self.fold, at)
            && fold.takes(at, &line)
        {
            return Ok(());
        }
        self.unfold()?;
        if kind.hides_next(self.style.shows_all) {
            return Ok(());
        }
        let place = place(&line.file, at.map(|at| at.line), None);
        writeln!(self.out, "{place}: {}: {}{}", line.word, line.message, line.code)?;
        self.fold = at.filter(|_| !self.style.shows_all).map(|at| Fold::new(at, line));
        Ok(())
    }

    /// Writes the line that stands for the folded ones.
    fn unfold(&mut self) -> io::Result<()> {
        let rest = self.fold.take().and_then(Fold::end);
        rest.map_or(Ok(()), |rest| writeln!(self.out, "{rest}"))
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
            problems.tell("a.csv", Some(Place { file: 0, row, line: row + 1 }), &problem, None).unwrap();
        }
        let problem = Problem::general(Code::ColumnUnknown, "ignored column: cost");
        problems.tell("b\u{1b}.csv", None, &problem, None).unwrap();
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
