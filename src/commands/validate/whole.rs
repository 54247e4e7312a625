//! What is said of a file as a whole, once it was read. Pure.

use crate::model::{Code, Fault, Field, shortened};
use crate::read::{Parser, UNKNOWN_MAX, map_flags};
use crate::settings::Input;

/// A file so far.
#[derive(Debug, Default)]
pub(super) struct FileSoFar {
    pub(super) rows: u64,
    /// Rows without a description, and the line of the first.
    undescribed: u64,
    first_undescribed: u64,
    /// Columns and keys that are no field.
    unknown: Vec<String>,
    /// It cannot be read to its end.
    pub(super) is_given_up: bool,
    /// Whether a line ends with CR.
    pub(super) has_cr: bool,
    /// Blank lines between rows.
    pub(super) blanks: u64,
}

impl FileSoFar {
    pub(super) fn of(parser: &Parser) -> Self {
        Self { unknown: parser.unknown().to_vec(), ..Self::default() }
    }

    /// Counts rows without a description; with the line of the first of them.
    pub(super) fn note_undescribed(&mut self, count: usize, first: u64) {
        if self.undescribed == 0 {
            self.first_undescribed = first;
        }
        self.undescribed += count as u64;
    }

    pub(super) fn note_unknown(&mut self, key: String) {
        if self.unknown.len() < UNKNOWN_MAX && !self.unknown.contains(&key) {
            self.unknown.push(key);
        }
    }

    /// What the cleaned copy has otherwise in all of the file.
    pub(super) fn repairs(&self, parser: &Parser) -> Vec<String> {
        let line_ends = self.has_cr.then(|| "line ends made LF".to_owned());
        let blanks = (self.blanks > 0).then(|| "blank lines removed".to_owned());
        parser.origin().iter().cloned().chain(line_ends).chain(blanks).collect()
    }

    /// What is worth a look in it.
    pub(super) fn faults(&self, parser: &Parser, input: &Input) -> Vec<Fault> {
        [self.rowless(input), self.ignored(parser), self.undescribed(input)].into_iter().flatten().collect()
    }

    fn rowless(&self, input: &Input) -> Option<Fault> {
        // Where rows are limited there may be others.
        let is_rowless = self.rows == 0 && !self.is_given_up && input.limit.is_none();
        let message = "the file has a header and no rows; nothing would be imported";
        is_rowless.then(|| Fault::remark(Code::FileEmpty, message))
    }

    fn ignored(&self, parser: &Parser) -> Option<Fault> {
        let columns: Vec<String> = self.unknown.iter().map(|column| shortened(column)).collect();
        let hint = match map_flags(parser.likely()).as_str() {
            "" => String::new(),
            flags => format!("; if that is what they hold, say {flags}"),
        };
        let message = format!("ignored, as they are no field of a group: {}{hint}", columns.join(", "));
        (!columns.is_empty()).then(|| Fault::remark(Code::ColumnUnknown, message))
    }

    fn undescribed(&self, input: &Input) -> Option<Fault> {
        let Self { rows, undescribed, first_undescribed, .. } = self;
        let rules = &input.rules;
        let is_told = *undescribed > 0 && rules.default_description.is_none() && !rules.require_description;
        let message = format!(
            "rows without a description: {undescribed} of {rows} (the first: line {first_undescribed}); a newer API refuses them; --default-description gives one"
        );
        is_told.then(|| Fault::warning(Field::Description, Code::DescriptionMissing, message))
    }
}
