//! The problem of a row that repeats the name of an earlier row, in words. Pure.

use crate::model::{Code, Field, OnDuplicate, Problem, Severity};

/// A row that repeats the name of an earlier one.
#[derive(Debug)]
pub struct Repeat {
    /// The earlier row's file and line, safe to show.
    pub first: String,
    /// How bad it is.
    pub severity: Severity,
    /// What is done about it.
    pub on_duplicate: OnDuplicate,
    /// The fields in which the two differ.
    pub differs: Vec<Field>,
    /// The fields that lose something.
    pub lost: Vec<Field>,
}

impl Repeat {
    /// The problem of the row.
    #[must_use]
    pub fn problem(&self) -> Problem {
        Problem { severity: self.severity, ..Problem::error(Field::Name, Code::NameRepeated, self.message()) }
    }

    fn message(&self) -> String {
        let (differs, lost) = (and(&self.differs), and(&self.lost));
        let base = format!("repeats the name of {}", self.first);
        match self.on_duplicate {
            _ if self.differs.is_empty() => format!("{base} with the same contents"),
            OnDuplicate::Fail => format!("{base} but differs in {differs}"),
            OnDuplicate::Skip if self.lost.is_empty() => format!("{base} and adds nothing"),
            OnDuplicate::Skip => format!("{base} but differs in {lost}; this is lost because the first row counts"),
            OnDuplicate::Merge => base,
        }
    }

    /// Whether members or guests are lost that `--on-duplicate merge` would keep.
    pub(super) fn loses_entries(&self) -> bool {
        self.on_duplicate == OnDuplicate::Skip && self.lost.iter().any(|field| field.is_list())
    }
}

fn and(fields: &[Field]) -> String {
    let words: Vec<&str> = fields.iter().map(|field| field.as_str()).collect();
    match words.as_slice() {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        words => words.concat(),
    }
}
