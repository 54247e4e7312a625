//! Writes the problems of rows and files as they are found, then a table of their kinds. People see the first lines of each kind. A
//! problem is a line for people and their editors, JSON, or an annotation of a pull request.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::count_line;
use crate::model::{
    Code, Place, Problem, ProblemCount, ProblemFormat, Severity, Status, StatusCounts, grouped, json_shown, place,
    shortened, shown, shown_path, without_sheet,
};

/// At most this many lines of a kind are shown unless all are asked for.
const SHOWN_MAX: u64 = 20;

/// A paragraph for each code: what it means and how to fix it.
const PAGE: &str = include_str!("explain.md");

/// Writes problems and counts them.
pub struct Problems<W> {
    out: W,
    format: ProblemFormat,
    /// Whether all are written, not just the first of each kind.
    shows_all: bool,
    /// The checked rows; valid ones are pending.
    rows: StatusCounts,
    /// How many problems of a kind there are, and where the first one is.
    kinds: BTreeMap<(Severity, Code), ProblemCount>,
    /// How many corrections the cleaned copy has.
    repairs: u64,
    /// Whether some problems were counted by an earlier run, so that there are no lines to show.
    is_restored: bool,
}

impl<W: Write> Problems<W> {
    /// Writes to `out` in this format: all problems, or just the first of each kind.
    pub fn new(out: W, format: ProblemFormat, shows_all: bool) -> Self {
        let (rows, kinds) = (StatusCounts::default(), BTreeMap::new());
        Self { out, format, shows_all, rows, kinds, repairs: 0, is_restored: false }
    }

    /// Whether the last of this many of a kind gets no line.
    fn hides(&self, count: u64) -> bool {
        !self.shows_all && count > SHOWN_MAX
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
        self.write(&Finding { file, row, line, column: None, header: column, problem })
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
            match self.format {
                ProblemFormat::Text | ProblemFormat::Counts => _ = self.count_one(&finding),
                ProblemFormat::Json | ProblemFormat::Github => self.write(&finding)?,
            }
        }
        Ok(())
    }

    fn write(&mut self, finding: &Finding<'_>) -> io::Result<()> {
        let count = self.count_one(finding);
        match self.format {
            ProblemFormat::Json => self.json(&finding.json()),
            ProblemFormat::Counts if !self.shows_all => Ok(()),
            _ if self.hides(count) => Ok(()),
            ProblemFormat::Github => writeln!(self.out, "{}", finding.github()),
            ProblemFormat::Text | ProblemFormat::Counts => writeln!(self.out, "{}", finding.text()),
        }
    }

    /// Writes a correction that the cleaned copy has, in a row or in the whole file.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn repaired(&mut self, file: &str, at: Option<Place>, what: &str) -> io::Result<()> {
        self.repairs += 1;
        let (row, line) = (at.map(|at| at.row), at.map(|at| at.line));
        match self.format {
            ProblemFormat::Json => {
                let file = without_sheet(file);
                self.json(&json!({"type": "repair", "file": file, "row": row, "line": line, "message": what}))
            }
            _ if self.hides(self.repairs) => Ok(()),
            _ => writeln!(self.out, "{}: repaired: {what}", place(file, line, None)),
        }
    }

    /// Counts a problem; gives the number of its kind.
    fn count_one(&mut self, finding: &Finding<'_>) -> u64 {
        let Problem { severity, code, .. } = *finding.problem;
        let first = || ProblemCount { severity, code, count: 0, first: finding.place() };
        let known = self.kinds.entry((severity, code)).or_insert_with(first);
        known.count += 1;
        known.count
    }

    fn json(&mut self, value: &Value) -> io::Result<()> {
        writeln!(self.out, "{}", json_shown(&value.to_string()))
    }

    /// How many problems of this severity there are.
    pub fn count(&self, severity: Severity) -> u64 {
        self.counts().filter(|known| known.severity == severity).map(|known| known.count).sum()
    }

    /// The counts of all kinds of problems, for the journal.
    pub fn counts(&self) -> impl Iterator<Item = &ProblemCount> {
        self.kinds.values()
    }

    /// Adds what was counted when an unchanged file was last read.
    pub fn restore(&mut self, earlier: ProblemCount) {
        self.is_restored = true;
        let (kind, more) = ((earlier.severity, earlier.code), earlier.count);
        self.kinds.entry(kind).and_modify(|known| known.count += more).or_insert(earlier);
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
        match self.format {
            ProblemFormat::Json => self.json(&self.json_totals())?,
            ProblemFormat::Counts => {
                let all = match self.shows_all {
                    _ if self.is_restored => Some("validate"),
                    false => Some("-v"),
                    true => None,
                };
                let gap = if all.is_none() { self.gap() } else { "" };
                write!(self.out, "{gap}{}{}", self.table(), self.hints(all))?;
            }
            // No file could be read: the error says it all.
            ProblemFormat::Text | ProblemFormat::Github
                if self.rows.total() == 0 && self.count(Severity::Error) > 0 => {}
            ProblemFormat::Text | ProblemFormat::Github => write!(self.out, "{}", self.totals(copy))?,
        }
        self.flush()
    }

    fn json_totals(&self) -> Value {
        let mut codes: BTreeMap<&str, u64> = BTreeMap::new();
        for known in self.counts() {
            *codes.entry(known.code.as_ref()).or_default() += known.count;
        }
        let mut totals = json!({
            "type": "totals",
            "problems": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "repairs": self.repairs,
            "codes": codes,
        });
        for (word, count) in self.row_totals() {
            totals[word] = count.into();
        }
        totals
    }

    /// How many rows there are of each kind, and of all.
    fn row_totals(&self) -> impl Iterator<Item = (&'static str, u64)> {
        use Status::{Duplicate, Excluded, Invalid, Merged, Pending};
        let word = |status: Status| if status == Pending { "valid" } else { status.into() };
        let kinds = [Pending, Merged, Duplicate, Excluded, Invalid].map(|status| (word(status), self.rows.of(status)));
        kinds.into_iter().chain([("rows", self.rows.total())])
    }

    /// The end for people: blocks of lines with an empty line between them.
    fn totals(&self, copy: Option<&Path>) -> String {
        let always = ["valid", "duplicate", "invalid", "rows"];
        let rows = self.row_totals().filter(|(word, count)| *count > 0 || always.contains(word));
        let rows = rows.map(|(word, count)| count_line(word, count)).collect();
        let copy = copy.map_or_else(String::new, |copy| format!("  the cleaned copy is {}\n", shown_path(copy)));
        let most = self.counts().map(|known| known.count).max().max(Some(self.repairs));
        let hints = self.hints(most.filter(|count| self.hides(*count)).map(|_| "--all"));
        let blocks = [self.table(), rows, copy, hints].into_iter().filter(|block| !block.is_empty());
        format!("{}{}", self.gap(), blocks.collect::<Vec<_>>().join("\n"))
    }

    /// An empty line after the lines of the problems, if there are any.
    fn gap(&self) -> &'static str {
        if self.kinds.is_empty() && self.repairs == 0 { "" } else { "\n" }
    }

    /// A line for each kind.
    fn table(&self) -> String {
        let is_cut = |count| self.format != ProblemFormat::Counts && self.hides(count);
        let shown = |count| if is_cut(count) { format!(", the first {SHOWN_MAX} shown") } else { String::new() };
        let line = |ProblemCount { severity, code, count, first }: &ProblemCount| {
            let (severity, code, number) = (severity.as_ref(), code.as_ref(), grouped(*count));
            format!("  {severity:<8} {code:<20} {number:>11}   first: {first}{}\n", shown(*count))
        };
        let repairs = Some(self.repairs).filter(|count| *count > 0);
        let repairs = repairs.map(|count| format!("  repaired in the copy {:>20}{}\n", grouped(count), shown(count)));
        self.counts().map(line).chain(repairs).collect()
    }

    /// What to do next; `all` is the flag or command that shows every problem.
    fn hints(&self, all: Option<&str>) -> String {
        if self.kinds.is_empty() {
            return String::new();
        }
        let all = all.map_or_else(String::new, |all| format!("  {all} shows every problem\n"));
        let is_repeated = self.kinds.contains_key(&(Severity::Warning, Code::NameRepeated));
        let merge = "  --on-duplicate merge adds the members and guests of repeats to the first row\n";
        let merge = if is_repeated { merge } else { "" };
        format!("{all}{merge}  validate --explain CODE says what a code means and how to fix it\n")
    }
}

/// A problem and its place.
struct Finding<'a> {
    /// As it was given.
    file: &'a str,
    row: Option<u64>,
    line: Option<u64>,
    column: Option<u64>,
    /// The field's name in this file, if it is another.
    header: Option<&'a str>,
    problem: &'a Problem,
}

impl Finding<'_> {
    /// `file:line:column`, as much of it as is known.
    fn place(&self) -> String {
        place(self.file, self.line, self.column)
    }

    fn message(&self) -> String {
        let column = self.header.map_or_else(String::new, |header| format!(" (column `{}`)", shortened(header)));
        format!("{}{column}", self.problem.message)
    }

    /// For people and their editors.
    fn text(&self) -> String {
        let Problem { severity, code, .. } = self.problem;
        format!("{}: {}: {} [{}]", self.place(), severity.as_ref(), self.message(), code.as_ref())
    }

    fn json(&self) -> Value {
        let Problem { severity, code, field, message, .. } = self.problem;
        json!({
            "type": if *severity == Severity::Error { "problem" } else { severity.as_ref() },
            "severity": severity.as_ref(),
            "code": code.as_ref(),
            "file": without_sheet(self.file),
            "row": self.row,
            "line": self.line,
            "column": self.column,
            "field": field.map(<&str>::from),
            "header": self.header,
            "message": message,
        })
    }

    /// A workflow command, by GitHub's documentation ("Setting an error message").
    fn github(&self) -> String {
        let command = match self.problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let at = |name, number: Option<u64>| number.map_or_else(String::new, |number| format!(",{name}={number}"));
        let place = at("line", self.line) + &at("col", self.column);
        let file = data(&shown(without_sheet(self.file))).replace(':', "%3A").replace(',', "%2C");
        format!("::{command} file={file}{place},title={}::{}", self.problem.code.as_ref(), data(&self.message()))
    }
}

/// Escapes the text after the properties; in a property a colon and a comma are escaped too.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The paragraph for a code, ready to print.
pub fn explanation(code: Code) -> String {
    let word = code.as_ref();
    let sections = PAGE.split("\n## ").skip(1).filter_map(|section| section.split_once('\n'));
    let text = sections.filter(|(title, _)| *title == word).map(|(_, text)| text.trim()).next().unwrap_or_default();
    format!("{word}\n\n{text}\n")
}

#[cfg(test)]
mod tests {
    use strum::VariantArray;

    use super::*;
    use crate::model::Field;

    fn counted(shows_all: bool, known: Vec<ProblemCount>) -> (String, Vec<ProblemCount>) {
        let mut out = Vec::new();
        let mut problems = Problems::new(&mut out, ProblemFormat::Counts, shows_all);
        for known in known {
            problems.restore(known);
        }
        for row in 1..=1200 {
            let problem = Problem::error(Field::Members, Code::MemberInvalid, "member is not a user id");
            problems.report("a.csv", Some(Place { file: 0, row, line: row + 1 }), &problem, None).unwrap();
        }
        let problem = Problem::general(Code::ColumnUnknown, "ignored column: cost");
        problems.report("b\u{1b}.csv", None, &problem, None).unwrap();
        let repeat = Problem::note(Code::NameRepeated, "repeats the name of a.csv:2 with the same contents");
        problems.report("a.csv", Some(Place { file: 0, row: 1201, line: 1202 }), &repeat, None).unwrap();
        assert!(problems.count(Severity::Error) > 0 && problems.count(Severity::Warning) > 0);
        let counts = problems.counts().cloned().collect();
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

    #[test]
    fn an_annotation_cannot_be_ended_by_the_text_in_it() {
        let problem = &Problem::error(Field::Name, Code::NameMissing, "100%\n::stop-commands::");
        let (file, header) = ("a,b:c%.csv", Some("Display Name"));
        let finding = Finding { file, row: Some(1), line: Some(2), column: None, header, problem };
        assert_eq!(
            finding.github(),
            "::error file=a%2Cb%3Ac%25.csv,line=2,title=name-missing::100%25%0A::stop-commands:: (column `Display Name`)"
        );
    }

    #[test]
    fn every_code_has_a_paragraph_and_every_paragraph_a_code() {
        for code in Code::VARIANTS {
            assert!(explanation(*code).len() > 120, "{}", code.as_ref());
        }
        let titles = PAGE.split("\n## ").skip(1).map(|section| section.lines().next().unwrap());
        assert_eq!(titles.collect::<Vec<_>>(), Code::VARIANTS.iter().map(AsRef::as_ref).collect::<Vec<_>>());
    }
}
