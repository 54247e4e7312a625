//! A row as it was read: borrowed from its batch, so that checking it copies nothing. Pure.

use std::borrow::Cow;

use crate::model::{Fields, Problem, Raw};

/// One row of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row<'a> {
    /// Its text, with its line end.
    pub raw: &'a str,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its fields, or why it cannot be read as a row.
    pub fields: Result<Fields<'a>, Problem>,
    /// How it is written, such that it is read alike without any option.
    pub text: Raw<Cow<'a, str>>,
    /// Whether it repeats the header, or is one of other columns.
    pub is_header: bool,
    /// Why it is left out, if it is.
    pub left_out: Option<Problem>,
    /// Warnings about its shape.
    pub warnings: Vec<Problem>,
    /// Whether it has one person, so that rows of one name are merged.
    pub is_of_person: bool,
    /// Whether the row before it is a group of the same person.
    pub is_continued: bool,
}

impl<'a> Row<'a> {
    /// A row without cells and fields.
    pub(super) fn new(raw: &'a str, line: u64) -> Self {
        let (fields, text, warnings) = (Ok(Fields::default()), Raw::Cells(Vec::new()), Vec::new());
        let (left_out, is_header, is_of_person, is_continued) = (None, false, false, false);
        Self { raw, line, fields, text, is_header, left_out, warnings, is_of_person, is_continued }
    }

    /// Whether it defines a group; `problems` are all that were found in it.
    pub fn is_valid(&self, problems: &[Problem]) -> bool {
        self.fields.is_ok() && self.left_out.is_none() && !problems.iter().any(Problem::is_error)
    }
}
