//! The problems that `validate` finds: one a line as they are found, so that editors can jump, then the table of kinds.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::grouped;
use super::kinds::{Kind, ProblemStyle, Teller};
use super::problem_line::{Finding, Line};
use super::repeat::Repeat;
use crate::model::{self, Code, Fault, Field, Place, ProblemFormat, Severity, json_shown, shown_path};

/// Writes problems as they are found.
pub struct Problems<W> {
    teller: Teller<W>,
    rows: u64,
    invalid: u64,
    duplicates: u64,
    /// Whether repeats have members or guests that are lost.
    are_entries_lost: bool,
    repairs: Kind,
    kinds: BTreeMap<(Severity, Code), Kind>,
}

impl<W: Write> Problems<W> {
    /// Writes to `out`.
    pub fn new(out: W, style: ProblemStyle) -> Self {
        Self {
            teller: Teller::new(out, style),
            rows: 0,
            invalid: 0,
            duplicates: 0,
            are_entries_lost: false,
            repairs: Kind::default(),
            kinds: BTreeMap::new(),
        }
    }

    /// So many rows were checked, and so many of them are valid; problems are told by themselves.
    pub fn rows(&mut self, count: u64, valid: u64) {
        self.rows += count;
        self.invalid += count - valid;
    }

    /// A problem of a row, or of a file as a whole; `column` is the field's name in this file, where it is another.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn tell(&mut self, file: &str, at: Option<Place>, fault: &Fault, column: Option<&str>) -> io::Result<()> {
        let finding = Finding {
            file,
            row: at.map(|at| at.row),
            line: at.map(|at| at.line),
            column: None,
            code: fault.code,
            severity: fault.severity,
            field: fault.field,
            header: column,
            message: &fault.message,
            entry: fault.entry.as_deref(),
        };
        self.write(&finding, at)
    }

    /// A row that repeats an earlier one; invalid only if repeats were asked to be.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn repeat(&mut self, file: &str, place: Place, repeat: &Repeat) -> io::Result<()> {
        let message = repeat.message();
        self.are_entries_lost |= repeat.loses_entries();
        if repeat.severity == Severity::Error {
            self.invalid += 1;
            return self.tell(file, Some(place), &Fault::of(Field::Name, Code::NameRepeated, message), None);
        }
        self.duplicates += 1;
        if !self.teller.is_for_scripts() {
            let fault = Fault { severity: repeat.severity, ..Fault::of(Field::Name, Code::NameRepeated, message) };
            return self.tell(file, Some(place), &fault, None);
        }
        self.kinds.entry((repeat.severity, Code::NameRepeated)).or_default().count(String::new);
        let line = json!({
            "type": "duplicate",
            "severity": repeat.severity.as_str(),
            "code": Code::NameRepeated.as_str(),
            "file": file,
            "row": place.row,
            "line": place.line,
            "duplicate_of": repeat.first,
            "differs": words(&repeat.differs),
            "lost": words(&repeat.lost),
        });
        self.line(&line)
    }

    /// A repair of a row, or of a file as a whole, in the cleaned copy.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn repaired(&mut self, file: &str, at: Option<Place>, what: &str) -> io::Result<()> {
        self.repairs.count(String::new);
        if self.teller.is_for_scripts() {
            let (row, line) = (at.map(|at| at.row), at.map(|at| at.line));
            let line = json!({"type": "repair", "file": file, "row": row, "line": line, "message": what});
            return self.line(&line);
        }
        let line = Line { word: "repaired", message: what.to_owned(), code: String::new(), entry: None };
        let place = model::place(file, at.map(|at| at.line), None);
        self.teller.say(&mut self.repairs, &place, at.map(|at| (file, at)), line)
    }

    /// A line for scripts.
    fn line(&mut self, line: &Value) -> io::Result<()> {
        writeln!(self.teller.out, "{}", json_shown(&line.to_string()))
    }

    /// A file that cannot be read as a table, or not to its end. People are told of it at the end, as of an error.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn unreadable(
        &mut self,
        path: &Path,
        line: Option<u64>,
        column: Option<u64>,
        told: &[(Code, String)],
    ) -> io::Result<()> {
        for (code, message) in told {
            let file = &path.display().to_string();
            let (row, field, header, severity) = (None, None, None, Severity::Error);
            let finding =
                Finding { file, row, line, column, code: *code, severity, field, header, message, entry: None };
            if self.teller.style.format == ProblemFormat::Text {
                self.kinds.entry((severity, *code)).or_default().count(|| finding.place());
            } else {
                self.write(&finding, None)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, finding: &Finding<'_>, at: Option<Place>) -> io::Result<()> {
        let kind = self.kinds.entry((finding.severity, finding.code)).or_default();
        kind.count(|| finding.place());
        self.teller.tell(kind, finding, at)
    }

    /// How many of this severity.
    fn of(&self, wanted: Severity) -> u64 {
        self.kinds.iter().filter(|((severity, _), _)| *severity == wanted).map(|(_, kind)| kind.count).sum()
    }

    /// Whether nothing was found; `strict` counts warnings.
    #[must_use]
    pub fn is_clean(&self, strict: bool) -> bool {
        self.of(Severity::Error) == 0 && !(strict && self.of(Severity::Warning) > 0)
    }

    /// Shows what was written so far.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn flush(&mut self) -> io::Result<()> {
        self.teller.out.flush()
    }

    /// Writes the table of kinds, the totals, and where the cleaned copy is.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(mut self, copy: Option<&Path>) -> io::Result<()> {
        self.teller.unfold()?;
        let valid = self.rows - self.invalid - self.duplicates;
        if self.teller.is_for_scripts() {
            let mut codes = BTreeMap::<&str, u64>::new();
            for ((_, code), kind) in &self.kinds {
                *codes.entry(code.as_str()).or_default() += kind.count;
            }
            let totals = json!({
                "type": "totals",
                "rows": self.rows,
                "valid": valid,
                "duplicate": self.duplicates,
                "invalid": self.invalid,
                "problems": self.of(Severity::Error),
                "warnings": self.of(Severity::Warning),
                "repairs": self.repairs.count,
                "codes": codes,
            });
            self.line(&totals)?;
            return self.flush();
        }
        if self.rows == 0 && self.of(Severity::Error) > 0 {
            // No file could be read: the error says it all.
            return self.flush();
        }
        self.table()?;
        for (word, count) in
            [("valid", valid), ("duplicate", self.duplicates), ("invalid", self.invalid), ("rows", self.rows)]
        {
            writeln!(self.teller.out, "  {word:<10} {:>9}", grouped(count))?;
        }
        if let Some(copy) = copy {
            writeln!(self.teller.out, "\n  the cleaned copy is {}", shown_path(copy))?;
        }
        self.hints()?;
        self.flush()
    }

    fn table(&mut self) -> io::Result<()> {
        if self.kinds.is_empty() && self.repairs.count == 0 {
            return Ok(());
        }
        let out = &mut self.teller.out;
        writeln!(out)?;
        for ((severity, code), kind) in &self.kinds {
            let (severity, code, count) = (severity.as_str(), code.as_str(), grouped(kind.count));
            writeln!(out, "  {severity:<8} {code:<20} {count:>11}   first: {}{}", kind.first, kind.cut(", "))?;
        }
        if self.repairs.count > 0 {
            let (count, cut) = (grouped(self.repairs.count), self.repairs.cut("   "));
            writeln!(out, "  {:<29} {count:>11}{cut}", "repaired in the copy")?;
        }
        writeln!(out)
    }

    fn hints(&mut self) -> io::Result<()> {
        let out = &mut self.teller.out;
        if self.kinds.is_empty() {
            return Ok(());
        }
        writeln!(out)?;
        if self.kinds.values().any(Kind::is_cut) {
            writeln!(out, "  --all shows every problem")?;
        }
        if self.are_entries_lost {
            writeln!(out, "  --on-duplicate merge adds the members and guests of repeats to the first row")?;
        }
        writeln!(out, "  validate --explain CODE says what a code means and how to mend it")
    }
}

fn words(fields: &[Field]) -> Vec<&'static str> {
    fields.iter().map(|field| field.as_str()).collect()
}
