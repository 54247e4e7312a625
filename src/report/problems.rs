//! The problems that `validate` finds: one a line as they are found, so that editors can jump, then the table of kinds.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde_json::json;

use super::grouped;
use super::problem_line::{Finding, ProblemFormat};
use crate::model::{Code, Fault, Field, OnDuplicate, Place, Severity, shown, shown_path};

/// So many problems of a kind are shown to people, unless all are asked for.
const SHOWN_MAX: u64 = 20;

/// How problems are shown.
#[derive(Debug, Clone, Copy)]
pub struct ProblemStyle {
    /// For whom.
    pub format: ProblemFormat,
    /// All of them, not just the first of each kind.
    pub shows_all: bool,
}

/// Writes problems as they are found.
pub struct Problems<W> {
    out: W,
    style: ProblemStyle,
    rows: u64,
    invalid: u64,
    duplicates: u64,
    repairs: u64,
    kinds: BTreeMap<(Severity, Code), Kind>,
}

/// The problems of one kind so far.
#[derive(Debug, Default)]
struct Kind {
    count: u64,
    first: String,
}

/// A row that repeats the name of an earlier one.
#[derive(Debug)]
pub struct Repeat {
    /// The earlier row's file and line, safe to show.
    pub first: String,
    /// How bad it is.
    pub severity: Severity,
    /// What becomes of it.
    pub on_duplicate: OnDuplicate,
    /// The fields in which the two differ.
    pub differs: Vec<Field>,
}

impl<W: Write> Problems<W> {
    /// Writes to `out`.
    pub fn new(out: W, style: ProblemStyle) -> Self {
        Self { out, style, rows: 0, invalid: 0, duplicates: 0, repairs: 0, kinds: BTreeMap::new() }
    }

    /// A row was checked; its problems are told by themselves.
    pub fn row(&mut self, is_valid: bool) {
        self.rows += 1;
        self.invalid += u64::from(!is_valid);
    }

    /// A problem of a row, or of a file as a whole; `column` is the field's name in this file, where it is another.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn tell(&mut self, file: &str, place: Option<Place>, fault: &Fault, column: Option<&str>) -> io::Result<()> {
        let finding = Finding {
            file,
            row: place.map(|place| place.row),
            line: place.map(|place| place.line),
            column: None,
            code: fault.code,
            severity: fault.severity,
            field: fault.field,
            header: column,
            message: &fault.message,
        };
        self.write(&finding)
    }

    /// A row that repeats an earlier one; invalid only if repeats were asked to be.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn repeat(&mut self, file: &str, place: Place, repeat: &Repeat) -> io::Result<()> {
        let message = repeat.message();
        if repeat.severity == Severity::Error {
            self.invalid += 1;
            return self.tell(file, Some(place), &Fault::of(Field::Name, Code::NameRepeated, message), None);
        }
        self.duplicates += 1;
        if self.style.format != ProblemFormat::Json {
            let fault = Fault { severity: repeat.severity, ..Fault::of(Field::Name, Code::NameRepeated, message) };
            return self.tell(file, Some(place), &fault, None);
        }
        self.count(repeat.severity, Code::NameRepeated, String::new());
        let line = json!({
            "type": "duplicate",
            "severity": repeat.severity.as_str(),
            "code": Code::NameRepeated.as_str(),
            "file": file,
            "row": place.row,
            "line": place.line,
            "duplicate_of": repeat.first,
            "differs": repeat.differs.iter().map(|field| field.as_str()).collect::<Vec<_>>(),
        });
        writeln!(self.out, "{line}")
    }

    /// A repair of a row, or of a file as a whole, in the cleaned copy.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn repaired(&mut self, file: &str, place: Option<Place>, what: &str) -> io::Result<()> {
        self.repairs += 1;
        if self.style.format == ProblemFormat::Json {
            let (row, line) = (place.map(|place| place.row), place.map(|place| place.line));
            let line = json!({"type": "repair", "file": file, "row": row, "line": line, "message": what});
            return writeln!(self.out, "{line}");
        }
        if self.style.is_cut(self.repairs) {
            return Ok(());
        }
        let line = place.map_or_else(String::new, |place| format!(":{}", place.line));
        writeln!(self.out, "{}{line}: repaired: {what}", shown(file))
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
            let finding = Finding { file, row, line, column, code: *code, severity, field, header, message };
            if self.style.format == ProblemFormat::Text {
                self.count(severity, *code, finding.place());
            } else {
                self.write(&finding)?;
            }
        }
        Ok(())
    }

    fn write(&mut self, finding: &Finding<'_>) -> io::Result<()> {
        let count = self.count(finding.severity, finding.code, finding.place());
        let is_shown = self.style.format == ProblemFormat::Json || !self.style.is_cut(count);
        if is_shown { writeln!(self.out, "{}", finding.line(self.style.format)) } else { Ok(()) }
    }

    /// Counts one more; gives how many of its kind there are now.
    fn count(&mut self, severity: Severity, code: Code, place: String) -> u64 {
        let kind = self.kinds.entry((severity, code)).or_default();
        if kind.count == 0 {
            kind.first = place;
        }
        kind.count += 1;
        kind.count
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
        self.out.flush()
    }

    /// Writes the table of kinds, the totals, and where the cleaned copy is.
    ///
    /// # Errors
    /// If they cannot be written.
    pub fn finish(mut self, copy: Option<&Path>) -> io::Result<()> {
        let valid = self.rows - self.invalid - self.duplicates;
        if self.style.format == ProblemFormat::Json {
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
                "repairs": self.repairs,
                "codes": codes,
            });
            writeln!(self.out, "{totals}")?;
            return self.out.flush();
        }
        if self.rows == 0 && self.of(Severity::Error) > 0 {
            // No file could be read: the error says it all.
            return self.out.flush();
        }
        self.table()?;
        for (word, count) in
            [("valid", valid), ("duplicate", self.duplicates), ("invalid", self.invalid), ("rows", self.rows)]
        {
            writeln!(self.out, "  {word:<10} {:>9}", grouped(count))?;
        }
        if let Some(copy) = copy {
            writeln!(self.out, "\n  the cleaned copy is {}", shown_path(copy))?;
        }
        self.hints()?;
        self.out.flush()
    }

    fn table(&mut self) -> io::Result<()> {
        if self.kinds.is_empty() && self.repairs == 0 {
            return Ok(());
        }
        writeln!(self.out)?;
        for ((severity, code), kind) in &self.kinds {
            let (severity, code, count) = (severity.as_str(), code.as_str(), grouped(kind.count));
            write!(self.out, "  {severity:<8} {code:<20} {count:>11}   first: {}", kind.first)?;
            writeln!(self.out, "{}", self.style.cut(kind.count, ", "))?;
        }
        if self.repairs > 0 {
            let cut = self.style.cut(self.repairs, "   ");
            writeln!(self.out, "  {:<29} {:>11}{cut}", "repaired in the copy", grouped(self.repairs))?;
        }
        writeln!(self.out)
    }

    fn hints(&mut self) -> io::Result<()> {
        if self.kinds.is_empty() {
            return Ok(());
        }
        writeln!(self.out)?;
        if self.kinds.values().any(|kind| self.style.is_cut(kind.count)) {
            writeln!(self.out, "  --all shows every problem")?;
        }
        writeln!(self.out, "  validate --explain CODE says what a code means and how to mend it")
    }
}

impl ProblemStyle {
    /// Whether not all of so many are shown.
    fn is_cut(self, count: u64) -> bool {
        !self.shows_all && count > SHOWN_MAX
    }

    /// The words for that, behind what parts them from what stands before.
    fn cut(self, count: u64, gap: &str) -> String {
        if self.is_cut(count) { format!("{gap}the first {SHOWN_MAX} shown") } else { String::new() }
    }
}

impl Repeat {
    fn message(&self) -> String {
        let fields: Vec<&str> = self.differs.iter().map(|field| field.as_str()).collect();
        let first = &self.first;
        let base = format!("repeats the name of {first}");
        match (self.on_duplicate, fields.as_slice()) {
            (_, []) => format!("{base}, and is the same in all"),
            (OnDuplicate::Skip, fields) => {
                format!("{base}, and differs in {}, which is lost: the first wins", and(fields))
            }
            (OnDuplicate::Merge, fields) => {
                format!("{base}, and differs in {}; members and guests are added to it", and(fields))
            }
            (OnDuplicate::Fail, fields) => format!("{base}, and differs in {}", and(fields)),
        }
    }
}

fn and(words: &[&str]) -> String {
    match words {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => words.concat(),
    }
}
