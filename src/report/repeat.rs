//! A row that repeats the name of an earlier one, in words. Pure.

use crate::model::{Field, OnDuplicate, Severity};

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

impl Repeat {
    pub(super) fn message(&self) -> String {
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

    /// Whether it has entries that are lost, and need not be.
    pub(super) fn loses_entries(&self) -> bool {
        self.on_duplicate == OnDuplicate::Skip && self.differs.iter().any(|field| field.is_list())
    }
}

fn and(words: &[&str]) -> String {
    match words {
        [before @ .., last] if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => words.concat(),
    }
}
